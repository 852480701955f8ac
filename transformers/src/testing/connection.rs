//! One connection: two byte streams, and what the server knows about it.

use std::collections::VecDeque;

use allspark_protocol::http::{BodyFraming, Reader, RequestHead, Response};
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::Link;

use super::clients::Client;
use super::paced::Pacing;

/// A connection of somebody who is not a client half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw(pub(super) u64);

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    pub(super) bytes: VecDeque<u8>,
    /// Nothing more is written.
    is_closed: bool,
    /// The reader has been told that nothing more comes.
    is_over: bool,
}

impl Pipe {
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if !self.is_closed {
            self.bytes.extend(bytes);
        }
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the reader can be given something: bytes, or the end.
    pub(super) fn has_news(&self) -> bool {
        !self.bytes.is_empty() || self.is_closed && !self.is_over
    }

    /// Takes up to `count` bytes; none says that the end was reached.
    pub(super) fn read(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.bytes.len());
        self.is_over = count == 0 && self.is_closed;
        self.bytes.drain(..count).collect()
    }
}

/// To whom the far end of a connection belongs.
#[derive(Debug)]
pub(super) enum Far {
    Client(Client, Link),
    /// A test, and what it received and has not looked at.
    Raw(Vec<u8>),
    /// Nobody: the client has closed it.
    Gone,
}

/// What the server does with the bytes of a connection.
#[derive(Debug)]
pub(super) enum Role {
    /// Reads requests.
    Http,
    /// Keeps the bytes until the request that a session has is answered.
    Waiting(Pending),
    /// Hands them to a session.
    Upgraded(SparkId),
    /// Ignores them while it answers in parts with pauses.
    Pacing(Pacing),
    /// Nothing: the connection is being closed.
    Discard,
}

/// A request that is not answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// The session that is to answer it.
    pub(super) spark: SparkId,
    pub(super) form: Form,
    /// How the body is framed that was begun.
    pub(super) body: Option<BodyFraming>,
}

/// What the answer to a request has to look like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) keep_alive: bool,
    pub(super) head_only: bool,
    pub(super) minor_version: u8,
}

impl Form {
    pub(super) fn of(head: &RequestHead<'_>) -> Self {
        Self {
            keep_alive: head.keep_alive(),
            head_only: head.method() == "HEAD",
            minor_version: head.minor_version(),
        }
    }
}

/// One TCP connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) far: Far,
    /// To the server.
    pub(super) up: Pipe,
    /// To the client.
    pub(super) down: Pipe,
    pub(super) role: Role,
    /// Taken out while it is in use.
    pub(super) reader: Option<Reader>,
    /// The session that knows of the request whose body is coming.
    pub(super) begun: Option<SparkId>,
    /// Input that came behind a request that is not answered.
    pub(super) kept: Vec<u8>,
    /// The far end does not read.
    pub(super) is_stalled: bool,
}

/// Bytes that the kernel takes for a peer that does not read.
const KERNEL_BYTES: usize = 64 * 1024;

impl Connection {
    pub(super) fn new(far: Far, body_bytes_max: usize) -> Self {
        Self {
            far,
            up: Pipe::default(),
            down: Pipe::default(),
            role: Role::Http,
            reader: Some(Reader::new(body_bytes_max)),
            begun: None,
            kept: Vec::new(),
            is_stalled: false,
        }
    }

    /// Breaks it: what is under way is lost.
    pub(super) fn cut(&mut self) {
        for pipe in [&mut self.up, &mut self.down] {
            pipe.bytes.clear();
            pipe.close();
        }
    }

    /// The server closes it once everything written to it is sent.
    pub(super) fn finish(&mut self) {
        self.role = Role::Discard;
        self.down.close();
    }

    /// Whether both sides have closed it and know that.
    pub(super) fn is_over(&self) -> bool {
        self.up.is_over && self.down.is_over
    }

    /// Whether the kernel has taken everything that the server wrote.
    pub(super) fn has_sent_everything(&self) -> bool {
        self.down.bytes.len() <= KERNEL_BYTES
    }

    /// The session whose carrier it is.
    pub(super) fn owner(&self) -> Option<SparkId> {
        match &self.role {
            Role::Waiting(pending) => Some(pending.spark),
            Role::Upgraded(spark) => Some(*spark),
            Role::Http => self.begun,
            Role::Pacing(_) | Role::Discard => None,
        }
    }

    /// Answers a request in one piece.
    pub(super) fn respond(&mut self, form: Form, response: &Response) {
        let misuse = response.misuse();
        assert!(misuse.is_none(), "a response was misused: {misuse:?}");
        let mut bytes = Vec::new();
        response.encode(&mut bytes, form.keep_alive, form.head_only);
        self.down.write(&bytes);
        self.answered(form.keep_alive);
    }

    /// Begins to answer in parts, and returns how the body is framed.
    pub(super) fn begin(&mut self, form: Form, response: &Response) -> BodyFraming {
        let framing = response.framing(form.minor_version, form.head_only);
        let mut bytes = Vec::new();
        response.encode_begin(&mut bytes, framing, form.keep_alive);
        self.down.write(&bytes);
        framing
    }

    /// Writes a part of a body.
    pub(super) fn write_part(&mut self, framing: BodyFraming, part: &[u8]) {
        let mut bytes = Vec::new();
        framing.push(&mut bytes, part);
        self.down.write(&bytes);
    }

    /// Ends a body.
    pub(super) fn end_body(&mut self, form: Form, framing: BodyFraming) {
        self.write_end(framing);
        self.answered(form.keep_alive && !framing.ends_with_connection());
    }

    /// Writes the end of a body.
    pub(super) fn write_end(&mut self, framing: BodyFraming) {
        let mut bytes = Vec::new();
        framing.end(&mut bytes);
        self.down.write(&bytes);
    }

    fn answered(&mut self, keep_alive: bool) {
        self.role = Role::Http;
        if !keep_alive {
            self.finish();
        }
    }
}
