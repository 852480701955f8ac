//! The subscriptions of one spark: how they come, what they hear, and how they go.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use allspark_engine::{Spark, Timer, Value};
use allspark_protocol::value::Number;

use super::core::{Channel, Listeners, Member, OfMember};
use super::wire;
use crate::emitter::AckError;
use crate::emitter::wire::{Packet, read};
use crate::events::{Ack, Args, Envelope, is_local};
use crate::slots::{self, Slots};
use crate::waiting::{Waiting, waiting_bytes};

/// Those of one spark. A spark that has none has nothing of it.
pub(super) type Subscriptions = Slots<Member, Handlers>;

type OnData = Box<dyn FnMut(&mut Spark<'_>, &Arc<Member>, &Value)>;
pub(super) type OnEvent = Box<dyn FnMut(&mut Spark<'_>, &Arc<Member>, Args<'_>)>;
type OnEnd = Box<dyn FnMut(&mut Spark<'_>, &Arc<Member>)>;
pub(super) type OnAck = Box<dyn FnOnce(&mut Spark<'_>, &Arc<Member>, Result<Args<'_>, AckError>)>;

/// What one subscription calls.
#[derive(Default)]
pub(super) struct Handlers {
    pub(super) data: Vec<OnData>,
    pub(super) events: Vec<(Box<str>, OnEvent)>,
    pub(super) end: Vec<OnEnd>,
    /// They stay where they are while handlers run, who may send more.
    acks: Acks,
}

/// Acknowledgements that the application waits for.
#[derive(Default)]
struct Acks {
    /// The last id that was used.
    last: u64,
    waiting: Waiting<u64, (OnAck, Option<Timer>)>,
}

impl slots::Handlers for Handlers {
    fn take(&mut self) -> Self {
        Self {
            data: std::mem::take(&mut self.data),
            events: std::mem::take(&mut self.events),
            end: std::mem::take(&mut self.end),
            acks: Acks::default(),
        }
    }

    fn append(&mut self, later: Self) {
        self.data.extend(later.data);
        self.events.extend(later.events);
        self.end.extend(later.end);
        self.acks = later.acks;
    }
}

/// A client subscribes. Returns what is subscribed, unless it is so already, or may not be.
pub(super) fn subscribe(
    spark: &mut Spark<'_>,
    channel: &Channel,
    id: &str,
    has_events: bool,
    max: usize,
) -> Option<Arc<Member>> {
    if find(spark, channel.name(), id).is_some() {
        return None;
    }
    if spark.own::<Subscriptions>().is_none() {
        spark.set_own(Subscriptions::default());
    }
    let address = Arc::new(Envelope {
        id: id.into(),
        channel: channel.name().into(),
    });
    let member = Arc::new(Member {
        channel: channel.clone(),
        address: Arc::clone(&address),
        has_events,
    });
    let subscriptions = spark.own_mut::<Subscriptions>()?;
    if !subscriptions.add(Arc::clone(&member), max) {
        tracing::debug!(spark = %spark.id(), max, "a client has too many subscriptions");
        return None;
    }
    if !channel.0.enter(spark, &address) {
        spark.own_mut::<Subscriptions>()?.remove(&member);
        return None;
    }
    spark.charge(cost(&member));
    Some(member)
}

/// Bytes that a subscription costs: itself, its names, its place in the spark's list, which may
/// have room for twice as many, and what the channel knows of it. Handlers are the application's.
fn cost(member: &Member) -> usize {
    const COUNTS: usize = 2 * size_of::<usize>();
    let Envelope { id, channel } = &*member.address;
    let shared = size_of::<Member>() + size_of::<Envelope>() + 2 * COUNTS;
    let place = 2 * size_of::<(Arc<Member>, Handlers)>();
    shared + id.len() + channel.len() + place + Member::SEAT_BYTES
}

/// The subscription of a client to a channel, by its id.
pub(super) fn find(spark: &Spark<'_>, channel: &str, id: &str) -> Option<Arc<Member>> {
    let subscriptions = spark.own::<Subscriptions>()?;
    let found = subscriptions.find(|member| {
        let Envelope {
            id: its,
            channel: of,
        } = &*member.address;
        **its == *id && **of == *channel
    });
    found.cloned()
}

/// Whether it is not over.
pub(super) fn is_open(spark: &Spark<'_>, member: &Arc<Member>) -> bool {
    let subscriptions = spark.own::<Subscriptions>();
    subscriptions.is_some_and(|subscriptions| subscriptions.has(member))
}

/// All subscriptions of a spark.
pub(super) fn all(spark: &Spark<'_>) -> Vec<Arc<Member>> {
    let subscriptions = spark.own::<Subscriptions>();
    subscriptions.map(Subscriptions::all).unwrap_or_default()
}

/// There is a new subscription: who listens to all of them hears of it, and the channel.
pub(super) fn connected(spark: &mut Spark<'_>, member: &Arc<Member>) {
    if let Some(shared) = member.channel.0.shared.upgrade() {
        call(spark, member, &shared.subscribe.load_full());
    }
    let listeners = member.channel.0.listeners.load_full();
    for listener in &listeners.connection {
        if is_open(spark, member) {
            listener(spark, member);
        }
    }
}

/// Why a subscription is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Client,
    Server,
    /// Its spark has ended.
    Spark,
}

/// A subscription is over: it is forgotten, and the client, its handlers and the channel hear of
/// it. Returns false if it was over before.
pub(super) fn end(spark: &mut Spark<'_>, member: &Arc<Member>, by: By) -> bool {
    let subscriptions = spark.own_mut::<Subscriptions>();
    let handlers = subscriptions.and_then(|subscriptions| subscriptions.remove(member));
    let Some(mut handlers) = handlers else {
        return false;
    };
    spark.discharge(cost(member));
    member.channel.0.leave(spark.id(), &member.address);
    // npm's server says it twice when it ends a subscription, and once when the client has.
    if by == By::Server {
        spark.write(wire::unsubscribe(&member.address));
    }
    if let Some(shared) = member.channel.0.shared.upgrade() {
        call(spark, member, &shared.unsubscribe.load_full());
    }
    if by != By::Spark {
        spark.write(wire::unsubscribe(&member.address));
    }
    tell_end(spark, member, &mut handlers);
    for (call, timer) in handlers.acks.waiting.take_all() {
        cancel(spark, timer);
        spark.discharge(cost_of_ack(&call));
        call(spark, member, Err(AckError::Ended));
    }
    let listeners = member.channel.0.listeners.load_full();
    call(spark, member, &listeners.disconnection);
    true
}

fn call(spark: &mut Spark<'_>, member: &Arc<Member>, listeners: &[Arc<OfMember>]) {
    for listener in listeners {
        listener(spark, member);
    }
}

fn tell_end(spark: &mut Spark<'_>, member: &Arc<Member>, handlers: &mut Handlers) {
    for handler in &mut handlers.end {
        handler(spark, member);
    }
}

/// A message for a subscription has come. As in npm an event of primus-emitter is emitted first,
/// and is `data` all the same.
pub(super) fn deliver(spark: &mut Spark<'_>, member: &Arc<Member>, payload: &Value) {
    let listeners = member.channel.0.listeners.load_full();
    let packet = read(payload).filter(|_| member.has_events);
    match packet {
        Some(Packet::Event { event, args, id }) if !is_local(spark, event) => {
            let ack = RefCell::new(id.map(|id| Ack::new(id, Some(Arc::clone(&member.address)))));
            let args = Args::with_ack(args, &ack);
            emit(spark, member, &listeners, event, args);
        }
        Some(Packet::Ack { id, results }) => {
            acknowledged(spark, member, id, Args::new(results));
        }
        _ => {}
    }
    for listener in &listeners.data {
        if is_open(spark, member) {
            listener(spark, member, payload);
        }
    }
    with_handlers(spark, member, |spark, handlers| {
        for handler in &mut handlers.data {
            if is_open(spark, member) {
                handler(spark, member, payload);
            }
        }
    });
}

fn emit(
    spark: &mut Spark<'_>,
    member: &Arc<Member>,
    listeners: &Listeners,
    event: &str,
    args: Args<'_>,
) {
    let of_channel = listeners.events.iter().filter(|(name, _)| **name == *event);
    for (_, listener) in of_channel {
        if is_open(spark, member) {
            listener(spark, member, args);
        }
    }
    with_handlers(spark, member, |spark, handlers| {
        let own = handlers
            .events
            .iter_mut()
            .filter(|(name, _)| **name == *event);
        for (_, handler) in own {
            if is_open(spark, member) {
                handler(spark, member, args);
            }
        }
    });
}

/// Calls with the handlers of a subscription, which are not in the spark meanwhile.
fn with_handlers(
    spark: &mut Spark<'_>,
    member: &Arc<Member>,
    call: impl FnOnce(&mut Spark<'_>, &mut Handlers),
) {
    let subscriptions = spark.own_mut::<Subscriptions>();
    let Some(mut handlers) = subscriptions.and_then(|subscriptions| subscriptions.take(member))
    else {
        return;
    };
    call(spark, &mut handlers);
    // Where one of them has ended the subscription, those for its end were here.
    let over = match spark.own_mut::<Subscriptions>() {
        Some(subscriptions) => subscriptions.put_back(member, handlers),
        None => Some(handlers),
    };
    if let Some(mut handlers) = over {
        tell_end(spark, member, &mut handlers);
    }
}

fn acks<'s>(spark: &'s mut Spark<'_>, member: &Arc<Member>) -> Option<&'s mut Acks> {
    let handlers = spark.own_mut::<Subscriptions>()?.handlers_mut(member)?;
    Some(&mut handlers.acks)
}

/// Begins to wait for an acknowledgement. Returns its id, or gives the function back if so many
/// are waited for already.
pub(super) fn begin_ack(
    spark: &mut Spark<'_>,
    member: &Arc<Member>,
    max: usize,
    timeout: Option<Duration>,
    call: OnAck,
) -> Result<u64, OnAck> {
    let acks_of = acks(spark, member).filter(|acks| acks.waiting.len() < max);
    let Some(acks_of) = acks_of else {
        return Err(call);
    };
    acks_of.last += 1;
    let id = acks_of.last;
    let timer = timeout.map(|timeout| {
        let member = Arc::clone(member);
        spark.after(timeout, move |spark| {
            if let Some((call, _)) = take_ack(spark, &member, id) {
                call(spark, &member, Err(AckError::TimedOut));
            }
        })
    });
    let cost = cost_of_ack(&call);
    if let Some(acks) = acks(spark, member) {
        acks.waiting.add(id, (call, timer));
        spark.charge(cost);
    }
    Ok(id)
}

/// Bytes that are kept until the client acknowledges.
fn cost_of_ack(call: &OnAck) -> usize {
    waiting_bytes::<u64, (OnAck, Option<Timer>)>() + size_of_val(&**call)
}

/// One that nobody waits for, or not any more, is ignored.
fn acknowledged(spark: &mut Spark<'_>, member: &Arc<Member>, id: Number, results: Args<'_>) {
    let taken = id.as_u64().and_then(|id| take_ack(spark, member, id));
    if let Some((call, timer)) = taken {
        cancel(spark, timer);
        call(spark, member, Ok(results));
    }
}

fn take_ack(
    spark: &mut Spark<'_>,
    member: &Arc<Member>,
    id: u64,
) -> Option<(OnAck, Option<Timer>)> {
    let taken = acks(spark, member)?.waiting.take(&id)?;
    spark.discharge(cost_of_ack(&taken.0));
    Some(taken)
}

fn cancel(spark: &mut Spark<'_>, timer: Option<Timer>) {
    if let Some(timer) = timer {
        spark.cancel(timer);
    }
}
