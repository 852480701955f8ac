//! What happens to sparks while hooks are on: a plugin before all others that holds back what the
//! application is not ready for, and one behind them that hands over what is left of a message.

use std::sync::Arc;
use std::time::Duration;

use allspark::{
    EndOptions, Layer, Packet, Plugin, PluginError, Setup, Spark, TransformTicket, Transformed,
};

use super::before::{ask, opened};
use super::event::Event;
use super::hooked::{Hooked, Stands, hold, let_go};
use super::hooks::{Hooks, count};
use super::kind::Kind;
use super::lane::{Lane, Room};
use super::options::WhenDown;
use super::part::Waiting;

/// When it is looked whether less of a spark waits: after some requests to an application that is
/// near, and then after twice as long each time, as one that is down may be so for long.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(320);

/// Before all other plugins.
pub(super) struct Before(pub(super) Arc<Hooks>);

impl Plugin for Before {
    fn name(&self) -> &'static str {
        "hooks"
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let hooks = &self.0;
        if hooks.options.asks_before() {
            let asks = Arc::clone(hooks);
            let layer = Layer::new("hooks", move |request| ask(&asks, request));
            setup.layers().add(layer.openings());
        }
        let connects = Arc::clone(hooks);
        setup.on_connection(move |spark| connected(&connects, spark));
        let ends = Arc::clone(hooks);
        setup.on_disconnection(move |spark| disconnected(&ends, spark));
        if hooks.tells(Kind::Connect) || hooks.tells(Kind::Message) {
            let gate = Arc::clone(hooks);
            setup.transform_incoming(move |spark, packet| admit(&gate, spark, packet));
        }
        if hooks.tells(Kind::Error) {
            let errors = Arc::clone(hooks);
            setup.on_error(move |spark, error| {
                let event = Event::error(spark.id(), &error.to_string());
                tell_if_room(&errors, spark, event);
            });
        }
        self.hear_of_rooms(setup);
        Ok(())
    }
}

impl Before {
    fn hear_of_rooms(&self, setup: &Setup<'_>) {
        let hear = |kind: Kind| {
            let hooks = Arc::clone(&self.0);
            move |spark: &mut Spark<'_>, rooms: &[&str]| {
                let event = Event::rooms(kind, spark.id(), rooms);
                tell_if_room(&hooks, spark, event);
            }
        };
        if self.0.tells(Kind::Join) {
            let hear = hear(Kind::Join);
            setup.on_join_room(move |spark, room| hear(spark, &[room]));
        }
        if self.0.tells(Kind::Leave) {
            let (one, all) = (hear(Kind::Leave), hear(Kind::Leave));
            setup.on_leave_room(move |spark, room| one(spark, &[room]));
            setup.on_leave_all_rooms(all);
        }
    }
}

/// Behind all other plugins: what they leave of a message is for the application.
pub(super) struct Behind(pub(super) Arc<Hooks>);

impl Plugin for Behind {
    fn name(&self) -> &'static str {
        "hooks-messages"
    }

    fn server(&self, setup: &mut Setup<'_>) -> Result<(), PluginError> {
        let (hooks, parser) = (Arc::clone(&self.0), setup.options().parser);
        setup.transform_incoming(move |spark, packet| {
            let_go(spark);
            let Some(hooked) = spark.own::<Hooked>().filter(|_| !packet.is_inner()) else {
                return Transformed::Next;
            };
            let event = Event::message(spark.id(), parser, &packet.data(), &hooked.waiting);
            hooks.lane(hooked.lane).push(event);
            Transformed::Drop
        });
        Ok(())
    }
}

fn connected(hooks: &Hooks, spark: &mut Spark<'_>) {
    if opened(hooks, spark) {
        return;
    }
    let id = spark.id();
    let number = hooks.lane_of(id);
    let (lane, when_down) = (hooks.lane(number), hooks.options.when_down);
    let mut stands = Stands::LetIn;
    if hooks.tells(Kind::Connect) {
        let is_refused = when_down == WhenDown::Refuse && lane.is_failing();
        if is_refused || lane.is_full() {
            count(&hooks.counts.turned_away, 1);
            spark.end_with(EndOptions { reconnect: true });
            return;
        }
        lane.push(Event::connect(spark, &hooks.options.headers));
        stands = match (when_down, lane.is_failing()) {
            (WhenDown::Accept, true) => Stands::LetIn,
            // It has begun to fail just now.
            (WhenDown::Refuse, true) => {
                spark.end_with(EndOptions { reconnect: true });
                Stands::Refused
            }
            _ => Stands::Asked(None),
        };
    }
    spark.set_own(Hooked::new(number, stands));
}

/// Whoever's connect was told has something of its own. It stays until all have heard of the end.
fn disconnected(hooks: &Hooks, spark: &Spark<'_>) {
    let hooked = spark.own::<Hooked>();
    if let Some(hooked) = hooked.filter(|_| hooks.tells(Kind::Disconnect)) {
        let refused = matches!(hooked.stands, Stands::Refused);
        let event = Event::disconnect(spark, refused);
        hooks.lane(hooked.lane).push(event);
    }
}

/// What a client can cause without end and without sending a message that waits is left out, and
/// counted, while too much waits.
fn tell_if_room(hooks: &Hooks, spark: &Spark<'_>, event: Event) {
    if let Some(hooked) = spark.own::<Hooked>()
        && !hooks.lane(hooked.lane).push_if_room(event)
    {
        count(&hooks.counts.left_out, 1);
    }
}

/// A message of a client: it goes on, or it waits and its client with it.
fn admit(hooks: &Hooks, spark: &mut Spark<'_>, packet: &Packet<'_>) -> Transformed {
    if packet.is_inner() {
        return Transformed::Next;
    }
    let (now_ns, bytes) = (spark.now().as_ns(), packet.data().encoded().len());
    let Some(hooked) = spark.own_mut::<Hooked>() else {
        return Transformed::Next;
    };
    match &mut hooked.stands {
        Stands::LetIn => {}
        Stands::Asked(first) => {
            *first = Some(Box::new(packet.later()));
            hold(spark, bytes);
            return Transformed::Later;
        }
        Stands::Refused => return Transformed::Drop,
    }
    let lane = hooked.lane;
    let wait = hooked.pace.as_mut().map(|pace| pace.pay(now_ns, bytes));
    let wait = wait.filter(|wait| !wait.is_zero());
    let most = hooks.options.queue_per_spark.size();
    let is_flooding = hooks.tells(Kind::Message) && hooked.waiting.bytes() >= most;
    if is_flooding || wait.is_some() {
        let held = Held {
            ticket: packet.later(),
            bytes,
            lane: Arc::clone(hooks.lane_rc(lane)),
            waiting: hooked.waiting.clone(),
            most: if is_flooding { most / 2 } else { most },
            pause: LOOK_AGAIN,
        };
        count(&hooks.counts.slowed, usize::from(is_flooding));
        hold(spark, bytes);
        spark.after(wait.unwrap_or(LOOK_AGAIN), move |spark| held.look(spark));
        return Transformed::Later;
    }
    match hooks.tells(Kind::Message) && hooks.lane(lane).is_full() {
        false => Transformed::Next,
        true => wait_for_room(hooks, lane, spark, packet, bytes),
    }
}

/// A message whose client sends too fast, or too much of whom waits.
struct Held {
    ticket: TransformTicket,
    bytes: usize,
    lane: Arc<Lane<TransformTicket>>,
    waiting: Waiting,
    /// It goes on once no more than this waits.
    most: usize,
    /// After which it is looked again.
    pause: Duration,
}

impl Held {
    fn look(mut self, spark: &mut Spark<'_>) {
        if self.waiting.bytes() > self.most {
            let pause = self.pause;
            self.pause = LOOK_AGAIN_MAX.min(2 * pause);
            spark.after(pause, move |spark| self.look(spark));
            return;
        }
        match self.lane.wait(self.ticket, self.bytes) {
            Room::Now(ticket) => ticket.next(),
            Room::Later => {}
            Room::Never(ticket) => too_much(spark, ticket),
        }
    }
}

#[cold]
fn wait_for_room(
    hooks: &Hooks,
    lane: usize,
    spark: &mut Spark<'_>,
    packet: &Packet<'_>,
    bytes: usize,
) -> Transformed {
    match hooks.lane(lane).wait(packet.later(), bytes) {
        Room::Now(ticket) => ticket.next(),
        Room::Later => hold(spark, bytes),
        Room::Never(ticket) => {
            count(&hooks.counts.turned_away, 1);
            too_much(spark, ticket);
        }
    }
    Transformed::Later
}

/// Even what waits for room is too much: the client comes again, and its message is lost.
fn too_much(spark: &mut Spark<'_>, ticket: TransformTicket) {
    ticket.drop_message();
    spark.end_with(EndOptions { reconnect: true });
}
