//! What can go wrong with a network, its hosts and their clocks.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use allspark_protocol::Instant;

use super::{EndpointId, Net, Notice, Owner, SimNet};

/// When an accept that failed is tried again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl SimNet {
    /// Breaks a connection in the middle: what is under way is lost, and each end learns of it
    /// after its latency, as of a reset.
    pub fn reset(&self, id: EndpointId) {
        let net = &mut *self.0.borrow_mut();
        let Some(peer) = net.endpoint(id).and_then(|end| end.peer) else {
            return;
        };
        net.sever(id);
        net.sever(peer);
    }

    /// This end goes away without a word, as a host that loses its power or its network. The other
    /// end may send until its buffer is full, and hears nothing any more.
    pub fn vanish(&self, id: EndpointId) {
        let net = &mut *self.0.borrow_mut();
        let Some(peer) = net.endpoint(id).map(|end| end.peer) else {
            return;
        };
        net.endpoints.try_remove(id.0 as usize);
        if let Some(peer) = peer.and_then(|peer| net.endpoint(peer)) {
            peer.peer = None;
            peer.void_bytes = Some(0);
        }
    }

    /// From now on bytes take this long in both directions. They stay in order.
    pub fn set_latency(&self, id: EndpointId, latency: Duration) {
        self.0.borrow_mut().both(id, |end| end.latency = latency);
    }

    /// From now on at most so many bytes are under way to or unread at either end, one at least.
    pub fn set_window(&self, id: EndpointId, bytes: usize) {
        let bytes = bytes.max(1);
        self.0.borrow_mut().both(id, |end| end.window_bytes = bytes);
    }

    /// From now on either end receives at most so many bytes at once, one at least.
    pub fn set_segment(&self, id: EndpointId, bytes: usize) {
        let bytes = bytes.max(1);
        self.0
            .borrow_mut()
            .both(id, |end| end.segment_bytes = bytes);
    }

    /// Until then a driver can't accept connections, because it has no descriptors, and tries
    /// again and again.
    pub fn fail_accepts(&self, driver: usize, until: Instant) {
        self.0.borrow_mut().accepts_fail_until[driver] = until;
    }

    /// The wall clock jumps. The clock that timers use does not.
    pub fn jump_wall_clock(&self, ms: i64) {
        let offset_ms = &mut self.0.borrow_mut().wall_clock_offset_ms;
        *offset_ms = offset_ms.saturating_add(ms);
    }

    /// The process of a driver ends: its listener and its connections are gone at once, and the
    /// other ends learn of it as of a reset.
    pub(in crate::io::sim) fn crash(&self, driver: usize) {
        let net = &mut *self.0.borrow_mut();
        net.close_dropped();
        net.listening[driver] = false;
        net.drivers[driver] = std::collections::VecDeque::new();
        net.abandon(|owner| [Owner::Driver(driver), Owner::Listener(driver)].contains(&owner));
    }

    /// A driver accepts a connection of its listener, if there still is one. When it can't, it is
    /// told of the connection again.
    pub(in crate::io::sim) fn accept(&self, id: EndpointId, driver: usize) -> Option<Accept> {
        let net = &mut *self.0.borrow_mut();
        let (now, fails_until) = (net.now, net.accepts_fail_until[driver]);
        let end = net.endpoint(id)?;
        if end.owner != Owner::Listener(driver) {
            return None;
        }
        if now < fails_until {
            net.schedule(now + ACCEPT_PAUSE, id, Notice::Incoming);
            return Some(Accept::Failed);
        }
        end.owner = Owner::Driver(driver);
        Some(Accept::Done(end.listener))
    }

    /// Lets a client come from this address instead of one of its own. It must not have been
    /// accepted yet.
    pub fn set_address(&self, client: EndpointId, address: SocketAddr) {
        let net = &mut *self.0.borrow_mut();
        let peer = net.endpoint(client).and_then(|end| end.peer);
        if let Some(end) = peer.and_then(|peer| net.endpoint(peer)) {
            end.seen_as = Some(address);
        }
    }

    /// Where a connection seems to come from.
    pub(in crate::io::sim) fn peer_address(&self, id: EndpointId) -> SocketAddr {
        let seen_as = self.0.borrow_mut().endpoint(id).and_then(|end| end.seen_as);
        seen_as.unwrap_or_else(|| Self::address(id))
    }

    /// How a stream has ended.
    pub(in crate::io::sim) fn end_of_stream(&self, id: EndpointId) -> io::Result<()> {
        let net = &mut *self.0.borrow_mut();
        match net.endpoint(id) {
            Some(end) if end.is_broken => Err(io::ErrorKind::ConnectionReset.into()),
            _ => Ok(()),
        }
    }
}

/// What became of an attempt to accept a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::io::sim) enum Accept {
    /// The driver has it now, through its listener of this number.
    Done(u8),
    /// There is no descriptor for it.
    Failed,
}

impl Net {
    /// The ends with such owners are gone at once; the other ends learn of it as of a reset.
    pub(super) fn abandon(&mut self, is_gone: impl Fn(Owner) -> bool) {
        let gone = self.endpoints.iter().filter(|(_, end)| is_gone(end.owner));
        let gone: Vec<_> = gone.map(|(index, end)| (index, end.peer)).collect();
        for (index, peer) in gone {
            self.endpoints.remove(index);
            if let Some(peer) = peer {
                self.sever(peer);
            }
        }
    }

    /// This end learns after its latency that the connection is broken. What has not arrived by now
    /// never does.
    fn sever(&mut self, id: EndpointId) {
        let now = self.now;
        let Some(end) = self.endpoint(id) else {
            return;
        };
        end.inbound.retain(|(at, _)| *at <= now);
        end.inbound_bytes = end.inbound.iter().map(|(_, bytes)| bytes.len()).sum();
        end.peer = None;
        end.is_broken = true;
        let at = now + end.latency;
        end.eof = Some(end.eof.map_or(at, |eof| eof.min(at)));
        let awaits_room = std::mem::take(&mut end.awaits_room);
        self.schedule(at, id, Notice::Readable);
        // Whoever waits for room finds out by sending.
        if awaits_room {
            self.schedule(at, id, Notice::Writable);
        }
        self.note(id, at, b"RST");
    }

    fn both(&mut self, id: EndpointId, change: impl Fn(&mut super::Endpoint)) {
        let peer = self.endpoint(id).and_then(|end| end.peer);
        for end in [Some(id), peer].into_iter().flatten() {
            if let Some(end) = self.endpoint(end) {
                change(end);
            }
        }
    }
}
