//! A shard without its driver: the machines, and nothing else.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::primus::SparkId;
use allspark_protocol::primus::id::IdParts;
use allspark_protocol::transformer::Transformer;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;

use super::awaited::Queue;
use super::clock::Clock;
use super::destroying::Destroying;
use super::effects::Effects;
use super::fairness::Fairness;
use super::framed::Framed;
use super::held_back::HeldBack;
use super::intake::Intake;
use super::introductions::Introductions;
use super::judged::Judged;
use super::owner::Owner;
use super::questions::Questions;
use super::room_lists::RoomLists;
use super::traced::Traced;
use super::unfinished::Unfinished;
use super::upkeep::Upkeep;
use super::waiting::{Drains, Openings, Untaken};
use crate::access::Accesses;
use crate::app::host::{
    Added, Command, Listeners, LocalDesk, Reserved, Server, Step, Transforms, Visitor,
};
use crate::app::{EndReason, Life, Timers};
use crate::config::Options;
use crate::distribution::Recorders;
use crate::fanout::Fanout;
use crate::http::Door;
use crate::io::{Op, Wait, Waker};
use crate::lines::Line;
use crate::memory::{Arena, Key};
use crate::mesh::{Mesh, Outbox, Parcel};
use crate::net::{Backlog, Charges, Luggage, Moves, Net, Pace, Room, Rules};
use crate::rooms::Rooms;
use crate::session::{Rates, Sessions};
use crate::stats::Counters;
use crate::tasks::{Desk, Tasks};
use crate::throttle::Admitted;

/// Everything of a shard but its driver.
pub(crate) struct Core<T: Transformer> {
    pub(super) server: Arc<Server>,
    /// What the server is told now.
    pub(super) options: Arc<Options>,
    pub(super) shard: u16,
    pub(super) clock: Clock,
    pub(super) net: Net<Owner>,
    pub(super) door: Door,
    pub(super) sessions: Sessions<T>,
    pub(super) fanout: Fanout<Visitor, Step>,
    pub(super) rooms: Rooms,
    pub(super) room_lists: RoomLists,
    /// Who is in rooms: questions that are not answered yet.
    pub(super) questions: Questions,
    /// A function that every spark goes through is for events of rooms.
    pub(super) hears_rooms: bool,
    /// Functions that every spark goes through. They are taken out while one of them runs.
    pub(super) listeners: Option<Arc<Listeners>>,
    /// What messages go through.
    pub(super) transforms: Option<Arc<Transforms>>,
    pub(super) plugins: Arc<Vec<Added>>,
    /// Names of events that plugins have reserved.
    pub(super) reserved: Option<Arc<Reserved>>,
    /// What is written and waits for transforms, and what came in and does.
    pub(super) awaited: Queue,
    pub(super) held_back: HeldBack,
    pub(super) intake: Intake,
    /// Timers of the application.
    pub(super) app_timers: Timers,
    /// Futures of the application, and what they ask for.
    pub(super) tasks: Tasks,
    pub(super) desk: Rc<LocalDesk>,
    /// What sparks share with futures.
    pub(super) lives: HashMap<Key, Rc<Life>>,
    /// What is kept for the clients of sparks as long as these are there.
    pub(super) kept: Charges,
    pub(super) openings: Openings,
    pub(super) untaken: Untaken,
    pub(super) drains: Drains,
    pub(super) effects: Effects,
    /// A batch of another thread that is not done.
    pub(super) batch: Option<Unfinished>,
    /// Commands that did not fit into the inboxes of other shards.
    pub(super) outbox: Outbox<Command>,
    pub(super) room: Room,
    /// How fast connections may come, and from when on they are accepted again.
    pub(super) accept_pace: Option<Pace>,
    pub(super) accepts_from: Option<Instant>,
    /// How much clients may send.
    pub(super) rates: Option<Box<Rates>>,
    /// By connection, sessions that know of requests whose bodies are coming. The connection is a
    /// carrier of its session.
    pub(super) arriving: HashMap<Key, Key>,
    /// By connection, the sparks that requests are for whose bodies are coming.
    pub(super) coming: HashMap<Key, Key>,
    /// By connection, what layers have decided about requests whose bodies are coming.
    pub(super) judged: HashMap<Key, Judged>,
    /// Sparks by the ids that the application has given to them.
    pub(super) given_ids: HashMap<Arc<str>, Key>,
    /// Peers of connections whose clients have other addresses, if they are counted.
    pub(super) counted_for: HashMap<Key, SocketAddr>,
    /// What the driver has learnt about connections.
    pub(super) introductions: Introductions,
    /// What came in and was not looked at yet.
    pub(super) backlog: Backlog,
    /// Connections that can go on with what their peers sent meanwhile.
    pub(super) resumed: Vec<Key>,
    /// Connections on which a body is to be pulled.
    pub(super) bodies: VecDeque<Key>,
    /// Connections that go to another shard once everything is sent.
    pub(super) leaving: VecDeque<Key>,
    /// What all connections that leave take with them.
    pub(super) luggage: Luggage,
    /// What all requests hold that wait for sparks to which nothing may be handed.
    pub(super) held_luggage: Luggage,
    /// How often connections that came from other shards have moved.
    pub(super) moves: Moves,
    /// Connections that come from other shards.
    pub(super) arrivals: Arena<Box<Parcel>>,
    pub(super) destroying: Destroying,
    /// The spark of whose end the application is told now, and why it ended.
    pub(super) ending: Option<(Key, EndReason)>,
    pub(super) upkeep: Upkeep,
    pub(super) fairness: Fairness,
    /// Timers that are due, used again from turn to turn.
    pub(super) due: Vec<u32>,
    /// Where messages are encoded.
    pub(super) scratch: Vec<u8>,
    /// How many tickets were made.
    tickets: Cell<u64>,
    /// The large message that the application is given now.
    pub(super) framed: Option<Framed>,
    /// Sparks about which everything is logged, if there are any.
    pub(super) traced: Option<Box<Traced>>,
    /// Requests that are not answered yet, if somebody wants to know of them.
    pub(super) accesses: Option<Box<Accesses>>,
    rng: ChaCha12Rng,
}

fn door<T: Transformer>(options: &Options, transformer: &T, listeners: &Listeners) -> Door {
    let layers = Arc::clone(&listeners.layers);
    let mut door = Door::new(options, transformer.name(), layers);
    if let Some(files) = &listeners.files {
        door.set_files(Arc::clone(files));
    }
    door
}

impl<T: Transformer> Core<T> {
    pub(crate) fn new(
        server: Arc<Server>,
        transformer: T,
        shard: u16,
        now: Instant,
        rng: ChaCha12Rng,
    ) -> Self {
        let options = server.options();
        let tasks = Tasks::new(now);
        let mesh = Arc::clone(&server.mesh);
        let tell = move || mesh.send(shard, Command::Asked);
        let listeners = server.listeners();
        let door = door(&options, &transformer, &listeners);
        Self {
            desk: Rc::new(Desk::new(tasks.executor().clone(), tell)),
            tasks,
            lives: HashMap::new(),
            kept: Charges::default(),
            openings: Openings::default(),
            untaken: Untaken::default(),
            drains: Drains::default(),
            shard,
            clock: Clock::new(now),
            net: Net::new(Rules::new(&options), now),
            door,
            sessions: Sessions::new(transformer, now),
            fanout: Fanout::new(T::WIRES),
            rooms: Rooms::new(options.rooms),
            room_lists: RoomLists::new(T::WIRES),
            questions: Questions::default(),
            hears_rooms: !listeners.room.is_empty(),
            transforms: listeners.transforms.clone(),
            plugins: Arc::clone(&listeners.plugins),
            reserved: listeners.reserved.clone(),
            listeners: Some(listeners),
            awaited: Queue::default(),
            held_back: HeldBack::default(),
            intake: Intake::default(),
            app_timers: Timers::new(now),
            effects: Effects::default(),
            batch: None,
            outbox: Outbox::new(server.mesh.shards()),
            room: Room::default(),
            accept_pace: Pace::of_accepts(&options),
            accepts_from: None,
            rates: Rates::new(&options.message_rates, now),
            arriving: HashMap::default(),
            coming: HashMap::default(),
            judged: HashMap::default(),
            given_ids: HashMap::default(),
            counted_for: HashMap::default(),
            introductions: Introductions::default(),
            backlog: Backlog::default(),
            resumed: Vec::new(),
            bodies: VecDeque::new(),
            leaving: VecDeque::new(),
            luggage: Luggage::default(),
            held_luggage: Luggage::default(),
            moves: Moves::default(),
            arrivals: Arena::default(),
            destroying: Destroying::default(),
            ending: None,
            upkeep: Upkeep::new(now),
            fairness: Fairness::new(now),
            due: Vec::new(),
            scratch: Vec::new(),
            tickets: Cell::new(0),
            framed: None,
            traced: None,
            accesses: options.on_answered.clone().map(Accesses::new),
            options,
            server,
            rng,
        }
    }

    pub(crate) fn mesh(&self) -> &Mesh<Command> {
        &self.server.mesh
    }

    /// Makes the shard reachable while it sleeps.
    pub(super) fn set_waker(&self, waker: &Waker) {
        self.mesh().set_waker(self.shard, waker.clone());
        self.tasks.executor().set_waker(waker.clone());
    }

    pub(super) fn counters(&self) -> &Counters {
        self.server.mesh.counters(self.shard)
    }

    pub(super) fn recorders(&self) -> &Recorders {
        self.server.mesh.recorders(self.shard)
    }

    /// The last turn ended at this moment, if it is known.
    pub(super) fn ended_turn(&mut self, ended: Option<Instant>) {
        let (began, reached) = (self.clock.now, self.fanout.take_reached());
        let Some(ended) = ended else {
            return;
        };
        let recorders = self.recorders();
        recorders.turn_ns.record(ended.ns_since(began));
        if let Some(came) = reached {
            recorders.fan_out_ns.record(ended.ns_since(came));
        }
    }

    /// Whether a line that a peer can cause may be logged now; if not, it is counted.
    pub(super) fn may_log(&self, line: Line) -> Option<Admitted> {
        self.server.lines.admit(line, self.clock.now)
    }

    /// `is_all_read` says that whatever had arrived by now is among the completions of this turn.
    pub(super) fn begin_turn(&mut self, now: Instant, unix_ms: u64, is_all_read: bool) {
        self.clock.set(now, unix_ms);
        self.fairness.begin(self.clock.now, is_all_read);
        self.net.begin_turn(self.clock.now);
        self.fanout.begin_turn(self.clock.now);
        self.room.begin_turn();
        self.tasks.begin_turn(self.clock.now);
        self.server.mesh.enter(self.shard);
    }

    pub(super) fn end_turn(&mut self) {
        assert!(
            self.effects.is_empty() && !self.sessions.has_wants(),
            "everything that came up in a turn is carried out in it"
        );
        self.publish();
        self.server.mesh.leave();
    }

    /// Tells the other shards, and whoever asks, what this one holds.
    fn publish(&mut self) {
        let sent = self.net.traffic.sent_bytes();
        let blocks = &self.net.buffers.blocks;
        let counters = self.counters();
        let untaken = self.desk.held_bytes()
            + self.openings.held_bytes()
            + self.intake.held_bytes()
            + self.awaited.held_bytes()
            + self.held_back.held_bytes()
            + self.kept.total()
            + self
                .accesses
                .as_ref()
                .map_or(0, |accesses| accesses.held_bytes());
        let held = self.net.charges.total() + self.sessions.charges.total() + untaken;
        counters
            .waiting_cost_bytes
            .set(blocks.waiting_cost() as u64);
        counters.block_bytes.set(blocks.block_bytes() as u64);
        counters.bytes_held.set(held as u64);
        counters.bytes_sent.set(sent);
        counters
            .bytes_received
            .set(self.net.traffic.received_bytes());
        let unattended = self.sessions.unattended();
        counters.sparks_unattended.set(unattended as u64);
        let under_way = self.net.under_way();
        counters.requests_under_way.set(under_way.requests as u64);
        counters
            .handshakes_under_way
            .set(under_way.handshakes as u64);
    }

    pub(super) fn take_ops(&mut self) -> impl Iterator<Item = Op> + use<'_, T> {
        self.net.take_ops()
    }

    /// Whether the shard takes in nothing new for now, because it has too much to pass on.
    pub(super) fn is_congested(&self) -> bool {
        !self.outbox.is_empty() || self.fanout.is_full() || self.questions.is_full()
    }

    /// The shard has said how its next turn waits.
    pub(super) fn expect(&mut self, wait: Wait) {
        self.fairness.expect(self.clock.now, wait);
    }

    /// The moment up to which no silent peer may be judged, if there is one.
    #[inline]
    pub(super) fn put_off(&self) -> Option<Instant> {
        let judge_from = self.fairness.judge_from();
        (judge_from > self.clock.now).then_some(judge_from)
    }

    /// Whether the next turn has something to do even if nothing happens.
    pub(super) fn has_work(&self) -> bool {
        self.net.has_work()
            || self.sessions.has_marked()
            || (self.sessions.proceeding() > 0 && !self.is_congested())
            || self.fanout.has_work(self.clock.now)
            || self.rooms.is_emptying()
            || self.questions.has_some()
            || self.closes_idle()
            || (!self.backlog.is_empty() && !self.is_congested())
            || !self.resumed.is_empty()
            || !self.bodies.is_empty()
            || !self.leaving.is_empty()
            || !self.outbox.is_empty()
            || self.awaited.must_look
            || self.held_back.has_ready()
            || (self.batch.is_some() && !self.fanout.is_full())
            || self.has_commands()
    }

    pub(super) fn has_commands(&self) -> bool {
        self.mesh().has_commands(self.shard) || self.must_end() || self.tasks.has_woken()
    }

    /// Whether another shard has failed and this one has not begun to end.
    pub(super) fn must_end(&self) -> bool {
        self.mesh().is_failing() && !self.destroying.closes()
    }

    /// When the next turn must come even if nothing happens.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.net.next_deadline(),
            self.sessions.next_deadline(),
            self.app_timers.next_deadline(),
            self.tasks.next_deadline(),
            self.fanout.next_deadline(self.clock.now),
            self.destroying.next_deadline(),
            self.upkeep.due(),
            self.accepts_again(),
            self.rates.as_ref().and_then(|rates| rates.next_deadline()),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// A new id for the spark whose slot the result is called with.
    pub(super) fn new_id(&mut self) -> impl FnOnce(u32) -> SparkId + use<T> {
        let random = u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64());
        let (shard, key) = (self.shard, self.server.id_key);
        move |index| {
            SparkId::new(
                IdParts {
                    shard,
                    index,
                    random,
                },
                key,
            )
        }
    }

    /// The number of a new ticket, for an answer that comes later. No other has it.
    pub(super) fn new_ticket(&self) -> u64 {
        self.tickets.set(self.tickets.get() + 1);
        self.tickets.get()
    }

    /// A random number below `limit`.
    pub(super) fn roll(&mut self, limit: u32) -> u32 {
        ((u64::from(self.rng.next_u32()) * u64::from(limit)) >> 32) as u32
    }

    /// A random duration below `limit`, to spread what would otherwise happen at once.
    pub(super) fn spread(&mut self, limit: Duration) -> Duration {
        let fraction = f64::from(self.rng.next_u32()) / f64::from(u32::MAX);
        limit.mul_f64(fraction)
    }
}

impl<T: Transformer> Drop for Core<T> {
    fn drop(&mut self) {
        self.desk.close();
        self.questions.close();
        self.server.mesh.end(self.shard);
        self.tell_close();
    }
}
