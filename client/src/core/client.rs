//! The client: what it is told, and what it remembers.

use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::primus::{Packet, PingTimeout};
use allspark_protocol::transformer::{Kind, Link};
use allspark_protocol::{Input, Instant};

use super::connection::{Connection, LinkNumbers};
use super::queue::Queue;
use super::random::Random;
use super::recovery::Recovery;
use super::transforms::Transforms;
use super::{ClientOptions, Direction, Event, Outputs, ReadyState, Transform};

/// A Primus client.
///
/// Each call appends what it causes to `out`, which is to be carried out, in order, and cleared
/// before the next call. Moments never go back.
pub struct Client {
    pub(super) options: Arc<ClientOptions>,
    pub(super) random: Random,
    pub(super) numbers: LinkNumbers,
    pub(super) ready_state: ReadyState,
    /// Whether there is a network, as far as is known.
    pub(super) is_online: bool,
    /// The end is meant: the application has ended the client, or the server has said that the end
    /// that follows is intended. Until it is opened again the network does not bring it back.
    pub(super) is_dismissed: bool,
    pub(super) is_destroyed: bool,
    /// The current connection. There is one while it opens and while it is open, and only then.
    pub(super) connection: Option<Connection>,
    /// Connections that say goodbye.
    pub(super) leaving: Vec<Connection>,
    /// When the first connection is out of time.
    pub(super) connect_deadline: Option<Instant>,
    pub(super) ping_timeout: PingTimeout,
    /// The reconnect that is under way.
    pub(super) recovery: Option<Box<Recovery>>,
    pub(super) queue: Queue,
    /// Values of pings that are to be answered before the current call returns.
    pub(super) pongs: Vec<Box<str>>,
    pub(super) transforms: Option<Box<Transforms>>,
}

/// Half a gigabyte for two million clients is what a simulation may cost.
const _: () = assert!(size_of::<Client>() <= 256);

impl Client {
    /// A client that has not begun to connect. `seed` must be random and new for each client: it
    /// gives the delays before attempts to reconnect, and what its connections need to be unique.
    pub fn new(options: Arc<ClientOptions>, seed: u64) -> Self {
        Self {
            ping_timeout: PingTimeout::new(options.ping_timeout.filter(is_some_time)),
            options,
            random: Random::new(seed),
            numbers: LinkNumbers::default(),
            ready_state: ReadyState::Closed,
            is_online: true,
            is_dismissed: false,
            is_destroyed: false,
            connection: None,
            leaving: Vec::new(),
            connect_deadline: None,
            recovery: None,
            queue: Queue::default(),
            pongs: Vec::new(),
            transforms: None,
        }
    }

    /// Connects. A connection that there is already is left for the new one, as in Primus.
    pub fn open(&mut self, now: Instant, out: &mut Outputs) {
        if self.is_destroyed {
            return;
        }
        if self.recovery.is_none() {
            self.start_connect_timeout(now);
        }
        self.connect(now, out);
    }

    /// Sends a message that the parser has encoded, once the outgoing transforms let it pass. While
    /// there is no open connection it waits for one.
    pub fn write(&mut self, now: Instant, kind: Kind, payload: &[u8], out: &mut Outputs) {
        if self.is_destroyed {
            return;
        }
        if let Some((kind, payload)) =
            self.transform_message(Direction::Outgoing, kind, payload, out)
        {
            self.send(now, kind, &payload, out);
        }
    }

    /// Ends the connection, or the attempts to get one, for good: nothing is reconnected. What was
    /// written before is still sent.
    pub fn end(&mut self, now: Instant, out: &mut Outputs) {
        self.is_dismissed = true;
        self.end_for_now(now, out);
    }

    fn end_for_now(&mut self, now: Instant, out: &mut Outputs) {
        if self.ready_state != ReadyState::Closed {
            self.finish(now, out);
        } else if self.recovery.take().is_some() {
            out.event(Event::End);
        }
    }

    /// Ends the client and forgets what it holds. After that every command is ignored; what comes
    /// in is still wanted, until the connection has said goodbye: while there is a deadline.
    pub fn destroy(&mut self, now: Instant, out: &mut Outputs) {
        if self.is_destroyed {
            return;
        }
        self.end(now, out);
        self.is_destroyed = true;
        self.queue.clear();
        self.transforms = None;
        out.event(Event::Destroy);
    }

    /// Asks for the id of this connection's spark; [`Event::Id`] answers. Where the transport names
    /// its connections by the same id (engine.io), it does so at once.
    pub fn ask_id(&mut self, now: Instant, out: &mut Outputs) {
        if self.is_destroyed {
            return;
        }
        match self.connection.as_ref().and_then(Connection::session_id) {
            Some(id) => out.event(Event::Id(id.to_owned())),
            None => self.send_packet(now, &Packet::IdRequest, out),
        }
    }

    /// Sends a new credential in the place of the one that it connected with, or lets it wait for a
    /// connection.
    pub fn renew_authorization(&mut self, now: Instant, credential: &str, out: &mut Outputs) {
        if !self.is_destroyed {
            self.send_packet(now, &Packet::Authorization(credential), out);
        }
    }

    /// The network came or went, as the host of the client sees it (in browsers the events `online`
    /// and `offline` of the window). Without it the client ends at once; with it, it reconnects, by
    /// the strategy `online`, unless the application or the server has ended it on purpose.
    pub fn network(&mut self, now: Instant, is_online: bool, out: &mut Outputs) {
        if self.is_destroyed || self.is_online == is_online {
            return;
        }
        self.is_online = is_online;
        if !is_online {
            out.event(Event::Offline);
            self.end_for_now(now, out);
        } else {
            out.event(Event::Online);
            if self.options.strategy.online && !self.is_dismissed {
                self.reconnect(now, out);
            }
        }
    }

    /// Adds a message transform.
    pub fn transform(&mut self, direction: Direction, transform: Transform) {
        if !self.is_destroyed {
            let transforms = self.transforms.get_or_insert_default();
            transforms.add(direction, transform);
        }
    }

    /// Consumes all bytes that a link received.
    pub fn receive(&mut self, now: Instant, link: Link, input: &mut Input<'_>, out: &mut Outputs) {
        if let Some(name) = self.current_link(link) {
            self.call(now, out, |half, out| half.receive(now, name, input, out));
            self.settle(now, out);
        } else if let Some((index, name)) = self.leaving_link(link) {
            self.call_leaving(index, out, |half, out| half.receive(now, name, input, out));
        }
        input.take_all();
    }

    /// A link could not be connected, or was closed by the server, or broke.
    pub fn lost(&mut self, now: Instant, link: Link, out: &mut Outputs) {
        if let Some(name) = self.current_link(link) {
            self.connection.iter_mut().for_each(|one| one.forget(link));
            self.call(now, out, |half, out| half.lost(now, name, out));
            self.settle(now, out);
        } else if let Some((index, name)) = self.leaving_link(link) {
            self.leaving[index].forget(link);
            self.call_leaving(index, out, |half, out| half.lost(now, name, out));
        }
    }

    /// When [`Client::expired`] wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        let leaving = self.leaving.iter().filter_map(Connection::deadline);
        let own = [
            self.connection.as_ref().and_then(Connection::deadline),
            self.connect_deadline,
            self.ping_timeout.deadline(),
            self.recovery.as_ref().map(|recovery| recovery.deadline()),
        ];
        own.into_iter().flatten().chain(leaving).min()
    }

    /// The deadline has passed.
    pub fn expired(&mut self, now: Instant, out: &mut Outputs) {
        self.expire_leaving(now, out);
        self.expire_connection(now, out);
        if self
            .connect_deadline
            .is_some_and(|deadline| deadline <= now)
        {
            self.connect_timed_out(now, out);
        }
        if self.ping_timeout.expire(now) {
            self.ping_timed_out(now, out);
        }
        if self
            .recovery
            .as_ref()
            .is_some_and(|recovery| recovery.deadline() <= now)
        {
            self.recovery_expired(now, out);
        }
        self.settle(now, out);
    }

    /// How far the connection has come.
    pub fn ready_state(&self) -> ReadyState {
        self.ready_state
    }

    /// Whether there is a network, as far as is known.
    pub fn is_online(&self) -> bool {
        self.is_online
    }

    /// Whether the client is between two connections, or attempts one again.
    pub fn is_reconnecting(&self) -> bool {
        self.recovery.is_some()
    }

    /// Whether it was destroyed.
    pub fn is_destroyed(&self) -> bool {
        self.is_destroyed
    }

    /// Whether there is nothing to do: no connection, none to come, no goodbye under way.
    pub fn is_idle(&self) -> bool {
        self.connection.is_none() && self.recovery.is_none() && self.leaving.is_empty()
    }

    /// How many messages wait for a connection.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// What it was told when it was made.
    pub fn options(&self) -> &ClientOptions {
        &self.options
    }
}

/// No time at all means no limit, as in Primus.
pub(super) fn is_some_time(time: &Duration) -> bool {
    !time.is_zero()
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("ready_state", &self.ready_state)
            .field("is_online", &self.is_online)
            .field("recovery", &self.recovery)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
