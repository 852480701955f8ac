//! The real engine in memory, for the tests of transports: one server on the engine's simulator and
//! any number of client halves, connected by byte streams, in virtual time, on one thread.
//!
//! Tests speak bytes and see what an application sees. What a session says to the engine is seen
//! besides, and judged: who breaks the contract of [`allspark_protocol::transformer`] makes the
//! test panic (`watch`). What sessions want is carried out by the engine alone. Whatever clients
//! send and read is cut at random places and comes in random order; all of it follows from one
//! seed.
//!
//! # Invariants
//! - Bytes of one direction of one connection keep their order; nothing else does.
//! - Time passes only in [`Pair::run_for`], and only when nothing is left to deliver. Deadlines
//!   are met in the order of time.
//! - The same seed and the same calls give the same history.

mod carriers;
mod clients;
mod connection;
mod events;
mod run;
mod tests;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allspark_engine::io::sim::SimNet;
use allspark_engine::sim::SimServer;
use allspark_engine::{EndOptions, Options, Spark, Value};
use allspark_protocol::options::Bounded;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::PingInterval;
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{ClientTransport, Kind, Transformer};
use allspark_protocol::{Dice, Instant};

use clients::ClientState;
pub(crate) use clients::{Client, NoClient};
pub(crate) use connection::Raw;
use connection::{Connection, Far};
pub(crate) use events::{ClientEvent, Event};
use watch::{Watch, Watched};

/// A server half and its client halves. Where `T` is [`AnyTransformer`](crate::AnyTransformer), the
/// engine is compiled once for the tests of all transports.
pub(crate) struct Pair<T: Transformer, C: ClientTransport> {
    net: SimNet,
    server: SimServer<Watched<T>>,
    watch: Watch,
    events: Vec<Event>,
    dice: Dice,
    make_client: Box<dyn FnMut(u64) -> C>,
    clients: Vec<ClientState<C>>,
    connections: Vec<Connection>,
}

/// Milliseconds for which the engine waits for requests: longer than any test.
const PATIENCE_MS: u64 = 24 * 60 * 60 * 1000;

/// Bytes that may wait for a spark: no test is about this bound.
const SEND_QUEUE_BYTES_MAX: usize = 1 << 30;

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
        let net = SimNet::default();
        let watch = Watch::default();
        let transformer = Watched::new(transformer, watch.clone());
        let options = Options {
            parser: ParserKind::Raw,
            ping_interval: PingInterval::OFF,
            send_queue_bytes_max: SEND_QUEUE_BYTES_MAX.try_into().unwrap(),
            request_timeout_ms: PATIENCE_MS.try_into().unwrap(),
            keep_alive_timeout_ms: PATIENCE_MS.try_into().unwrap(),
            min_rate_bytes_per_s: Bounded::of(0),
            ..Options::default()
        };
        let opened = watch.clone();
        let mut server = SimServer::new(&net, options, &transformer, 1, seed, |primus| {
            primus.on_connection(move |spark| connected(&opened, spark));
        });
        server.settle();
        Self {
            net,
            server,
            watch,
            events: Vec::new(),
            dice: Dice::new(seed),
            make_client: Box::new(make_client),
            clients: Vec::new(),
            connections: Vec::new(),
        }
    }

    /// The virtual time.
    pub(crate) fn now(&self) -> Instant {
        self.net.now()
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
        for connection in &mut self.connections {
            if matches!(connection.far, Far::Client(c, _) if c == client) {
                connection.cut(&self.net);
            }
        }
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
        self.connections[raw.0].write(bytes.as_ref());
    }

    /// Takes what a raw connection received.
    pub(crate) fn raw_received(&mut self, raw: Raw) -> Vec<u8> {
        match &mut self.connections[raw.0].far {
            Far::Raw(received) => std::mem::take(received),
            Far::Client(..) | Far::Gone => Vec::new(),
        }
    }

    /// Whether the server has closed a raw connection, and everything before that has arrived.
    pub(crate) fn raw_is_closed(&self, raw: Raw) -> bool {
        self.connections[raw.0].is_over()
    }

    /// Makes the owner of a raw connection read nothing any more, or read again.
    pub(crate) fn raw_stall(&mut self, raw: Raw, stalled: bool) {
        self.connections[raw.0].is_stalled = stalled;
    }

    /// Breaks a raw connection: bytes under way are lost.
    pub(crate) fn raw_cut(&mut self, raw: Raw) {
        self.connections[raw.0].cut(&self.net);
    }

    /// Sends nothing more on a raw connection.
    pub(crate) fn raw_close(&mut self, raw: Raw) {
        self.connections[raw.0].shutdown();
    }

    /// Has the application write a message to a spark. Returns whether the spark is open.
    pub(crate) fn server_write(&mut self, spark: SparkId, kind: Kind, payload: &[u8]) -> bool {
        let is_open = self.watch.is_open(spark);
        if is_open {
            let value = match kind {
                Kind::Text => Value::from(str::from_utf8(payload).expect("text is UTF-8")),
                Kind::Binary => Value::Bytes(payload.to_vec()),
            };
            let handle = self.server.handle().spark(spark);
            let written = handle.expect("an id of this server").write(value);
            written.expect("the parser takes every text and all bytes");
        }
        is_open
    }

    /// Ends a spark as an application does. Returns whether the spark was open.
    pub(crate) fn server_close(&mut self, spark: SparkId) -> bool {
        let is_open = self.watch.close(spark);
        if is_open {
            // Without a word of Primus, which is not what is tested here.
            let options = EndOptions { reconnect: true };
            let handle = self.server.handle().spark(spark);
            handle.expect("an id of this server").end_with(options);
        }
        is_open
    }

    /// How many bytes wait for a spark, with what they cost.
    pub(crate) fn waiting_bytes(&mut self, spark: SparkId) -> usize {
        let bytes = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&bytes);
        let handle = self.server.handle().spark(spark);
        handle.expect("an id of this server").with(move |spark| {
            told.store(spark.send_queue_bytes(), Ordering::Relaxed);
        });
        self.server.settle();
        bytes.load(Ordering::Relaxed)
    }

    /// Asserts that nothing is left: no session, no connection, no link, no deadline.
    pub(crate) fn assert_clean(&self) {
        let stats = self.server.handle().stats();
        assert_eq!(
            stats.sparks_opened, stats.sparks_forgotten,
            "sparks are not forgotten"
        );
        assert_eq!(self.server.connections(), 0, "the server has connections");
        assert_eq!(self.net.open_endpoints(), 0, "a connection is open");
        for (number, client) in self.clients.iter().enumerate() {
            let links = &client.links;
            assert!(links.is_empty(), "client {number} has links: {links:?}");
            let deadline = client.half.deadline();
            assert_eq!(deadline, None, "client {number} still waits for something");
        }
    }
}

/// The application: it writes down what happens.
fn connected(watch: &Watch, spark: &mut Spark<'_>) {
    watch.connected(spark.id(), spark.address().port());
    let seen = watch.clone();
    spark.on_end(move |spark| seen.seen_to_end(spark.id()));
    let seen = watch.clone();
    spark.on_data(move |spark, data| {
        seen.push(Event::Message {
            spark: spark.id(),
            kind: data.kind(),
            bytes: data.encoded().to_vec(),
        });
    });
}
