//! What a client wants done and has to tell.

use std::ops::Range;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::http::Misuse;
use allspark_protocol::parser::ParseError;
use allspark_protocol::transformer::{ClientOutputs, Kind, Link};

/// One thing that a client wants done, or has to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Connect to the server. What is written to the link meanwhile is sent once it is connected;
    /// if it can't be connected, [`Client::lost`](super::Client::lost) is told.
    Connect(Link),
    /// Send these bytes, found with [`Outputs::bytes`].
    Write(Link, Range<usize>),
    /// Close the link once everything written to it is sent. Nothing more is wanted to be known of
    /// it.
    Close(Link),
    /// Something for the application.
    Event(Event),
}

/// What a client tells its application. Each is an event of Primus; the names are in
/// [`Event::name`].
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `readyStateChange`.
    ReadyState(ReadyState),
    /// `open`: the connection is open.
    Open,
    /// `data`: a message of the application, as the parser encoded it. It has been checked
    /// ([`Parser::check`](allspark_protocol::parser::Parser::check)).
    Data {
        /// Text or bytes.
        kind: Kind,
        /// Where the message lies: see [`Outputs::bytes`].
        bytes: Range<usize>,
    },
    /// `close`: the connection is over.
    Close,
    /// `end`: the client will not reconnect.
    End,
    /// `error`.
    Error(ClientError),
    /// `timeout`: the first connection took too long.
    Timeout,
    /// `offline`: the network is gone, or the server has been silent for too long.
    Offline,
    /// `online`: it is back.
    Online,
    /// `reconnect scheduled`: an attempt to reconnect begins after [`Attempt::scheduled`].
    ReconnectScheduled(Attempt),
    /// `reconnect`: the attempt has begun.
    Reconnect(Attempt),
    /// `reconnect timeout`: the attempt took too long. Primus's error says: Failed to reconnect in
    /// a timely manner.
    ReconnectTimeout(Attempt),
    /// `reconnected`: the attempt succeeded. Comes before [`Event::Open`].
    Reconnected(Attempt),
    /// `reconnect failed`: all attempts are used up. Comes after [`Event::End`]. Primus's error
    /// says: Unable to recover.
    ReconnectFailed(Attempt),
    /// `incoming::ping`: the server's clock in ms since the Unix epoch, if it is a number.
    Ping(Option<u64>),
    /// `outgoing::pong`: a ping came and is answered, with the same. Comes before [`Event::Ping`].
    Pong(Option<u64>),
    /// `incoming::id`: the answer to [`Client::ask_id`](super::Client::ask_id).
    Id(String),
    /// `destroy`: nothing comes any more.
    Destroy,
}

impl Event {
    /// The name of the event in Primus.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReadyState(_) => "readyStateChange",
            Self::Open => "open",
            Self::Data { .. } => "data",
            Self::Close => "close",
            Self::End => "end",
            Self::Error(_) => "error",
            Self::Timeout => "timeout",
            Self::Offline => "offline",
            Self::Online => "online",
            Self::ReconnectScheduled(_) => "reconnect scheduled",
            Self::Reconnect(_) => "reconnect",
            Self::ReconnectTimeout(_) => "reconnect timeout",
            Self::Reconnected(_) => "reconnected",
            Self::ReconnectFailed(_) => "reconnect failed",
            Self::Ping(_) => "incoming::ping",
            Self::Pong(_) => "outgoing::pong",
            Self::Id(_) => "incoming::id",
            Self::Destroy => "destroy",
        }
    }
}

/// How far the connection has come, with Primus's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// `Primus.OPENING`.
    Opening = 1,
    /// `Primus.CLOSED`, which is also where a client begins.
    Closed = 2,
    /// `Primus.OPEN`.
    Open = 3,
}

impl ReadyState {
    /// What the event `readyStateChange` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Closed => "end",
            Self::Open => "open",
        }
    }
}

/// An attempt to reconnect, as the events around it tell of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attempt {
    /// Which attempt of this reconnect it is, counted from 1. 0 if there is none to be.
    pub attempt: u32,
    /// How many there are at most.
    pub retries: u32,
    /// How long is waited before this attempt.
    pub scheduled: Duration,
    /// The first delay.
    pub min: Duration,
    /// The longest delay.
    pub max: Duration,
    /// By how much the delay grows from attempt to attempt.
    pub factor: f64,
    /// When this reconnect began.
    pub start: Instant,
    /// How long it has taken when something last happened to it: when its attempt began, ran out of
    /// time, succeeded, or was the last one.
    pub duration: Duration,
    /// How long an attempt may take (`reconnect timeout`).
    pub reconnect_timeout: Duration,
}

/// What the event `error` tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The connection could not be opened, or the server broke a rule. The sentence says which.
    #[error("{0}")]
    Transport(&'static str),
    /// The server sent a message that the parser does not understand. The connection goes on.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// A message transform failed, and the message was dropped.
    #[error("{0}")]
    Transform(String),
    /// Host or target can't stand in a request, so nothing was connected.
    #[error("{0}")]
    Misuse(#[from] Misuse),
}

/// What a client wants done and has to tell, in order. To be used for one call after the other, and
/// for as many clients as there are, so that it costs no allocation.
#[derive(Debug, Default)]
pub struct Outputs {
    list: Vec<Output>,
    bytes: Vec<u8>,
    /// Where client halves write to.
    half: ClientOutputs,
}

impl Outputs {
    /// Everything, in order.
    pub fn list(&self) -> &[Output] {
        &self.list
    }

    /// The bytes of an output.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Empties it for the next call. Of its memory as much is kept as is often needed.
    pub fn clear(&mut self) {
        self.list.clear();
        self.list.shrink_to(OUTPUTS_KEPT_MAX);
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT_MAX);
    }

    pub(super) fn connect(&mut self, link: Link) {
        self.list.push(Output::Connect(link));
    }

    pub(super) fn write(&mut self, link: Link, bytes: &[u8]) {
        let bytes = self.append(bytes);
        self.list.push(Output::Write(link, bytes));
    }

    pub(super) fn close(&mut self, link: Link) {
        self.list.push(Output::Close(link));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.list.push(Output::Event(event));
    }

    pub(super) fn data(&mut self, kind: Kind, payload: &[u8]) {
        let bytes = self.append(payload);
        self.event(Event::Data { kind, bytes });
    }

    /// The outputs of a client half, empty. To be given back with [`Outputs::recycle_half`].
    pub(super) fn take_half(&mut self) -> ClientOutputs {
        std::mem::take(&mut self.half)
    }

    pub(super) fn recycle_half(&mut self, mut half: ClientOutputs) {
        half.clear();
        self.half = half;
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}

/// Bytes up to which the memory for bytes is kept.
const BYTES_KEPT_MAX: usize = 64 * 1024;

/// Outputs up to which the memory for outputs is kept.
const OUTPUTS_KEPT_MAX: usize = 1024;
