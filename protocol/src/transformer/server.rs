//! The server half of a transport.

use std::borrow::Cow;
use std::time::Duration;

use super::{End, Kind, Outputs, Wire};
use crate::http::{Request, RequestHead, Response};
use crate::input::{Input, Payload};
use crate::primus::SparkId;
use crate::time::Instant;

/// What becomes of a request.
#[derive(Debug)]
pub enum Answer<'r, S> {
    /// An ordinary HTTP answer; the connection stays an HTTP connection.
    Respond(Response),
    /// As [`Answer::Respond`], but the body, which is not in the response, comes in parts with
    /// pauses between them. This is for clients that want to know whether something on the way
    /// holds bytes back. The connection is closed afterwards.
    Paced {
        /// Status and headers.
        response: Response,
        /// The body.
        parts: Vec<PacedPart>,
    },
    /// The `101` answer is sent, and from then on the connection is the only carrier of the new
    /// session, which never needs [`Transformer::exchange`], [`Transformer::send`] nor a deadline.
    Upgrade {
        /// The `101` answer.
        response: Response,
        /// The new session.
        session: S,
    },
    /// The request is for a session that is found by its name, perhaps on another shard. If there
    /// is none, [`Transformer::absent`] is asked there.
    Find(SessionName<'r>),
    /// A new session begins, and the request is its first [`Transformer::exchange`].
    Open {
        /// The new session. If it was asked for by a name that its client chose, it has this name.
        session: S,
        /// What the application is to see as the port of the peer, if not the real one.
        port: Option<u16>,
    },
}

/// A part of the body of [`Answer::Paced`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacedPart {
    /// How long to wait before it is sent, at most a few seconds.
    pub pause: Duration,
    /// What is sent.
    pub bytes: Cow<'static, [u8]>,
}

/// How a request names its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionName<'r> {
    /// By the id of its spark, which the server chose.
    Spark(SparkId),
    /// By a name that its client chose.
    Chosen(&'r str),
}

/// A TCP connection as a session knows it: while a request on it waits for its answer, and from
/// an upgrade on for good. Meaningless to anybody but the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Carrier(pub u64);

/// What a session may need to know when it is called.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The moment of the call.
    pub now: Instant,
    /// The id of the session's spark.
    pub id: SparkId,
    /// The carrier of a streaming session.
    pub stream: Option<Carrier>,
}

/// What a session understood in the bytes of a carrier.
#[derive(Debug)]
pub enum Event<'i> {
    /// A whole message.
    Message {
        /// Text has been checked to be UTF-8.
        kind: Kind,
        /// The bytes of the message.
        payload: Payload<'i>,
    },
    /// A sign of life below the level of messages, which counts like a Primus pong.
    Alive,
    /// The transport is over. What was written is still sent, then the carrier is closed.
    Ended(End),
}

/// Messages in the form of [`Transformer::frame`] that wait for a session to send them.
pub trait Units {
    /// Takes the next one.
    fn take(&mut self) -> Option<&[u8]>;
}

/// The server half of a transport, shared by all sessions of a shard. It holds the options and
/// what sessions can share (scratch space, compressors), so that a session holds only its own.
///
/// A **streaming** session is sent each message as one frame, which is written directly to its
/// carrier and which broadcasts share. It begins with [`Answer::Upgrade`], or with
/// [`Outputs::stream`]. A session that is not streaming is **carried**: its messages wait, framed
/// in the form of its wire, as [`Units`], until the session takes them with [`Transformer::send`].
///
/// # Invariants
/// - [`Transformer::frame`] depends on its arguments and on options alone, so that one frame can be
///   shared by every spark of the same [`Wire`].
/// - A session that was told to close, or that reported [`End`], reports [`Outputs::over`] in
///   bounded time, by a deadline if need be. (A session made by [`Answer::Upgrade`] is over with
///   its carrier.)
pub trait Transformer: Clone + Send + 'static {
    /// The state of one session.
    type Session: 'static;

    /// How many wire formats there are: `Wire(0)` to `Wire(WIRES - 1)`.
    const WIRES: u8;

    /// The name as Primus spells it, for instance `websockets`.
    fn name(&self) -> &'static str;

    /// The name of the transformer that a session is of, if this one stands for several.
    fn session_name(&self, session: &Self::Session) -> &'static str {
        let _ = session;
        self.name()
    }

    /// Whether it ever says [`Answer::Find`]: then connections must be able to change their shard.
    fn finds_sessions(&self) -> bool {
        false
    }

    /// Bytes of the largest request body that is of use.
    fn request_body_bytes_max(&self) -> usize {
        64 * 1024
    }

    /// Whether a request is an upgrade to this transport, which nobody else answers and which gets
    /// no headers for browsers. As in Node.js, one is to a transport that has upgrades whatever it
    /// wants to change to, and a plain request to one that has none.
    fn is_upgrade(&self, head: &RequestHead<'_>) -> bool {
        head.wants_upgrade()
    }

    /// The session that is to know of a request before its body is complete, if one is. It is told
    /// with [`Transformer::begun`], if it is on the shard where the request arrives.
    fn announced<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        let _ = head;
        None
    }

    /// A request for this session has begun: its head has come, and its body has not. From now on
    /// the carrier belongs to the session. What follows is the [`Transformer::exchange`], or
    /// [`Transformer::lost`] if the request is cut off. With an answer it is refused at once, and
    /// its connection closed.
    fn begun(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        head: &RequestHead<'_>,
        out: &mut Outputs,
    ) -> Option<Response> {
        let _ = (session, context, carrier, head, out);
        None
    }

    /// Answers a request under the pathname that is none of Primus's own (spec, library).
    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, Self::Session>;

    /// Answers a request for which [`Transformer::request`] said [`Answer::Find`], when there is no
    /// such session, or when the session declined it ([`Outputs::decline`]). It never says
    /// [`Answer::Find`] again.
    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, Self::Session> {
        let _ = request;
        Answer::Respond(Response::text(404, "Not Found\n"))
    }

    /// The wire format in which messages for this session are framed now.
    fn wire(&self, session: &Self::Session) -> Wire;

    /// Appends one message in the form of a wire to `out`.
    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>);

    /// Consumes bytes of an upgraded carrier up to the next event, or all of them.
    fn receive<'i>(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>>;

    /// Says goodbye in the words of the transport, after everything that was written before. After
    /// that the engine gives a session of [`Answer::Upgrade`] 5 s until its peer has closed or
    /// [`End`] is reported; any other session decides itself how long it waits.
    fn close(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs);

    /// Handles a request for this session. The carrier belongs to the session until it was answered
    /// ([`Outputs::respond`], [`Outputs::finish`]) or closed; it need not be answered at once.
    fn exchange(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        let _ = (session, context, request);
        out.respond(carrier, Response::text(400, "Bad Request\n"));
    }

    /// Hands on the next messages of requests that brought more than should be handed on at once.
    /// Called in a later turn, once for each time that a session said [`Outputs::more`].
    fn proceed(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs) {
        let _ = (session, context, out);
    }

    /// Whether the answer to this request is a script or a page that acts on the page which asked
    /// for it, so that a browser sends the request without an `Origin`.
    fn is_script(&self, head: &RequestHead<'_>) -> bool {
        let _ = head;
        false
    }

    /// The carrier on which the session could send messages now, if it is carried.
    fn carrier(&self, session: &Self::Session) -> Option<Carrier> {
        let _ = session;
        None
    }

    /// Takes units for as long as it can send them. Called when there are some, or when something
    /// has happened to the session, and its [`Transformer::carrier`] has sent everything else. Also
    /// called once by [`Outputs::stream`], to send what waited before.
    fn send(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        let _ = (session, context, units, out);
    }

    /// A carrier that belonged to the session, or on which a request for it had begun, was lost or
    /// closed by the peer.
    fn lost(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        let _ = (session, context, carrier, out);
    }

    /// Bytes of heap memory that the session holds for its client: the part of a message that has
    /// come so far, and what it keeps beside [`Units`]. Asked after each call that may change it,
    /// so it must cost nothing.
    fn held_bytes(&self, session: &Self::Session) -> usize {
        let _ = session;
        0
    }

    /// When [`Transformer::expired`] wants to be called.
    fn deadline(&self, session: &Self::Session) -> Option<Instant> {
        let _ = session;
        None
    }

    /// Whether it is the client who had to act by that deadline, and not the session itself. A
    /// server that was away for a while gives clients time anew before it says
    /// [`Transformer::expired`].
    fn awaits_client(&self, session: &Self::Session) -> bool {
        let _ = session;
        true
    }

    /// The deadline has passed.
    fn expired(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs) {
        let _ = (session, context, out);
    }
}
