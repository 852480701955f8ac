//! The border between the application and a shard: what the application may do to its shard
//! ([`Host`]), what it asks of other shards ([`Command`]), and the functions that it attaches. They
//! name each other, so they stand together.
//!
//! A function of the application takes a [`Spark`](super::Spark). Here it is kept as a function of
//! a host and a key, from which a spark is made when it is called.

use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::http::RequestHead;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::{Heartbeat, Latency, SparkId};
use allspark_protocol::transformer::{Kind, Wire};
use smallvec::SmallVec;

use super::act::Acts;
use super::awaited::Awaited;
use super::data::Data;
use super::end_reason::EndReason;
use super::ends::{Destroy, Drain, EndOptions, ReadyState};
use super::envelope::Envelope;
use super::error::SparkError;
use super::headers::KeptRequest;
use super::id_request::IdRequest;
use super::legs::Leg;
use super::life::Life;
use super::message::Message;
use super::packet::{Answer, Packet, Transformed};
use super::tally::Tally;
use super::target::{AwaitedPublish, Names, Publish, Question, RoomEvent, Target};
use super::trace_target::TraceOrder;
use super::values::Values;
use crate::config::Files;
use crate::known::Known;
use crate::layers::{Chain, Decision, Notes};
use crate::memory::Key;
use crate::mesh::{Parcel, Weigh};
use crate::rooms::{RoomError, Rooms};
use crate::routes::Said;
use crate::shared::Shared;
use crate::tasks::{BoxFuture, Desk};

/// What all shards of a server share.
pub(crate) type Server = Shared<Command, Listeners>;

/// A shard as its handlers see it.
pub(crate) trait Host {
    fn spark(&self, key: Key) -> &SparkState;
    fn spark_mut(&mut self, key: Key) -> &mut SparkState;
    fn peer(&self, key: Key) -> SocketAddr;
    /// What is known of its connection beside that.
    fn known(&self, key: Key) -> Option<&Known>;
    fn send_queue_bytes(&self, key: Key) -> usize;
    fn parser(&self) -> ParserKind;
    fn server(&self) -> &Arc<Server>;
    fn now(&self) -> Instant;
    fn take_scratch(&mut self) -> Vec<u8>;
    fn put_scratch(&mut self, scratch: Vec<u8>);
    /// Writes a message to a spark. Returns false when it has ended.
    fn write(&mut self, key: Key, message: &dyn Message) -> bool;
    /// Writes one that is within another: what stands around it goes through no transform.
    fn write_enveloped(
        &mut self,
        key: Key,
        kind: Kind,
        payload: &[u8],
        envelope: &Arc<dyn Envelope>,
    );
    /// Writes one that goes through no transform, but for those that know the spark.
    fn write_untransformed(&mut self, key: Key, kind: Kind, payload: &[u8]);
    /// Writes an encoded message to every spark of the server.
    fn broadcast_packet(&mut self, kind: Kind, payload: &[u8]) -> Result<(), SparkError>;
    /// Writes an encoded message to rooms of the server.
    fn publish(&mut self, target: &Target, kind: Kind, payload: &[u8]) -> Result<(), SparkError>;
    /// The rooms of the sparks of this shard.
    fn rooms(&self) -> &Rooms;
    fn join(&mut self, key: Key, room: &str) -> Result<(), RoomError>;
    fn leave(&mut self, key: Key, room: &str);
    fn leave_all(&mut self, key: Key);
    /// Returns false when the spark has ended already.
    fn end_spark(&mut self, key: Key, options: EndOptions) -> bool;
    /// Logs what happens to a spark whose client has this address, if that is asked for.
    fn trace_if_of(&mut self, key: Key, address: IpAddr);
    /// Why a spark ends, while the application is told that it does.
    fn end_reason(&self, key: Key) -> Option<EndReason>;
    /// Ends a spark because a function of the application panicked.
    fn panicked(&mut self, key: Key, what: &str);
    /// Tells the handlers of the spark of an error, after the handler that runs now.
    fn report(&mut self, key: Key, error: SparkError);
    /// The functions that every spark goes through, while one of them runs.
    fn take_listeners(&mut self) -> Option<Arc<Listeners>>;
    /// Whether some of them are for data.
    fn has_data_listeners(&self) -> bool;
    fn put_listeners(&mut self, listeners: Option<Arc<Listeners>>);
    /// The plugins of the server.
    fn plugins(&self) -> &[Added];
    /// Whether a plugin has reserved an event of this name.
    fn is_reserved(&self, event: &str) -> bool;
    /// Calls a function at a time, unless the spark has ended by then.
    fn add_timer(
        &mut self,
        key: Key,
        at: Instant,
        interval: Option<Duration>,
        call: OnSpark,
    ) -> Key;
    /// Returns false when it was called for the last time, or cancelled, already.
    fn cancel_timer(&mut self, timer: Key) -> bool;
    /// Whether a spark is there and has not ended.
    fn has_open(&self, key: Key) -> bool;
    /// Runs a future that belongs to a spark.
    fn spawn(&mut self, key: Key, future: BoxFuture);
    /// What futures ask of the shard.
    fn desk(&self) -> &Rc<LocalDesk>;
    /// What a spark shares with futures; `None` if no future asked for it yet.
    fn life(&self, key: Key) -> Option<&Rc<Life>>;
    fn set_life(&mut self, key: Key, life: Rc<Life>);
    /// The spark ends.
    fn take_life(&mut self, key: Key) -> Option<Rc<Life>>;
    /// More waits for the application than before. `is_full` says that it is too much now: the
    /// spark's connection is not listened to until as many calls of [`Host::taken`] have come.
    fn untaken(&mut self, key: Key, cost: usize, is_full: bool);
    fn taken(&mut self, key: Key);
    /// Calls a function once little waits to be sent to a spark, or once it has ended.
    fn when_drained(&mut self, key: Key, call: OnDrained);
    /// Bytes that may be written to a spark to which little waits to be sent, before that is to be
    /// looked at again.
    fn write_credit(&self) -> usize;
    /// The other `connection` listeners wait.
    fn begin_opening(&mut self, key: Key, opening: Opening);
    /// The listener that the others waited for is done. They go on once nothing runs.
    fn end_opening(&mut self, key: Key, result: Result<(), String>);
    /// Takes what waits of a spark's `connection` event.
    fn opening(&mut self, key: Key) -> Option<&mut Opening>;
    /// Everything of it is done.
    fn opened(&mut self, key: Key);
    /// Ends a spark because a listener failed.
    fn failed(&mut self, key: Key, why: String);
    /// What plugins keep for the client of a spark was changed. If it is more than before, and too
    /// much now, the spark ends.
    fn kept(&mut self, key: Key);
}

/// The part of a spark that does not depend on the transformer.
pub(crate) struct SparkState {
    pub(crate) id: SparkId,
    /// The connection to which its messages are written as they come.
    pub(crate) stream: Option<Key>,
    pub(crate) request: KeptRequest,
    /// What most sparks do not have.
    pub(crate) extras: Option<Box<Extras>>,
    /// The offset in the log of broadcasts of its wire format up to which it was written to.
    pub(crate) seen: u64,
    pub(crate) wire: Wire,
    pub(crate) ready: ReadyState,
    pub(crate) heartbeat: Heartbeat,
    /// It lies where there was nothing before.
    pub(crate) latency: Latency,
}

const _: () = assert!(size_of::<SparkState>() == 80, "there is one for each spark");

impl SparkState {
    /// A timer of the application is called no more.
    pub(crate) fn forget_timer(&mut self, timer: Key) {
        if let Some(extras) = &mut self.extras {
            extras.timers.retain(|other| *other != timer);
        }
    }

    /// Its handlers, if it has things of the application.
    #[inline]
    pub(crate) fn handlers_mut(&mut self) -> Option<&mut SmallVec<[Handler; 1]>> {
        Some(&mut self.extras.as_mut()?.handlers)
    }

    /// Bytes that are kept for its client as long as it is there: what the client has said when it
    /// came, and what plugins keep.
    pub(crate) fn kept_bytes(&self) -> usize {
        let kept = self.extras.as_ref().map_or(0, |extras| extras.kept);
        self.request.bytes() + kept as usize
    }

    /// Something was taken out of the extras: if nothing is left in them, they go.
    pub(crate) fn tidy_extras(&mut self) {
        self.extras.take_if(|extras| extras.is_empty());
    }
}

/// What a spark has only if the application gives it to it. Dropped when the spark has ended.
#[derive(Default)]
pub(crate) struct Extras {
    /// In the order in which they were attached. One list for all events, because most sparks have
    /// a single handler.
    pub(crate) handlers: SmallVec<[Handler; 1]>,
    /// The id that the application has given to it.
    pub(crate) given_id: Option<Arc<str>>,
    /// What layers have attached to the request that opened it.
    pub(crate) notes: Option<Box<Notes>>,
    /// Values of the application and of plugins.
    pub(crate) values: Values,
    /// Timers of the application that may still be called.
    pub(crate) timers: SmallVec<[Key; 1]>,
    /// One of the handlers is for events of rooms.
    pub(crate) hears_rooms: bool,
    /// Bytes that plugins keep for its client.
    pub(crate) kept: u32,
    /// The number of the next broadcast that is transformed for it, if there are transforms that
    /// know it.
    pub(crate) seen_per_spark: u64,
}

impl Extras {
    fn is_empty(&self) -> bool {
        let Self {
            handlers,
            given_id,
            notes,
            values,
            timers,
            hears_rooms,
            kept,
            seen_per_spark,
        } = self;
        handlers.is_empty()
            && timers.is_empty()
            && given_id.is_none()
            && notes.is_none()
            && values.is_empty()
            && !hears_rooms
            && *kept == 0
            && *seen_per_spark == 0
    }
}

/// A function that a future asked for.
pub(crate) type LocalCall = Box<dyn FnOnce(&mut dyn Host)>;

/// What futures ask of their shard.
pub(crate) type LocalDesk = Desk<LocalCall>;

pub(crate) type OnDrained = Box<dyn FnOnce()>;

/// What a `connection` listener that is `async` still does.
pub(crate) type Later = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// The `connection` event of a spark, while a listener is not done with it.
pub(crate) struct Opening {
    pub(crate) listeners: Arc<Listeners>,
    /// The first of them that was not called yet.
    pub(crate) next: usize,
    /// What the spark keeps of its request once all of them were called. Until then it keeps all.
    pub(crate) kept: KeptRequest,
}

pub(crate) type OnData = Box<dyn FnMut(&mut dyn Host, Key, Data<'_>)>;
pub(crate) type OnSpark = Box<dyn FnMut(&mut dyn Host, Key)>;
pub(crate) type OnError = Box<dyn FnMut(&mut dyn Host, Key, &SparkError)>;
pub(crate) type OnRoom = Box<dyn FnMut(&mut dyn Host, Key, &RoomEvent)>;
pub(crate) type OnPing = Box<dyn FnMut(&mut dyn Host, Key, u64)>;
pub(crate) type OnPong = Box<dyn FnMut(&mut dyn Host, Key, Option<u64>)>;

/// A function of one spark, and what it is called for.
pub(crate) enum Handler {
    Data(OnData),
    End(OnSpark),
    Heartbeat(OnSpark),
    Error(OnError),
    Room(OnRoom),
    ReadyStateChange(OnSpark),
    OutgoingPing(OnPing),
    IncomingPong(OnPong),
    /// Stands for the one that runs.
    Running,
}

impl Handler {
    /// Whether it stands for the one that runs.
    pub(crate) fn runs(&self) -> bool {
        matches!(self, Self::Running)
    }
}

pub(crate) type EveryData = dyn Fn(&mut dyn Host, Key, Data<'_>) + Send + Sync;
pub(crate) type EverySpark = dyn Fn(&mut dyn Host, Key) + Send + Sync;
pub(crate) type EveryError = dyn Fn(&mut dyn Host, Key, &SparkError) + Send + Sync;
pub(crate) type EveryRoom = dyn Fn(&mut dyn Host, Key, &RoomEvent) + Send + Sync;
/// Without the head if an earlier one was `async`. Returns what is to be awaited.
pub(crate) type EveryConnection =
    dyn Fn(&mut dyn Host, Key, Option<&RequestHead<'_>>) -> Option<Later> + Send + Sync;
pub(crate) type EveryPing = dyn Fn(&mut dyn Host, Key, u64) + Send + Sync;
pub(crate) type EveryPong = dyn Fn(&mut dyn Host, Key, Option<u64>) + Send + Sync;
pub(crate) type EveryCredential = dyn Fn(&mut dyn Host, Key, &str) + Send + Sync;
pub(crate) type OnInitialised = dyn Fn(&Arc<Server>) + Send + Sync;
pub(crate) type OnClose = dyn Fn(&Destroy) + Send + Sync;

/// Functions that every spark goes through, those that hear of the server, and layers that every
/// request for Primus goes through.
#[derive(Clone, Default)]
pub(crate) struct Listeners {
    pub(crate) connection: Vec<Arc<EveryConnection>>,
    pub(crate) disconnection: Vec<Arc<EverySpark>>,
    pub(crate) data: Vec<Arc<EveryData>>,
    pub(crate) heartbeat: Vec<Arc<EverySpark>>,
    pub(crate) error: Vec<Arc<EveryError>>,
    pub(crate) room: Vec<Arc<EveryRoom>>,
    pub(crate) ready_state_change: Vec<Arc<EverySpark>>,
    pub(crate) outgoing_ping: Vec<Arc<EveryPing>>,
    pub(crate) incoming_pong: Vec<Arc<EveryPong>>,
    pub(crate) authorization: Vec<Arc<EveryCredential>>,
    pub(crate) initialised: Vec<Arc<OnInitialised>>,
    pub(crate) close: Vec<Arc<OnClose>>,
    pub(crate) layers: Arc<Chain>,
    /// Absent as long as there are none.
    pub(crate) transforms: Option<Arc<Transforms>>,
    pub(crate) id_generator: Option<Arc<IdGenerator>>,
    pub(crate) plugin: Vec<Arc<OnPlugin>>,
    pub(crate) plugout: Vec<Arc<OnPlugin>>,
    /// Names of events that plugins have reserved. Absent as long as there are none.
    pub(crate) reserved: Option<Arc<Reserved>>,
    /// What is served beside the transport, if it has changed since the server was built.
    pub(crate) files: Option<Files>,
    /// The plugins, in the order in which they were added.
    pub(crate) plugins: Arc<Vec<Added>>,
}

/// Is told the name of a plugin.
pub(crate) type OnPlugin = dyn Fn(&str) + Send + Sync;

/// Each as often as it was reserved.
pub(crate) type Reserved = Vec<Arc<str>>;

/// A plugin of the server.
#[derive(Clone)]
pub(crate) struct Added {
    pub(crate) name: Arc<str>,
    /// What is known of it ([`super::plugins`]), which knows what this file declares.
    pub(crate) entry: Arc<dyn Any + Send + Sync>,
}

pub(crate) type Transform = dyn Fn(&mut Packet<'_>) -> Transformed + Send + Sync;
pub(crate) type TransformOfSpark =
    dyn Fn(&mut dyn Host, Key, &mut Packet<'_>) -> Transformed + Send + Sync;

/// Functions that messages go through, in the order of these lists.
#[derive(Clone, Default)]
pub(crate) struct Transforms {
    pub(crate) incoming: Vec<Arc<TransformOfSpark>>,
    pub(crate) outgoing: Vec<Arc<Transform>>,
    /// They get a spark that they can only read.
    pub(crate) outgoing_per_spark: Vec<Arc<TransformOfSpark>>,
}

/// Makes the id of a spark of the request that opened it.
pub(crate) type IdGenerator = dyn Fn(&IdRequest<'_>) -> String + Send + Sync;

/// Is called with every spark; `false` stops it.
pub(crate) type Visitor = Arc<dyn Fn(&mut dyn Host, Key) -> bool + Send + Sync>;

/// Is called with every spark and the walk that has come to it, which waits until it is told to go
/// on.
pub(crate) type StepVisitor = Arc<dyn Fn(&mut dyn Host, Key, Key) + Send + Sync>;

/// A walk over the sparks of one shard that waits after each of them.
pub(crate) struct Step {
    pub(crate) visitor: StepVisitor,
    pub(crate) leg: Leg,
}

/// Is called with a spark, or with nothing if it has ended.
pub(crate) type Finder = Box<dyn FnOnce(Option<(&mut dyn Host, Key)>) + Send>;

/// Is called with a portion of a list.
pub(crate) type OnPortion = Box<dyn FnOnce(&mut dyn Host, Portion) + Send>;

/// A portion of a list that a shard is asked for.
pub(crate) struct Listing {
    pub(crate) of: ListOf,
    /// Where it begins.
    pub(crate) from: u64,
    /// How much it has, at most.
    pub(crate) max: usize,
    pub(crate) call: OnPortion,
}

/// Of what a list is.
pub(crate) enum ListOf {
    Sparks,
    Members(Box<str>),
    Rooms,
}

/// A portion of a list.
#[derive(Default)]
pub(crate) struct Portion {
    pub(crate) sparks: Vec<Key>,
    /// Of rooms.
    pub(crate) names: Vec<Box<str>>,
    /// Where the list of this shard goes on, if it does.
    pub(crate) next: Option<u64>,
}

impl Listing {
    fn bytes(&self) -> usize {
        match &self.of {
            ListOf::Members(room) => size_of::<Self>() + room.len(),
            ListOf::Sparks | ListOf::Rooms => size_of::<Self>(),
        }
    }
}

/// What a shard can be asked to do.
pub(crate) enum Command {
    /// Write an encoded message to every spark.
    Broadcast {
        kind: Kind,
        payload: Arc<[u8]>,
    },
    /// Write an encoded message to one spark.
    Write {
        id: SparkId,
        kind: Kind,
        payload: Arc<[u8]>,
    },
    /// The same with a message that is not known yet.
    BroadcastLater(Arc<Awaited>),
    WriteLater {
        id: SparkId,
        awaited: Arc<Awaited>,
    },
    /// Some of those messages are known now.
    Settled,
    /// A transform has taken its time for a message of a client.
    Transformed {
        spark: Key,
        number: u64,
        answer: Box<Answer>,
    },
    /// A transform that knows the spark has taken its time for a message that is written to it.
    Released {
        spark: Key,
        number: u64,
        answer: Box<Answer>,
    },
    /// End one spark.
    End {
        id: SparkId,
        options: EndOptions,
    },
    /// Write a message to rooms.
    Publish(Arc<Publish>),
    /// The same, once its transforms are done.
    PublishLater(Arc<AwaitedPublish>),
    /// Have a spark join rooms.
    Join {
        id: SparkId,
        rooms: Names,
    },
    /// Have a spark leave rooms, or all of them.
    Leave {
        id: SparkId,
        rooms: Option<Names>,
    },
    /// Do all of this.
    Together(Arc<Acts>),
    /// Have everybody leave these rooms.
    Empty(Arc<[Box<str>]>),
    /// Say who is in rooms.
    Ask(Arc<Question>),
    /// Say how many sparks are in rooms.
    Tally(Arc<Tally>),
    /// Make a portion of a list.
    List(Box<Listing>),
    /// Call a function with every spark.
    Visit {
        visitor: Visitor,
        stopped: Arc<AtomicBool>,
    },
    /// Call a function with every spark, one after the other.
    ForEach(Step),
    /// Go on with such a walk.
    StepOn {
        walk: Key,
    },
    /// Call a function with one spark, or without it.
    Find {
        id: SparkId,
        finder: Finder,
    },
    /// Call a function with the spark to which the application gave this id, or have the next
    /// shard look for it, or call it without.
    FindGiven {
        id: Box<str>,
        finder: Finder,
    },
    /// Take over a connection with a request for a session of that shard.
    Arrive(Box<Parcel>),
    /// End all sparks and the shard.
    Destroy(Destroy),
    /// Tell every client to reconnect, spread over a time, and end the shard.
    Drain(Drain),
    /// Look whether connections wait that the driver was not told of.
    AcceptAgain,
    /// Look which functions every spark goes through from now on, and which layers requests do.
    Listeners,
    /// Look which options count from now on.
    Options,
    /// Carry out the next thing that a future of this shard asked for, see
    /// [`Desk`](crate::tasks::Desk).
    Asked,
    /// Answer the request on this connection, if it still waits for this ticket.
    Answer {
        connection: Key,
        ticket: u64,
        said: Box<Said>,
    },
    /// Log what happens to a spark, or no longer.
    Trace(TraceOrder),
    /// Pull the body on this connection, if it is still that of this ticket.
    Pull {
        connection: Key,
        ticket: u64,
    },
    /// Go on with the request on this connection, if it still waits for this ticket of a layer.
    Decide {
        connection: Key,
        ticket: u64,
        decision: Box<Decision>,
    },
}

impl Weigh for Command {
    fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Broadcast { payload, .. } | Self::Write { payload, .. } => payload.len(),
                Self::Publish(publish) => publish.bytes(),
                Self::PublishLater(publish) => publish.bytes(),
                Self::Join { rooms, .. } => bytes_of(rooms),
                Self::Leave { rooms, .. } => rooms.as_deref().map_or(0, bytes_of),
                Self::Together(acts) => acts.bytes,
                Self::Empty(rooms) => bytes_of(rooms),
                Self::Ask(question) => bytes_of(&question.rooms),
                Self::Tally(tally) => tally.bytes(),
                Self::List(listing) => listing.bytes(),
                Self::Arrive(parcel) => parcel.bytes(),
                Self::Answer { said, .. } => said.response().body_bytes().len(),
                Self::Decide { decision, .. } => decision.bytes(),
                Self::BroadcastLater(awaited) | Self::WriteLater { awaited, .. } => awaited.bytes,
                Self::Transformed { answer, .. } | Self::Released { answer, .. } => {
                    answer.0.encoded().1.len()
                }
                Self::FindGiven { id, .. } => id.len(),
                Self::Settled
                | Self::End { .. }
                | Self::Visit { .. }
                | Self::Trace(_)
                | Self::Pull { .. }
                | Self::ForEach(_)
                | Self::StepOn { .. }
                | Self::Find { .. }
                | Self::Destroy(_)
                | Self::Drain(_)
                | Self::AcceptAgain
                | Self::Listeners
                | Self::Options
                | Self::Asked => 0,
            }
    }
}

fn bytes_of(names: &[Box<str>]) -> usize {
    names
        .iter()
        .map(|name| size_of::<Box<str>>() + name.len())
        .sum()
}
