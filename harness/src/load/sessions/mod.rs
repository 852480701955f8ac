//! Clients whose sessions take several TCP connections, one after another or at once: each is a
//! client half of the transformers crate, and its connections are [`wires`](super::wires).
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
//! - A wire belongs to one client until the driver has confirmed that it is closed; a client is
//!   gone only when it has none left.

mod play;

use allspark_engine::io::Driver;
use allspark_protocol::Instant;
use allspark_protocol::transformer::{ClientOutputs, ClientTransport, Link};
use smallvec::SmallVec;

use super::alarms::Alarms;
use super::wires::Wires;

/// The sessions of all clients.
#[derive(Default)]
pub(super) struct Sessions {
    /// By client; grows as clients begin.
    list: Vec<Session>,
    wires: Wires,
    alarms: Alarms,
    /// Emptied outputs, to be used again.
    spare: Vec<ClientOutputs>,
}

/// The session of one client.
#[derive(Default)]
struct Session {
    /// Gone when the session is over.
    half: Option<Box<dyn ClientTransport>>,
    /// The wires that the client half knows, by its names.
    links: Vec<(Link, u32)>,
    /// Wires that the driver has not closed yet.
    wires: u32,
    /// The earliest alarm that is set.
    alarm: Option<Instant>,
}

impl Sessions {
    /// Blocks that the driver is done with are taken back. Call it after each turn of the driver.
    pub(super) fn reclaim(&mut self) {
        self.wires.reclaim();
    }

    /// Whether wires are to be closed that wait for nothing.
    pub(super) fn has_wires_to_close(&self) -> bool {
        self.wires.has_any_to_close()
    }

    /// When the next client half wants to be called.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.alarms.next()
    }

    /// Whether the server takes nothing from a client for now. What waits for the answer to a
    /// request is not counted: it is the transport that makes it wait, not the server.
    pub(super) fn is_stalled(&self, client: u32) -> bool {
        let links = self.list.get(client as usize).map(|session| &session.links);
        let mut wires = links.into_iter().flatten().map(|&(_, wire)| wire);
        wires.any(|wire| self.wires.is_stalled(wire))
    }

    /// A client reads nothing from now on. Returns its wires that are concerned.
    pub(super) fn stop_reading(
        &mut self,
        client: u32,
        driver: &mut impl Driver,
    ) -> SmallVec<[(u32, Link); 1]> {
        let links = self.session(client).links.clone();
        let wires = links.into_iter().map(|(link, wire)| (wire, link));
        wires
            .filter(|&(wire, _)| self.wires.stop_receiving(wire, driver))
            .collect()
    }

    /// A client reads these wires again, as far as it still has them.
    pub(super) fn read_again(
        &mut self,
        client: u32,
        wires: &[(u32, Link)],
        driver: &mut impl Driver,
    ) {
        for &(wire, link) in wires {
            if self.wires.listener(wire) == Some((client, link)) {
                self.wires.receive(wire, driver);
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

    fn wire_of(&mut self, client: u32, link: Link) -> Option<u32> {
        let links = &self.session(client).links;
        let found = links.iter().find(|(name, _)| *name == link);
        found.map(|&(_, wire)| wire)
    }

    fn add_wire(&mut self, client: u32, link: Link) -> u32 {
        let wire = self.wires.begin(client, link);
        let session = self.session(client);
        session.links.push((link, wire));
        session.wires += 1;
        wire
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
