//! A shard without its driver: completions in, operations out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::http::HttpDate;
use allspark_protocol::primus::SparkId;
use allspark_protocol::primus::id::IdParts;
use allspark_protocol::transformer::{Carrier, Outputs, Transformer};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;

use super::arriving::Arriving;
use super::carried::Carried;
use super::close::EndReason;
use super::connection::Connection;
use super::connection::Declined;
use super::fairness::Fairness;
use super::held::Charges;
use super::moves::Moves;
use super::names::Names;
use super::queue::SendQueue;
use super::room::Room;
use super::travel::{Luggage, Parcel};
use super::upkeep::Upkeep;
use super::walk::Walk;
use super::wheel::Wheel;
use super::{CONNECTION, key_of};
use crate::broadcast::Stream;
use crate::io::{Completion, Op, Token, Wait};
use crate::lines::{Admitted, Line};
use crate::memory::{Arena, BlockPool, Key};
use crate::mesh::{self, Command, Mesh};
use crate::primus::{Destroy, Listeners, Shared};
use crate::spark::{SparkError, SparkState};
use crate::stats::Counters;

/// One spark with the session of its transformer.
pub(crate) struct Slot<S> {
    pub(crate) state: SparkState,
    pub(crate) session: S,
    /// What it has if it is not bound to one connection.
    pub(crate) carried: Option<Box<Carried>>,
}

/// An event that came up while a handler ran.
pub(crate) enum Deferred {
    /// The spark has ended.
    Ended(Key, EndReason),
    /// Something went wrong with the spark.
    Error(Key, SparkError),
    /// A carrier of the spark's session is gone.
    CarrierLost(Key, Carrier),
    /// The spark's session is over.
    Forget(Key),
}

/// Everything of a shard but its driver.
pub(crate) struct Core<T: Transformer> {
    pub(super) shared: Arc<Shared>,
    pub(super) listeners: Arc<Listeners>,
    pub(super) transformer: T,
    pub(super) shard: u16,
    pub(super) now: Instant,
    pub(super) unix_ms: u64,
    /// The second of `unix_ms` in which an answer was last sent.
    date: HttpDate,
    /// Counts turns; wraps.
    pub(super) turn: u32,
    pub(super) connections: Arena<Connection>,
    pub(super) arriving: Arriving,
    pub(super) sparks: Arena<Slot<T::Session>>,
    /// One timer per connection, by the index of its slot.
    pub(super) wheel: Wheel,
    /// One timer per spark that is not bound to one connection.
    pub(super) spark_wheel: Wheel,
    /// Sparks that are not bound to one connection.
    pub(super) carried_count: usize,
    pub(super) room: Room,
    pub(super) connection_charges: Charges,
    pub(super) session_charges: Charges,
    pub(super) names: Names,
    /// Sparks whose sessions may have something to send.
    pub(super) dirty_sparks: Vec<Key>,
    /// Sparks whose sessions have more messages to hand on.
    pub(super) proceeding: VecDeque<Key>,
    /// Connections that can go on with what their peers sent meanwhile.
    pub(super) resumed: Vec<Key>,
    /// A session declined the request that it was just asked about.
    pub(super) declined: Option<Declined>,
    /// Connections that go to another shard once everything is sent.
    pub(super) leaving: VecDeque<Key>,
    /// What all connections that leave take with them.
    pub(super) luggage: Luggage,
    /// How often connections that came from other shards have moved.
    pub(super) moves: Moves,
    /// Connections for which everything that waited was submitted.
    pub(super) caught_up: Vec<Key>,
    /// Connections that come from other shards.
    pub(super) arrivals: Arena<Box<Parcel>>,
    /// What the session that was called last wants.
    pub(super) outputs: Outputs,
    /// Sparks by wire format.
    pub(super) wire_sparks: Vec<usize>,
    pub(super) due: Vec<u32>,
    /// Broadcasts, by wire format.
    pub(super) streams: Vec<Stream>,
    pub(super) walk: Walk,
    /// Connections with something to send.
    pub(super) dirty: VecDeque<Key>,
    /// Connections that close once everything is sent.
    pub(super) finishing: Vec<Key>,
    pub(super) ops: Vec<Op>,
    pub(super) blocks: BlockPool,
    /// Queues for connections that come to need one; boxed, as connections own them.
    #[expect(clippy::vec_box, reason = "the boxes themselves are used again")]
    pub(super) queues: Vec<Box<SendQueue>>,
    /// What the application is to be told once the handler that runs now has returned.
    pub(super) deferred: VecDeque<Deferred>,
    /// Commands that did not fit into the inboxes of other shards, by shard.
    pub(super) outbox: Vec<VecDeque<Command>>,
    pub(super) outbox_len: usize,
    pub(super) scratch: Vec<u8>,
    pub(super) ping: super::timers::PingFrame,
    /// A destroy that waits for its time.
    pub(super) destroy: Option<(Instant, Destroy)>,
    pub(super) destroyed: Option<Destroy>,
    /// When a shard that ends stops waiting for its peers.
    pub(super) end_deadline: Option<Instant>,
    /// Whether the shard holds back input, see [`Core::is_congested`].
    pub(super) has_stash: bool,
    /// Whether timers are due that did not fit into this turn.
    pub(super) timers_wait: bool,
    pub(super) upkeep: Upkeep,
    pub(super) fairness: Fairness,
    rng: ChaCha12Rng,
}

/// Bytes of broadcasts that a shard keeps for sparks it has not reached yet. Beyond that it takes
/// in nothing new.
const STREAM_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a shard that ends waits for its peers.
const END_TIMEOUT: Duration = Duration::from_secs(10);

impl<T: Transformer> Core<T> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transformer: T,
        shard: u16,
        now: Instant,
        rng: ChaCha12Rng,
    ) -> Self {
        let shards = usize::from(shared.mesh.shards());
        Self {
            listeners: shared.listeners(),
            shared,
            transformer,
            shard,
            now,
            unix_ms: 0,
            date: HttpDate::at(0),
            turn: 1,
            connections: Arena::default(),
            arriving: Arriving::default(),
            sparks: Arena::default(),
            wheel: Wheel::new(now),
            spark_wheel: Wheel::new(now),
            carried_count: 0,
            room: Room::default(),
            connection_charges: Charges::default(),
            session_charges: Charges::default(),
            names: Names::default(),
            dirty_sparks: Vec::new(),
            proceeding: VecDeque::new(),
            resumed: Vec::new(),
            declined: None,
            leaving: VecDeque::new(),
            luggage: Luggage::default(),
            moves: Moves::default(),
            caught_up: Vec::new(),
            arrivals: Arena::default(),
            outputs: Outputs::default(),
            wire_sparks: vec![0; usize::from(T::WIRES)],
            due: Vec::new(),
            streams: (0..T::WIRES).map(|_| Stream::default()).collect(),
            walk: Walk::default(),
            dirty: VecDeque::new(),
            finishing: Vec::new(),
            ops: Vec::new(),
            blocks: BlockPool::default(),
            queues: Vec::new(),
            deferred: VecDeque::new(),
            outbox: (0..shards).map(|_| VecDeque::new()).collect(),
            outbox_len: 0,
            scratch: Vec::new(),
            ping: super::timers::PingFrame::default(),
            destroy: None,
            destroyed: None,
            end_deadline: None,
            has_stash: false,
            timers_wait: false,
            upkeep: Upkeep::new(now),
            fairness: Fairness::new(now),
            rng,
        }
    }

    pub(crate) fn mesh(&self) -> &Mesh {
        &self.shared.mesh
    }

    pub(crate) fn shard(&self) -> u16 {
        self.shard
    }

    pub(super) fn counters(&self) -> &Counters {
        self.shared.mesh.counters(self.shard)
    }

    /// Whether a line that a peer can cause may be logged now; if not, it is counted.
    pub(super) fn may_log(&self, line: Line) -> Option<Admitted> {
        self.shared.lines.admit(line, self.now)
    }

    /// `is_all_read` says that whatever had arrived by now is among the completions of this turn.
    pub(super) fn begin_turn(&mut self, now: Instant, unix_ms: u64, is_all_read: bool) {
        self.now = now.max(self.now);
        self.fairness.begin(self.now, is_all_read);
        self.unix_ms = unix_ms;
        self.turn = self.turn.wrapping_add(1);
        mesh::enter_shard(&self.shared.mesh);
    }

    /// When answers of this turn are sent.
    pub(super) fn date(&mut self) -> HttpDate {
        self.date.move_to(self.unix_ms);
        self.date
    }

    pub(super) fn end_turn(&mut self) {
        debug_assert!(!mesh::has_outgoing() && self.deferred.is_empty());
        let (waiting, blocks) = (self.blocks.waiting_cost(), self.blocks.block_bytes());
        self.counters().waiting_cost_bytes.set(waiting as u64);
        self.counters().block_bytes.set(blocks as u64);
        self.publish_held();
        mesh::leave_shard();
    }

    /// Handles one completion.
    pub(super) fn complete(&mut self, completion: Completion) {
        self.upkeep.has_worked = true;
        match completion {
            Completion::Accepted { socket, peer } => self.accepted(socket, peer),
            Completion::AcceptFailed { error } => {
                if let Some(line) = self.may_log(Line::AcceptFailed) {
                    let (shard, unlogged) = (self.shard, line.unlogged);
                    tracing::warn!(
                        shard, %error, unlogged,
                        "no connection can be accepted for now"
                    );
                }
            }
            Completion::Received { token, mut buffer } => {
                self.with_connection(token, |core, key| {
                    core.received(key, &mut buffer);
                    core.settle_input(key);
                });
            }
            Completion::ReceiveEnded { token, result } => {
                self.with_connection(token, |core, key| core.input_ended(key, result));
            }
            Completion::SendStalled { token, rest } => {
                self.with_connection(token, |core, key| core.stalled(key, rest));
            }
            Completion::SendFailed { token, error } => {
                self.with_connection(token, |core, key| core.broke(key, error));
            }
            Completion::Unsent { token, bytes } => {
                self.with_connection(token, |core, key| core.unsent(key, bytes));
            }
            Completion::Writable { token } => {
                self.with_connection(token, |core, key| core.writable(key));
            }
            Completion::Released { token, result } => {
                self.with_connection(token, |core, key| core.released(key, result));
            }
            Completion::Adopted { token, result } => self.adopted(token, result),
            Completion::Closed { token } => {
                self.with_connection(token, |core, key| core.closed(key));
            }
            // A server connects to nobody.
            Completion::Connected { .. } => self.counters().completions_stale.add(1),
        }
        self.settle();
    }

    fn with_connection(&mut self, token: Token, handle: impl FnOnce(&mut Self, Key)) {
        let key = key_of(token);
        if token.kind() == CONNECTION && self.connections.get(key).is_some() {
            handle(self, key);
        } else {
            self.counters().completions_stale.add(1);
        }
    }

    pub(super) fn take_ops(&mut self) -> impl Iterator<Item = Op> + use<'_, T> {
        self.ops.drain(..)
    }

    /// Whether the shard takes in nothing new for now, because it has too much to pass on.
    pub(super) fn is_congested(&self) -> bool {
        self.outbox_len > 0 || self.streams_are_full()
    }

    pub(super) fn streams_are_full(&self) -> bool {
        self.streams
            .iter()
            .any(|stream| stream.kept_bytes() > STREAM_BYTES_MAX)
    }

    /// The shard has said how its next turn waits.
    pub(super) fn expect(&mut self, wait: Wait) {
        self.fairness.expect(self.now, wait);
    }

    /// Until when the judgement about a silent peer must be put off, if it must.
    #[inline]
    pub(super) fn put_off(&self) -> Option<Instant> {
        let judge_from = self.fairness.judge_from();
        (judge_from > self.now).then_some(judge_from)
    }

    /// Whether the next turn has something to do even if nothing happens.
    pub(super) fn has_work(&self) -> bool {
        self.walk.is_active()
            || !self.dirty.is_empty()
            || !self.ops.is_empty()
            || !self.finishing.is_empty()
            || !self.dirty_sparks.is_empty()
            || !self.resumed.is_empty()
            || (!self.proceeding.is_empty() && !self.is_congested())
            || !self.leaving.is_empty()
            || !self.caught_up.is_empty()
            || self.outbox_len > 0
            || self.has_commands()
    }

    pub(super) fn has_commands(&self) -> bool {
        self.mesh().has_commands(self.shard) || self.must_end()
    }

    /// Whether another shard has failed and this one has not begun to end.
    pub(super) fn must_end(&self) -> bool {
        self.mesh().is_failing() && self.end_deadline.is_none()
    }

    /// When the next turn must come even if nothing happens.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let destroy = self.destroy.map(|(at, _)| at);
        let timers = [self.wheel.next_deadline(), self.spark_wheel.next_deadline()];
        timers
            .into_iter()
            .chain([destroy, self.end_deadline, self.upkeep.due()])
            .flatten()
            .min()
    }

    /// Whether the server was destroyed and every connection is closed, or had its time.
    pub(super) fn has_ended(&self) -> bool {
        self.end_deadline
            .is_some_and(|deadline| self.connections.is_empty() || deadline <= self.now)
    }

    pub(super) fn begin_end(&mut self) {
        self.end_deadline = Some(self.now + END_TIMEOUT);
    }

    /// A new id for the spark whose slot the result is called with.
    pub(super) fn new_id(&mut self) -> impl FnOnce(u32) -> SparkId + use<T> {
        let random = u128::from(self.rng.next_u64()) << 64 | u128::from(self.rng.next_u64());
        let (shard, key) = (self.shard, self.shared.id_key);
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

    /// A random duration below `limit`, to spread what would otherwise happen at once.
    pub(super) fn spread(&mut self, limit: Duration) -> Duration {
        let fraction = f64::from(self.rng.next_u32()) / f64::from(u32::MAX);
        limit.mul_f64(fraction)
    }
}

impl<T: Transformer> Drop for Core<T> {
    fn drop(&mut self) {
        self.shared.mesh.end(self.shard);
    }
}
