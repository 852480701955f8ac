//! An in-memory network in virtual time: streams with latency and bounded buffers.
//!
//! Nothing here is random by itself: the latency of a connection is given when it is opened, what
//! goes wrong is asked for (see the methods in `faults.rs`), and events of the same moment happen
//! in the order in which they were caused. So the same calls give the same history, which
//! [`SimNet::trace`] condenses into one number.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use allspark_protocol::Instant;
use slab::Slab;

mod faults;
mod hand_over;
mod id;
mod stray;

pub(super) use faults::Accept;
pub use id::EndpointId;
pub(in crate::io) use stray::Stray;
use stray::Strays;

/// Bytes that may be under way or unread in one direction of a connection.
const WINDOW_BYTES: usize = 64 * 1024;

/// Milliseconds since 1970 at the beginning of every simulation.
const UNIX_START_MS: u64 = 1_700_000_000_000;

/// To whom an end of a connection belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The driver with this number.
    Driver(usize),
    /// The listener of the driver with this number, which has not accepted it yet.
    Listener(usize),
    /// The simulated clients.
    Client,
    /// A [`Stray`]: a driver released it and none has adopted it yet.
    Nobody,
}

#[derive(Debug)]
struct Endpoint {
    owner: Owner,
    /// The other end, until it is closed.
    peer: Option<EndpointId>,
    latency: Duration,
    /// Holds no memory while it is empty: most connections are idle most of the time.
    inbound: VecDeque<(Instant, Vec<u8>)>,
    inbound_bytes: usize,
    /// Bytes that may be under way to this end or unread.
    window_bytes: usize,
    /// Bytes that are received at once, at most.
    segment_bytes: usize,
    /// When the other end closed its side.
    eof: Option<Instant>,
    /// The connection broke, rather than being closed.
    is_broken: bool,
    /// The other end has vanished without a word, and so many bytes were sent to it since.
    void_bytes: Option<usize>,
    /// Somebody wants to know when the other end has room again.
    awaits_room: bool,
    /// Through which of its driver's listeners it came in.
    listener: u8,
    /// Notices that were caused before this are for a former owner of the same number.
    born: u64,
    /// Where the peer seems to come from, if that was set.
    seen_as: Option<SocketAddr>,
}

/// What an end of a connection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// Bytes or the end of the stream can be read.
    Readable,
    /// There is room to send again.
    Writable,
    /// A connection came in; only drivers get it.
    Incoming,
}

#[derive(Debug)]
struct Net {
    now: Instant,
    endpoints: Slab<Endpoint>,
    /// Notices to come, by time and cause.
    schedule: BinaryHeap<Reverse<(Instant, u64, EndpointId, Notice)>>,
    sequence: u64,
    drivers: Vec<VecDeque<(EndpointId, Notice)>>,
    clients: VecDeque<(EndpointId, Notice)>,
    listening: Vec<bool>,
    /// Until when each driver can't accept.
    accepts_fail_until: Vec<Instant>,
    /// How far the wall clock is off.
    wall_clock_offset_ms: i64,
    strays: Strays,
    trace: u64,
    /// The trace tells how long what is sent is, not what it is.
    hides_bytes: bool,
}

/// The network, shared by the drivers and the clients of one simulation.
#[derive(Clone, Debug)]
pub struct SimNet(Rc<RefCell<Net>>);

impl Default for SimNet {
    fn default() -> Self {
        Self(Rc::new(RefCell::new(Net {
            // Not zero, so that nothing mistakes the beginning for "never".
            now: Instant::from_ms(1),
            endpoints: Slab::new(),
            schedule: BinaryHeap::new(),
            sequence: 0,
            drivers: Vec::new(),
            clients: VecDeque::new(),
            listening: Vec::new(),
            accepts_fail_until: Vec::new(),
            wall_clock_offset_ms: 0,
            strays: Strays::default(),
            trace: 0xcbf2_9ce4_8422_2325,
            hides_bytes: false,
        })))
    }
}

impl SimNet {
    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.0.borrow().now
    }

    /// Milliseconds since 1970 in virtual time.
    pub fn unix_ms(&self) -> u64 {
        let net = self.0.borrow();
        (UNIX_START_MS + net.now.as_ms()).saturating_add_signed(net.wall_clock_offset_ms)
    }

    /// A number that two histories share only if they are the same.
    pub fn trace(&self) -> u64 {
        self.0.borrow().trace
    }

    /// From now on the trace knows of what is sent only how long it is: what is encrypted is
    /// another thing each time.
    pub fn hide_bytes(&self) {
        self.0.borrow_mut().hides_bytes = true;
    }

    /// How many ends of connections are open.
    pub fn open_endpoints(&self) -> usize {
        let net = &mut *self.0.borrow_mut();
        net.close_dropped();
        net.endpoints.len()
    }

    /// When the next notice is due.
    pub fn next_event(&self) -> Option<Instant> {
        let net = &mut *self.0.borrow_mut();
        net.close_dropped();
        let has_notice =
            !net.clients.is_empty() || net.drivers.iter().any(|notices| !notices.is_empty());
        let scheduled = net.schedule.peek().map(|Reverse((at, ..))| *at);
        if has_notice { Some(net.now) } else { scheduled }
    }

    /// Moves the time on, and gives out what is due by then.
    pub fn advance_to(&self, now: Instant) {
        let net = &mut *self.0.borrow_mut();
        net.close_dropped();
        net.now = net.now.max(now);
        while let Some(Reverse((at, cause, id, notice))) = net.schedule.peek().copied()
            && at <= net.now
        {
            net.schedule.pop();
            if net.endpoint(id).is_some_and(|end| end.born < cause) {
                net.notify(id, notice);
            }
        }
    }

    /// Opens a connection from a client to the first listener of driver `driver`. `None` when
    /// nobody listens. The other end learns of it after `latency`.
    pub fn connect(&self, driver: usize, latency: Duration) -> Option<EndpointId> {
        self.connect_to(driver, 0, latency)
    }

    /// The same to the listener with this number.
    pub fn connect_to(&self, driver: usize, listener: u8, latency: Duration) -> Option<EndpointId> {
        let net = &mut *self.0.borrow_mut();
        net.connect(Owner::Client, (driver, listener), latency)
    }

    /// Opens a connection from driver `from` to the first listener of driver `to`.
    pub(super) fn connect_drivers(
        &self,
        from: usize,
        to: usize,
        latency: Duration,
    ) -> Option<EndpointId> {
        let net = &mut *self.0.borrow_mut();
        net.connect(Owner::Driver(from), (to, 0), latency)
    }

    /// The next client that has a notice.
    pub fn next_client_notice(&self) -> Option<(EndpointId, Notice)> {
        self.0.borrow_mut().clients.pop_front()
    }

    /// Sends as much as there is room for, and returns how much that was. `None` when the
    /// connection is closed at the other end.
    pub fn send(&self, from: EndpointId, bytes: &[u8]) -> Option<usize> {
        self.0.borrow_mut().send(from, bytes)
    }

    /// Reads what has arrived, at most `max` bytes. `None` at the end of the stream.
    pub fn receive(&self, id: EndpointId, max: usize) -> Option<Vec<u8>> {
        self.0.borrow_mut().receive(id, max)
    }

    /// Ends the outgoing direction.
    pub fn shutdown(&self, id: EndpointId) {
        self.0.borrow_mut().shutdown(id);
    }

    /// Closes this end.
    pub fn close(&self, id: EndpointId) {
        self.0.borrow_mut().close(id);
    }

    pub(super) fn add_driver(&self) -> usize {
        let net = &mut *self.0.borrow_mut();
        net.drivers.push(VecDeque::new());
        net.listening.push(false);
        net.accepts_fail_until.push(Instant::ZERO);
        net.drivers.len() - 1
    }

    pub(super) fn listen(&self, driver: usize) {
        self.0.borrow_mut().listening[driver] = true;
    }

    /// Closes the listener of a driver. Whom it has not accepted learns of it as of a reset.
    pub(super) fn stop_listening(&self, driver: usize) {
        let net = &mut *self.0.borrow_mut();
        net.listening[driver] = false;
        net.abandon(|owner| owner == Owner::Listener(driver));
    }

    pub(super) fn next_driver_notice(&self, driver: usize) -> Option<(EndpointId, Notice)> {
        self.0.borrow_mut().drivers[driver].pop_front()
    }

    pub(super) fn has_driver_notice(&self, driver: usize) -> bool {
        !self.0.borrow().drivers[driver].is_empty()
    }

    /// Asks for a notice once there is room to send.
    pub fn await_room(&self, id: EndpointId) {
        let net = &mut *self.0.borrow_mut();
        let has_room = net.room(id) > 0;
        let Some(endpoint) = net.endpoint(id) else {
            return;
        };
        endpoint.awaits_room = !has_room;
        if has_room {
            net.notify(id, Notice::Writable);
        }
    }

    /// Bytes sent from this end that the other one has not read.
    pub(super) fn unread(&self, id: EndpointId) -> u32 {
        let net = &mut *self.0.borrow_mut();
        let end = net.endpoint(id);
        let (sent, peer) = end.map_or((None, None), |end| (end.void_bytes, end.peer));
        let peer = peer.and_then(|peer| net.endpoint(peer));
        let bytes = sent.or(peer.map(|peer| peer.inbound_bytes)).unwrap_or(0);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Whether this end of a connection belongs to driver `driver`.
    pub(super) fn is_owned_by(&self, id: EndpointId, driver: usize) -> bool {
        let net = &mut *self.0.borrow_mut();
        net.endpoint(id)
            .is_some_and(|endpoint| endpoint.owner == Owner::Driver(driver))
    }

    /// Whether something can be read now.
    pub(super) fn is_readable(&self, id: EndpointId) -> bool {
        let net = &mut *self.0.borrow_mut();
        let now = net.now;
        net.endpoint(id).is_some_and(|e| {
            e.inbound.front().is_some_and(|(at, _)| *at <= now) || e.eof.is_some_and(|at| at <= now)
        })
    }

    /// The other end of a connection, until it is closed.
    pub fn peer(&self, id: EndpointId) -> Option<EndpointId> {
        self.0.borrow_mut().endpoint(id)?.peer
    }

    /// The address that the server takes its own end of a connection for the client's.
    pub fn address(id: EndpointId) -> SocketAddr {
        let [_, a, b, c] = id.0.to_be_bytes();
        (Ipv4Addr::new(10, a, b, c), 40_000).into()
    }

    /// Whose address this is. The inverse of [`SimNet::address`] for the first 2^24 ends.
    pub fn end_of(address: SocketAddr) -> EndpointId {
        match address {
            SocketAddr::V4(address) => EndpointId(address.ip().to_bits() & 0x00ff_ffff),
            SocketAddr::V6(_) => EndpointId(u32::MAX),
        }
    }
}

impl Net {
    fn insert(&mut self, owner: Owner, latency: Duration) -> EndpointId {
        let endpoint = Endpoint {
            owner,
            peer: None,
            latency,
            inbound: VecDeque::new(),
            inbound_bytes: 0,
            window_bytes: WINDOW_BYTES,
            segment_bytes: usize::MAX,
            eof: None,
            is_broken: false,
            void_bytes: None,
            awaits_room: false,
            listener: 0,
            born: self.sequence,
            seen_as: None,
        };
        EndpointId(u32::try_from(self.endpoints.insert(endpoint)).expect("fewer than 2^32"))
    }

    fn connect(
        &mut self,
        from: Owner,
        (driver, listener): (usize, u8),
        latency: Duration,
    ) -> Option<EndpointId> {
        if !self.listening.get(driver).copied().unwrap_or(false) {
            return None;
        }
        let client = self.insert(from, latency);
        let server = self.insert(Owner::Listener(driver), latency);
        self.endpoint(client).expect("just inserted").peer = Some(server);
        let accepting = self.endpoint(server).expect("just inserted");
        (accepting.peer, accepting.listener) = (Some(client), listener);
        self.schedule(self.now + latency, server, Notice::Incoming);
        Some(client)
    }

    fn endpoint(&mut self, id: EndpointId) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(id.0 as usize)
    }

    fn schedule(&mut self, at: Instant, id: EndpointId, notice: Notice) {
        self.sequence += 1;
        self.schedule.push(Reverse((at, self.sequence, id, notice)));
    }

    fn notify(&mut self, id: EndpointId, notice: Notice) {
        match self.endpoint(id).map(|endpoint| endpoint.owner) {
            Some(Owner::Driver(driver)) => self.drivers[driver].push_back((id, notice)),
            Some(Owner::Listener(driver)) if notice == Notice::Incoming => {
                self.drivers[driver].push_back((id, notice));
            }
            Some(Owner::Client) => self.clients.push_back((id, notice)),
            // Who accepts or adopts it looks for itself.
            Some(Owner::Listener(_) | Owner::Nobody) | None => {}
        }
    }

    fn room(&mut self, from: EndpointId) -> usize {
        let endpoint = self.endpoint(from);
        if let Some(sent) = endpoint.as_ref().and_then(|endpoint| endpoint.void_bytes) {
            return WINDOW_BYTES - sent;
        }
        let peer = endpoint.and_then(|endpoint| endpoint.peer);
        let peer = peer.and_then(|peer| self.endpoint(peer));
        peer.map_or(usize::MAX, |peer| {
            peer.window_bytes.saturating_sub(peer.inbound_bytes)
        })
    }

    fn send(&mut self, from: EndpointId, bytes: &[u8]) -> Option<usize> {
        let count = bytes.len().min(self.room(from));
        let endpoint = self.endpoint(from)?;
        if let Some(sent) = &mut endpoint.void_bytes {
            *sent += count;
            return Some(count);
        }
        let peer_id = endpoint.peer?;
        if count == 0 {
            return Some(0);
        }
        let now = self.now;
        let peer = self.endpoint(peer_id)?;
        let at = peer
            .inbound
            .back()
            .map_or(now, |(at, _)| *at)
            .max(now + peer.latency);
        peer.inbound.push_back((at, bytes[..count].to_vec()));
        peer.inbound_bytes += count;
        self.schedule(at, peer_id, Notice::Readable);
        self.note(peer_id, at, &bytes[..count]);
        Some(count)
    }

    fn receive(&mut self, id: EndpointId, max: usize) -> Option<Vec<u8>> {
        let now = self.now;
        let endpoint = self.endpoint(id)?;
        let max = max.min(endpoint.segment_bytes);
        let mut received = Vec::new();
        while received.len() < max
            && let Some((at, chunk)) = endpoint.inbound.front_mut()
            && *at <= now
        {
            let count = chunk.len().min(max - received.len());
            received.extend(chunk.drain(..count));
            if chunk.is_empty() {
                endpoint.inbound.pop_front();
            }
        }
        endpoint.inbound_bytes -= received.len();
        if endpoint.inbound.is_empty() {
            endpoint.inbound = VecDeque::new();
        }
        let at_end = endpoint.inbound.is_empty() && endpoint.eof.is_some_and(|at| at <= now);
        let peer = endpoint.peer;
        if !received.is_empty()
            && let Some(peer) = peer
            && let Some(sender) = self.endpoint(peer)
            && std::mem::take(&mut sender.awaits_room)
        {
            let at = now + sender.latency;
            self.schedule(at, peer, Notice::Writable);
        }
        (!received.is_empty() || !at_end).then_some(received)
    }

    fn shutdown(&mut self, id: EndpointId) {
        let now = self.now;
        let Some(peer_id) = self.endpoint(id).and_then(|endpoint| endpoint.peer) else {
            return;
        };
        let Some(peer) = self.endpoint(peer_id) else {
            return;
        };
        if peer.eof.is_none() {
            let at = peer
                .inbound
                .back()
                .map_or(now, |(at, _)| *at)
                .max(now + peer.latency);
            peer.eof = Some(at);
            self.schedule(at, peer_id, Notice::Readable);
            self.note(peer_id, at, b"FIN");
        }
    }

    fn close(&mut self, id: EndpointId) {
        self.shutdown(id);
        if let Some(peer) = self.endpoint(id).and_then(|endpoint| endpoint.peer)
            && let Some(peer) = self.endpoint(peer)
        {
            peer.peer = None;
        }
        self.endpoints.try_remove(id.0 as usize);
    }

    /// Folds an event into the trace (FNV-1a).
    fn note(&mut self, id: EndpointId, at: Instant, bytes: &[u8]) {
        let head = [at.as_ns().to_le_bytes(), u64::from(id.0).to_le_bytes()];
        let len = (bytes.len() as u64).to_le_bytes();
        let bytes = if self.hides_bytes { &len } else { bytes };
        for byte in head.iter().flatten().chain(bytes) {
            self.trace = (self.trace ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
