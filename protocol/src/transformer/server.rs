//! The server half of a transport.

use std::borrow::Cow;
use std::time::Duration;

use super::{Carrier, End, Kind, Outputs, Progress, Wire};
use crate::http::{Request, RequestHead, Response};
use crate::input::{Input, Payload};
use crate::primus::SparkId;
use crate::time::Instant;

/// What becomes of a request.
#[derive(Debug)]
pub enum Answer<'r, S> {
    /// An ordinary HTTP answer; the connection stays an HTTP connection.
    Respond(Response),
    /// As [`Answer::Respond`], but the body is sent in parts, with pauses between them, and is not
    /// in the response. By this a client finds out whether a proxy holds bytes back. The engine
    /// closes the connection after the last part.
    Paced {
        /// Status and headers.
        response: Response,
        /// The body.
        parts: Vec<PacedPart>,
    },
    /// The engine sends the `101` answer. From then on the connection is the only carrier of the
    /// new session. The engine never calls [`Transformer::exchange`], [`Transformer::send`] or
    /// [`Transformer::expired`] for such a session.
    Upgrade {
        /// The `101` answer.
        response: Response,
        /// The new session.
        session: S,
    },
    /// The request is for the session with this name, which may live on another shard. If it does
    /// not exist, the engine calls [`Transformer::absent`] on the shard where it would live.
    Find(SessionName<'r>),
    /// A new session begins. The engine calls [`Transformer::exchange`] with the same request.
    Open {
        /// The new session. If [`Transformer::request`] returned [`SessionName::Chosen`] before,
        /// the session gets that name.
        session: S,
        /// The port that the application sees as that of the peer; `None` for the real one.
        port: Option<u16>,
    },
}

/// A part of the body of [`Answer::Paced`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacedPart {
    /// How long the engine waits before it sends the part, at most a few seconds.
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

/// What a session says to a request whose body is still to come.
#[derive(Debug)]
pub enum Begun {
    /// It wants to know of it once it is complete.
    Ignored,
    /// The carrier belongs to the session from now on. What follows is the
    /// [`Transformer::exchange`], or [`Transformer::lost`] if the request is cut off.
    Noted,
    /// The request is refused with this answer at once, and its connection closed.
    Refused(Response),
}

/// What a session may need to know when it is called.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// When the call is made.
    pub now: Instant,
    /// The id of the session's spark.
    pub id: SparkId,
    /// The carrier of a streaming session.
    pub stream: Option<Carrier>,
}

/// What a session has read from the bytes of a carrier.
#[derive(Debug)]
pub enum Event<'i> {
    /// A whole message.
    Message {
        /// Text has been checked to be UTF-8.
        kind: Kind,
        /// The bytes of the message.
        payload: Payload<'i>,
    },
    /// The peer is alive, although it sent no message: a ping of WebSocket, for instance. It counts
    /// as the pong of Primus.
    Alive,
    /// The session has ended. The engine sends what was written before and then closes the carrier.
    Ended(End),
}

/// Messages that wait until a session sends them. [`Transformer::frame`] made each of them.
pub trait Units {
    /// Takes the oldest message; `None` if no message waits.
    fn take(&mut self) -> Option<&[u8]>;
}

/// The server half of a transport, shared by all sessions of a shard. It holds the options and
/// what sessions can share (scratch space, compressors), so that a session holds only its own.
///
/// The engine writes each message for a **streaming** session as one frame directly to its carrier,
/// and broadcasts share that frame. A session streams from [`Answer::Upgrade`] on, or from
/// [`Outputs::stream`] on. Until then it is **carried**: its messages wait as [`Units`], framed for
/// its wire, until the session takes them in [`Transformer::send`].
///
/// # Invariants
/// - [`Transformer::frame`] depends on its arguments and on options alone, so that one frame can be
///   shared by every spark of the same [`Wire`].
/// - After [`Transformer::close`], or after it has reported [`End`], a session reports
///   [`Outputs::over`] in bounded time, if need be at a deadline. (A session made by
///   [`Answer::Upgrade`] is over when its carrier is closed.)
pub trait Transformer: Clone + Send + 'static {
    /// The state of one session.
    type Session: 'static;

    /// How many wire formats there are: `Wire(0)` to `Wire(WIRES - 1)`.
    const WIRES: u8;

    /// The name as Primus spells it, for instance `websockets`.
    fn name(&self) -> &'static str;

    /// The name of the transformer that this session belongs to. It differs from
    /// [`Transformer::name`] where one transformer stands for several.
    fn session_name(&self, session: &Self::Session) -> &'static str {
        let _ = session;
        self.name()
    }

    /// Whether [`Transformer::request`] can return [`Answer::Find`]. The session may live on
    /// another shard, so the driver must then be able to hand connections over.
    fn finds_sessions(&self) -> bool {
        false
    }

    /// The transport refuses request bodies of more bytes than this. Default 64 KiB.
    fn request_body_bytes_max(&self) -> usize {
        64 * 1024
    }

    /// Whether a request is an upgrade to this transport. Nobody else answers an upgrade, and its
    /// answer gets no headers for browsers. As in Node.js, any request for an upgrade is one if the
    /// transport has upgrades, whatever protocol it names; to a transport without upgrades it is a
    /// plain request.
    fn is_upgrade(&self, head: &RequestHead<'_>) -> bool {
        head.wants_upgrade()
    }

    /// The session that a request is for, as far as its head says. If this is a name,
    /// [`Transformer::request`] returns [`Answer::Find`] with the same name, whatever the body is.
    /// The engine asks about requests whose bodies are still to come: they go to the shard where
    /// the session lives before their bodies do, and the session is told with
    /// [`Transformer::begun`].
    fn addressee<'r>(&self, head: &RequestHead<'r>) -> Option<SessionName<'r>> {
        let _ = head;
        None
    }

    /// A request for this session has begun: its head has come, and its body has not.
    fn begun(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        head: &RequestHead<'_>,
        out: &mut Outputs,
    ) -> Begun {
        let _ = (session, context, carrier, head, out);
        Begun::Ignored
    }

    /// Answers a request under the pathname that is none of Primus's own (spec, library).
    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, Self::Session>;

    /// Answers a request for which [`Transformer::request`] returned [`Answer::Find`], if there is
    /// no such session, or if the session declined the request ([`Outputs::decline`]). It never
    /// returns [`Answer::Find`] itself.
    fn absent<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, Self::Session> {
        let _ = request;
        Answer::Respond(Response::text(404, "Not Found\n"))
    }

    /// The wire format in which messages for this session are framed now.
    fn wire(&self, session: &Self::Session) -> Wire;

    /// Appends one message in the form of a wire to `out`.
    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>);

    /// Writes what [`Transformer::frame`] would append before the payload to the end of `room`, so
    /// that a payload which lies right behind it can be sent from there. Returns how many bytes
    /// that takes; `None` if there are fewer, or if a frame is more than that.
    ///
    /// The `room` is what [`Payload::Framed`] left there: as much as the header of the client's own
    /// frame took.
    fn frame_in_place(
        &mut self,
        wire: Wire,
        kind: Kind,
        payload: &[u8],
        room: &mut [u8],
    ) -> Option<usize> {
        let _ = (wire, kind, payload, room);
        None
    }

    /// Consumes bytes of an upgraded carrier: up to the next event if there is one, else all of
    /// them.
    fn receive<'i>(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>>;

    /// Closes the session: everything that was written before is sent first, then the goodbye of
    /// the transport. The engine closes a session of [`Answer::Upgrade`] 5 s later if its peer has
    /// not closed and no [`End`] was reported until then. Any other session decides itself how long
    /// it waits.
    fn close(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs);

    /// Closes the session as [`Transformer::close`] does, because its client has broken a rule of
    /// this server. Where the goodbye of the transport has a code, it is 1008.
    fn expel(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs) {
        self.close(session, context, out);
    }

    /// Handles a request for this session. The carrier belongs to the session until the session has
    /// answered the request ([`Outputs::respond`], [`Outputs::finish`]) or closed the carrier. The
    /// answer may come in a later call.
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

    /// Hands the next messages to the application, if a request brought more of them than one call
    /// should hand on. The engine calls this in a later turn, once for each [`Outputs::more`].
    fn proceed(&mut self, session: &mut Self::Session, context: Context, out: &mut Outputs) {
        let _ = (session, context, out);
    }

    /// Whether the answer to this request is a script, or a page in a frame, that acts on the page
    /// which loads it. Browsers send such requests without an `Origin`.
    fn is_script(&self, head: &RequestHead<'_>) -> bool {
        let _ = head;
        false
    }

    /// The carrier on which a carried session can send messages now; `None` for a streaming
    /// session.
    fn carrier(&self, session: &Self::Session) -> Option<Carrier> {
        let _ = session;
        None
    }

    /// Takes units, and sends them, until its carrier can take no more or no unit is left. The
    /// engine calls this when units wait or something has happened to the session, and when the
    /// kernel has taken everything that was written to the [`Transformer::carrier`] before. It also
    /// calls this once after [`Outputs::stream`], so that the session sends what has waited until
    /// then.
    fn send(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        units: &mut dyn Units,
        out: &mut Outputs,
    ) {
        let _ = (session, context, units, out);
    }

    /// A carrier of the session, or one on which a request for it had begun, broke, or its peer
    /// closed it. The session does not own it any more.
    fn lost(
        &mut self,
        session: &mut Self::Session,
        context: Context,
        carrier: Carrier,
        out: &mut Outputs,
    ) {
        let _ = (session, context, carrier, out);
    }

    /// Bytes of heap memory that the session holds for its client: the received part of a message
    /// that is not complete, and what the session keeps beside [`Units`]. The engine asks after
    /// each call that may change the number, so the answer must cost nothing.
    fn held_bytes(&self, session: &Self::Session) -> usize {
        let _ = session;
        0
    }

    /// Whether a message has begun on the stream of the session, and has not ended. So has a frame
    /// that is none, and the begin of a header: nothing that has begun may stay so for ever.
    fn is_receiving(&self, session: &Self::Session) -> bool {
        let _ = session;
        false
    }

    /// What came of that message since the last call; `None` if there is none. The engine ends who
    /// sends too little of it, and does not take for silent who is sending it.
    fn take_progress(&mut self, session: &mut Self::Session) -> Option<Progress> {
        let _ = session;
        None
    }

    /// When the engine has to call [`Transformer::expired`]; `None` for never.
    fn deadline(&self, session: &Self::Session) -> Option<Instant> {
        let _ = session;
        None
    }

    /// Whether the client has to act before that deadline, and not the session itself. A server
    /// that did not run for a while gives clients more time before it calls
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
