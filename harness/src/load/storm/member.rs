//! One client of a storm.

use allspark_client::core::Client;
use allspark_protocol::Instant;
use allspark_protocol::transformer::Link;
use smallvec::SmallVec;

/// How far a client has come, as far as can be seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has no connection and tries to get none.
    Away,
    /// It connects.
    Trying,
    /// Its connection is open.
    Open,
}

/// A client: the machine that decides everything, and what it decides about.
pub(super) struct Member {
    pub(super) machine: Client,
    /// The cables that it knows, by its names.
    pub(super) links: SmallVec<[(Link, u32); 2]>,
    /// Cables that the driver has not closed yet.
    pub(super) cables: u32,
    /// The earliest alarm that is set.
    pub(super) alarm: Option<Instant>,
    pub(super) stage: Stage,
    /// Of the servers that were started one after the other, the one that it was connected to
    /// last.
    pub(super) server: u32,
    /// Attempts since it had a connection.
    pub(super) attempts: u32,
    /// It was connected once.
    pub(super) was_open: bool,
    /// It was told to end.
    pub(super) said_farewell: bool,
}

impl Member {
    pub(super) fn new(machine: Client) -> Self {
        Self {
            machine,
            links: SmallVec::new(),
            cables: 0,
            alarm: None,
            stage: Stage::Away,
            server: 0,
            attempts: 0,
            was_open: false,
            said_farewell: false,
        }
    }

    pub(super) fn cable(&self, link: Link) -> Option<u32> {
        let mut links = self.links.iter();
        links
            .find(|(name, _)| *name == link)
            .map(|&(_, cable)| cable)
    }

    /// The client hears nothing more of this link.
    pub(super) fn forget(&mut self, link: Link) {
        self.links.retain(|(name, _)| *name != link);
    }
}
