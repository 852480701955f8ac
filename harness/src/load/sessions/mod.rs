//! Clients whose sessions take several TCP connections, one after another or at once: each is a
//! client half of the transformers crate, and its connections are [`cables`](super::cables).
//!
//! | module | what it is for |
//! |---|---|
//! | [`play`] | carries out what client halves want, and hears what they tell |
//!
//! Where every client is one plain WebSocket none of this is used.
//!
//! # Invariants
//! - What a client half wants is carried out before what it tells is acted upon, so that an
//!   answer to a message never overtakes what was wanted before it.
//! - A cable belongs to one client until the driver has confirmed that it is closed; a client is
//!   gone only when it has none left.

mod play;

use allspark_engine::io::Driver;
use allspark_protocol::Instant;
use allspark_protocol::transformer::{ClientOutputs, ClientTransport, Link};
use smallvec::SmallVec;

use super::alarms::Alarms;
use super::cables::Cables;

/// The sessions of all clients.
#[derive(Default)]
pub(super) struct Sessions {
    /// By client; grows as clients begin.
    list: Vec<Session>,
    cables: Cables,
    alarms: Alarms,
    /// Emptied outputs, to be used again.
    spare: Vec<ClientOutputs>,
}

/// The session of one client.
#[derive(Default)]
struct Session {
    /// Gone when the session is over.
    half: Option<Box<dyn ClientTransport>>,
    /// The cables that the client half knows, by its names.
    links: Vec<(Link, u32)>,
    /// Cables that the driver has not closed yet.
    cables: u32,
    /// The earliest alarm that is set.
    alarm: Option<Instant>,
}

impl Sessions {
    /// Blocks that the driver is done with are taken back. Call it after each turn of the driver.
    pub(super) fn reclaim(&mut self) {
        self.cables.reclaim();
    }

    /// Whether cables are to be closed that wait for nothing.
    pub(super) fn has_cables_to_close(&self) -> bool {
        self.cables.has_any_to_close()
    }

    /// When the next client half wants to be called.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.alarms.next()
    }

    /// Whether the server takes nothing from a client for now. What waits for the answer to a
    /// request is not counted: it is the transport that makes it wait, not the server.
    pub(super) fn is_stalled(&self, client: u32) -> bool {
        let links = self.list.get(client as usize).map(|session| &session.links);
        let mut cables = links.into_iter().flatten().map(|&(_, cable)| cable);
        cables.any(|cable| self.cables.is_stalled(cable))
    }

    /// A client reads nothing from now on. Returns its cables that are concerned.
    pub(super) fn stop_reading(
        &mut self,
        client: u32,
        driver: &mut impl Driver,
    ) -> SmallVec<[(u32, Link); 1]> {
        let links = self.session(client).links.clone();
        let cables = links.into_iter().map(|(link, cable)| (cable, link));
        cables
            .filter(|&(cable, _)| self.cables.stop_receiving(cable, driver))
            .collect()
    }

    /// A client reads these cables again, as far as it still has them.
    pub(super) fn read_again(
        &mut self,
        client: u32,
        cables: &[(u32, Link)],
        driver: &mut impl Driver,
    ) {
        for &(cable, link) in cables {
            if self.cables.listener(cable) == Some((client, link)) {
                self.cables.receive(cable, driver);
            }
        }
    }

    fn begin(&mut self, client: u32, half: Box<dyn ClientTransport>) {
        let session = self.session(client);
        session.half = Some(half);
    }

    fn session(&mut self, client: u32) -> &mut Session {
        let index = client as usize;
        if self.list.len() <= index {
            self.list.resize_with(index + 1, Session::default);
        }
        &mut self.list[index]
    }

    fn half(&mut self, client: u32) -> Option<&mut Box<dyn ClientTransport>> {
        self.session(client).half.as_mut()
    }

    fn cable_of(&mut self, client: u32, link: Link) -> Option<u32> {
        let links = &self.session(client).links;
        let found = links.iter().find(|(name, _)| *name == link);
        found.map(|&(_, cable)| cable)
    }

    fn add_cable(&mut self, client: u32, link: Link) -> u32 {
        let cable = self.cables.begin(client, link);
        let session = self.session(client);
        session.links.push((link, cable));
        session.cables += 1;
        cable
    }

    /// The client half hears nothing more of this link.
    fn forget_link(&mut self, client: u32, link: Link) {
        let links = &mut self.session(client).links;
        links.retain(|(name, _)| *name != link);
    }

    /// Sets the alarm of a client, unless an earlier one is set: when that rings it is set anew.
    fn set_alarm(&mut self, client: u32) {
        let session = &mut self.list[client as usize];
        let Some(at) = session.half.as_ref().and_then(|half| half.deadline()) else {
            return;
        };
        if session.alarm.is_none_or(|alarm| at < alarm) {
            session.alarm = Some(at);
            self.alarms.set(at, client);
        }
    }
}
