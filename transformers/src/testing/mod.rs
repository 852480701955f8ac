//! A tiny engine in memory, for the tests of transports: one server half and any number of client
//! halves, connected by byte streams, in virtual time, on one thread.
//!
//! It plays the part of the engine as the documentation of
//! [`allspark_protocol::transformer`] describes it, and is stricter than the engine where a
//! transport breaks its contract: it panics and says what was wrong. It splits every transfer at
//! random places and delivers the connections in random order; all of it follows from one seed.
//!
//! It never bounds a queue, has no heartbeat of Primus, and knows no pathname: those are the
//! engine's own affairs.
//!
//! # Invariants
//! - Bytes of one direction of one connection keep their order; nothing else does.
//! - Time passes only in [`Pair::run_for`], and only when nothing is left to deliver. Deadlines
//!   are met in the order of time.
//! - The same seed and the same calls give the same history.

mod clients;
mod connection;
mod engine;
mod events;
mod paced;
mod requests;
mod run;
mod tests;

use std::collections::{BTreeMap, VecDeque};

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{Carrier, ClientTransport, Kind, Transformer, Wire};
use allspark_protocol::{Dice, Instant};

use clients::ClientState;
pub(crate) use clients::{Client, NoClient};
pub(crate) use connection::Raw;
use connection::{Connection, Far};
pub(crate) use events::{ClientEvent, Event};

/// A server half and its client halves.
pub(crate) struct Pair<T: Transformer, C: ClientTransport> {
    now: Instant,
    dice: Dice,
    transformer: T,
    make_client: Box<dyn FnMut(u64) -> C>,
    clients: Vec<ClientState<C>>,
    /// By carrier.
    connections: BTreeMap<u64, Connection>,
    connections_made: u64,
    sessions: BTreeMap<SparkId, Session<T::Session>>,
    sessions_made: u32,
    /// The sessions with names that their clients chose.
    names: BTreeMap<String, SparkId>,
    /// The connection whose request a session has just declined.
    declined: Option<u64>,
    /// Sessions that have more messages to hand on.
    proceeding: VecDeque<SparkId>,
    events: Vec<Event>,
}

/// A session and what the engine keeps beside it.
struct Session<S> {
    state: S,
    /// What messages are framed for.
    wire: Wire,
    /// Made by `Answer::Upgrade`: the engine itself ends it with its only carrier.
    is_plain: bool,
    stream: Option<Carrier>,
    units: VecDeque<Vec<u8>>,
    /// Something has happened to it since it was last asked to send.
    is_touched: bool,
    /// The application closed it.
    is_closed: bool,
    /// It reported its end.
    has_ended: bool,
    is_over: bool,
    /// When the engine stops waiting for the goodbye of the peer of a plain session.
    goodbye_deadline: Option<Instant>,
}

impl<T: Transformer> Pair<T, NoClient> {
    /// A server half without client halves: it is spoken to with [`Pair::raw`].
    pub(crate) fn server_only(transformer: T, seed: u64) -> Self {
        Self::new(transformer, seed, |_| {
            panic!("this pair has no client half")
        })
    }
}

impl<T: Transformer, C: ClientTransport> Pair<T, C> {
    /// A server half, and how to make client halves of it. `make_client` is given a new random
    /// number for each.
    pub(crate) fn new(
        transformer: T,
        seed: u64,
        make_client: impl FnMut(u64) -> C + 'static,
    ) -> Self {
        Self {
            // Not zero, so that nothing mistakes the beginning for "never".
            now: Instant::from_ms(1),
            dice: Dice::new(seed),
            transformer,
            make_client: Box::new(make_client),
            clients: Vec::new(),
            connections: BTreeMap::new(),
            connections_made: 0,
            sessions: BTreeMap::new(),
            sessions_made: 0,
            names: BTreeMap::new(),
            declined: None,
            proceeding: VecDeque::new(),
            events: Vec::new(),
        }
    }

    /// The virtual time.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Starts a new client half.
    pub(crate) fn connect(&mut self) -> Client {
        let transport = (self.make_client)(self.dice.roll());
        self.start_client(transport)
    }

    /// Starts a new client half and lets everything happen that happens without time passing.
    pub(crate) fn connect_and_settle(&mut self) -> Client {
        let client = self.connect();
        self.settle();
        client
    }

    /// Sends a message from a client.
    pub(crate) fn client_send(&mut self, client: Client, kind: Kind, payload: &[u8]) {
        self.call_client(client, |half, now, out| half.send(now, kind, payload, out));
    }

    /// Has a client say goodbye.
    pub(crate) fn client_close(&mut self, client: Client) {
        self.call_client(client, ClientTransport::close);
    }

    /// Breaks all connections of a client: bytes under way are lost, both sides learn of it.
    pub(crate) fn cut(&mut self, client: Client) {
        let far =
            |connection: &Connection| matches!(connection.far, Far::Client(c, _) if c == client);
        self.connections
            .values_mut()
            .filter(|connection| far(connection))
            .for_each(Connection::cut);
    }

    /// Makes a client read nothing any more, or read again.
    pub(crate) fn stall(&mut self, client: Client, stalled: bool) {
        self.clients[client.0].is_stalled = stalled;
    }

    /// Makes a client stop: it neither reads nor sends nor sees time pass. Or has it go on.
    pub(crate) fn freeze(&mut self, client: Client, frozen: bool) {
        self.clients[client.0].is_frozen = frozen;
    }

    /// Opens a connection of somebody who speaks for himself.
    pub(crate) fn raw(&mut self) -> Raw {
        Raw(self.open_connection(Far::Raw(Vec::new())))
    }

    /// Sends bytes on a raw connection.
    pub(crate) fn raw_send(&mut self, raw: Raw, bytes: impl AsRef<[u8]>) {
        self.raw_connection(raw).up.write(bytes.as_ref());
    }

    /// Takes what a raw connection received.
    pub(crate) fn raw_received(&mut self, raw: Raw) -> Vec<u8> {
        match &mut self.raw_connection(raw).far {
            Far::Raw(received) => std::mem::take(received),
            Far::Client(..) | Far::Gone => Vec::new(),
        }
    }

    /// Whether the server has closed a raw connection, and everything before that has arrived.
    pub(crate) fn raw_is_closed(&self, raw: Raw) -> bool {
        self.connections[&raw.0].down.is_over()
    }

    /// Makes the owner of a raw connection read nothing any more, or read again.
    pub(crate) fn raw_stall(&mut self, raw: Raw, stalled: bool) {
        self.raw_connection(raw).is_stalled = stalled;
    }

    /// Breaks a raw connection: bytes under way are lost.
    pub(crate) fn raw_cut(&mut self, raw: Raw) {
        self.raw_connection(raw).cut();
    }

    /// Closes a raw connection.
    pub(crate) fn raw_close(&mut self, raw: Raw) {
        self.raw_connection(raw).up.close();
    }

    /// Writes a message to a spark. Returns whether the spark was open.
    pub(crate) fn server_write(&mut self, spark: SparkId, kind: Kind, payload: &[u8]) -> bool {
        let is_open = self.is_open(spark);
        if is_open {
            self.write_frame(spark, kind, payload);
        }
        is_open
    }

    /// Ends a spark as an application does. Returns whether the spark was open.
    pub(crate) fn server_close(&mut self, spark: SparkId) -> bool {
        let is_open = self.is_open(spark);
        if is_open {
            self.close_session(spark);
        }
        is_open
    }

    /// How many messages wait for the session of a spark to send them.
    pub(crate) fn units_waiting(&self, spark: SparkId) -> usize {
        let session = self.sessions.get(&spark);
        session.map_or(0, |session| session.units.len())
    }

    /// Asserts that nothing is left: no session, no connection, no link, no deadline.
    pub(crate) fn assert_clean(&self) {
        let sessions: Vec<_> = self.sessions.keys().collect();
        assert!(
            sessions.is_empty(),
            "sessions that are not over: {sessions:?}"
        );
        assert!(
            self.names.is_empty(),
            "names without sessions: {:?}",
            self.names
        );
        let mut connections = self.connections.values();
        let open = connections.find(|connection| !connection.is_over());
        assert!(open.is_none(), "a connection that nobody closed: {open:?}");
        for (number, client) in self.clients.iter().enumerate() {
            let links = &client.links;
            assert!(links.is_empty(), "client {number} has links: {links:?}");
            let deadline = client.half.deadline();
            assert_eq!(deadline, None, "client {number} still waits for something");
        }
    }

    fn is_open(&self, spark: SparkId) -> bool {
        let session = self.sessions.get(&spark);
        session.is_some_and(|session| !session.is_closed && !session.has_ended)
    }

    fn raw_connection(&mut self, raw: Raw) -> &mut Connection {
        let connection = self.connections.get_mut(&raw.0);
        connection.expect("a raw connection is kept for as long as its test")
    }
}
