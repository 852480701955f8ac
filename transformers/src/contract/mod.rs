//! The contract: what every transport owes to the server, to its clients and to those that use
//! them, as cases that all transports pass. Written once, run by `tests/contract` on every driver.
//!
//! A case knows neither sockets nor time. It sees a [`Rig`]: a server with one application, which
//! writes down what happens to its sparks and does what it is told, and client halves, of which
//! everything they tell is written down too. The parser is `raw`, so a message is what the
//! transport carries, and Primus's own messages are bare text.
//!
//! Nothing here waits for nothing to happen: what must not happen is looked for after everything
//! is over ([`Rig::finish`]), when it would have happened.

mod cases;
mod seen;

use allspark_protocol::options::MaxLength;
use allspark_protocol::primus::{PingInterval, SparkId};
use allspark_protocol::transformer::Kind;

use crate::CommonOptions;

pub use cases::{HOST, cases};
pub use seen::{ClientEvent, ClientSeen, Content, Seen, SparkEvent, SparkSeen};

/// One case.
pub struct Case<R> {
    /// What holds, in words.
    pub name: &'static str,
    /// The options of the server.
    pub setup: Setup,
    /// The case itself. It panics if the contract is broken.
    pub run: fn(&mut R),
}

/// The options of the server in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Milliseconds between two pings of Primus, or off. Default off.
    pub ping_interval: PingInterval,
    /// Bytes of the largest message, Primus's `maxLength`. Default 10 MiB.
    pub message_bytes_max: MaxLength,
    /// Bytes that may wait to be sent to one spark; when they become more, the spark ends with
    /// reconnect. Default 16 MiB.
    pub send_queue_bytes_max: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            ping_interval: PingInterval::OFF,
            message_bytes_max: CommonOptions::default().message_bytes_max,
            send_queue_bytes_max: 16 * 1024 * 1024,
        }
    }
}

/// In what a transport may differ from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Whether bytes arrive as bytes. If not, they arrive as text, and have to be UTF-8.
    pub carries_binary: bool,
    /// Whether a client half can be made to send text that is not UTF-8.
    pub can_send_bad_text: bool,
    /// Whether a message over `maxLength` ends its spark. If not, it is delivered.
    pub bounds_messages: bool,
    /// Bytes that the transport adds to a message of letters and that count towards `maxLength`.
    pub framing_bytes: usize,
    /// What the application sees as the port of the peer, if not the real one.
    pub port: Option<u16>,
}

impl Traits {
    /// A WebSocket, which does it all.
    pub const WEBSOCKET: Self = Self {
        carries_binary: true,
        can_send_bad_text: true,
        bounds_messages: true,
        framing_bytes: 0,
        port: None,
    };
}

/// One thing that the application does with a spark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Write a message.
    Write(Content),
    /// End the spark.
    End {
        /// Whether its client shall reconnect.
        reconnect: bool,
    },
}

/// What a case needs of a world: one server, and clients of it. Clients are numbered from 0 in the
/// order in which they connect; sparks are known by id.
pub trait Rig {
    /// In what the transport differs.
    fn traits(&self) -> Traits;

    /// Starts a client half whose URL has this query, and returns its number.
    fn connect(&mut self, query: &str) -> usize;

    /// Sends a message from a client.
    fn send(&mut self, client: usize, kind: Kind, payload: &[u8]);

    /// Has a client say goodbye.
    fn close(&mut self, client: usize);

    /// Takes the network from a client: its connections break, and it can make no more.
    fn cut(&mut self, client: usize);

    /// Makes a client read nothing any more, or read again.
    fn stall(&mut self, client: usize, stalled: bool);

    /// Has the application do all of this within one turn of the spark's shard, unless the spark
    /// has ended.
    fn act(&mut self, spark: SparkId, acts: Vec<Act>);

    /// Has the application write a message to every spark.
    fn broadcast(&mut self, content: &Content);

    /// Shows what has happened so far.
    fn look<T>(&self, look: impl FnOnce(Seen<'_>) -> T) -> T;

    /// Lets things happen until `done` says so.
    ///
    /// # Panics
    /// If it does not say so for a long time: `what` was not reached.
    fn wait(&mut self, what: &str, done: impl FnMut(Seen<'_>) -> bool);

    /// Has every client leave that is still there, waits until the server has forgotten all of
    /// them, and asserts that nothing is left: no connection, no session, no spark.
    fn finish(&mut self);
}
