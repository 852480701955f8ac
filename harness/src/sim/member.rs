//! One client, and its connections.

use allspark_client::core::Client;
use allspark_engine::io::sim::EndpointId;
use allspark_protocol::Instant;
use allspark_protocol::transformer::Link;
use smallvec::SmallVec;

/// A client. There may be two million of them.
pub(super) struct Member {
    pub(super) machine: Client,
    /// Its connections: the one it has, and those that say goodbye.
    pub(super) cables: SmallVec<[Cable; 1]>,
    /// The connection that it has or tries to get.
    pub(super) current: Option<Link>,
    /// The server's end of the connection over which it must get everything.
    pub(super) live_on: Option<EndpointId>,
    /// The earliest moment for which there is an alarm.
    pub(super) alarm: Option<Instant>,
    /// When it answered a ping last, or had its connection opened.
    pub(super) last_answer: Instant,
    /// Until then it may be late for reasons of its own.
    pub(super) excused_until: Instant,
    /// How many messages it has sent.
    pub(super) sent: u32,
    pub(super) is_open: bool,
    pub(super) is_asleep: bool,
    pub(super) said_farewell: bool,
    /// It used up its attempts.
    pub(super) gave_up: bool,
}

/// What a million clients cost, beside what the machine and the network have on the heap.
const _: () = assert!(size_of::<Member>() <= 384);

/// A connection as the world sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cable {
    pub(super) link: Link,
    /// The client's end.
    pub(super) end: EndpointId,
    /// The server's end.
    pub(super) spark: EndpointId,
    pub(super) node: u16,
    /// The server has told its `connection`.
    pub(super) is_up: bool,
    /// Something happened to it that may end it.
    pub(super) is_excused: bool,
    /// The client's end is gone, and nobody was told.
    pub(super) is_void: bool,
}

impl Member {
    pub(super) fn new(machine: Client) -> Self {
        Self {
            machine,
            cables: SmallVec::new(),
            current: None,
            live_on: None,
            alarm: None,
            last_answer: Instant::ZERO,
            excused_until: Instant::ZERO,
            sent: 0,
            is_open: false,
            is_asleep: false,
            said_farewell: false,
            gave_up: false,
        }
    }

    pub(super) fn cable(&self, link: Link) -> Option<Cable> {
        self.cables.iter().copied().find(|cable| cable.link == link)
    }

    pub(super) fn cable_at(&self, end: EndpointId) -> Option<Cable> {
        let mut cables = self.cables.iter().copied();
        cables.find(|cable| cable.end == end && !cable.is_void)
    }

    pub(super) fn cable_of_spark(&mut self, spark: EndpointId) -> Option<&mut Cable> {
        self.cables.iter_mut().find(|cable| cable.spark == spark)
    }

    /// The connection that it has or tries to get.
    pub(super) fn current_cable(&mut self) -> Option<&mut Cable> {
        let current = self.current?;
        self.cables.iter_mut().find(|cable| cable.link == current)
    }

    pub(super) fn drop_cable(&mut self, link: Link) {
        self.cables.retain(|cable| cable.link != link);
    }
}
