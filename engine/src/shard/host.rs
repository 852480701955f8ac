//! What the application may do to its shard. Nothing here calls the application, or a session: what
//! would have to is an effect.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::effects::Effect;
use super::rooms::RoomCommand;
use crate::app::host::{
    Added, Command, Host, Listeners, LocalDesk, OnDrained, OnSpark, Opening, Server, SparkState,
};
use crate::app::target::Target;
use crate::app::{self, EndOptions, EndReason, Envelope, Enveloped, Life, Message, SparkError};
use crate::guard;
use crate::known::Known;
use crate::lines::Line;
use crate::memory::Key;
use crate::rooms::{RoomError, Rooms};
use crate::tasks::BoxFuture;

/// Bytes up to which the scratch space for encoding is kept.
const SCRATCH_BYTES_MAX: usize = 64 * 1024;

impl<T: Transformer> Host for Core<T> {
    fn spark(&self, key: Key) -> &SparkState {
        let slot = self.sessions.get(key);
        &slot.expect("a spark stays while its handlers run").state
    }

    fn spark_mut(&mut self, key: Key) -> &mut SparkState {
        let slot = self.sessions.get_mut(key);
        &mut slot.expect("a spark stays while its handlers run").state
    }

    fn peer(&self, key: Key) -> SocketAddr {
        let peer = self.peer_of(key);
        peer.expect("a spark without a connection is carried")
    }

    fn known(&self, key: Key) -> Option<&Known> {
        self.known_of(key)
    }

    fn send_queue_bytes(&self, key: Key) -> usize {
        let stream = self.spark(key).stream.and_then(|key| self.net.get(key));
        let units = self.sessions.units(key);
        units.map_or(0, |queue| queue.bytes()) + stream.map_or(0, |c| c.queue_bytes())
    }

    fn parser(&self) -> ParserKind {
        self.options.parser
    }

    fn server(&self) -> &Arc<Server> {
        &self.server
    }

    fn now(&self) -> Instant {
        self.clock.now
    }

    #[inline]
    fn take_scratch(&mut self) -> Vec<u8> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch
    }

    #[inline]
    fn put_scratch(&mut self, scratch: Vec<u8>) {
        // A rare huge message must not stay in memory.
        if scratch.capacity() <= SCRATCH_BYTES_MAX {
            self.scratch = scratch;
        }
    }

    fn write(&mut self, key: Key, message: &dyn Message) -> bool {
        if !self.is_open(key) {
            return false;
        }
        let mut scratch = self.take_scratch();
        match app::encode(message, self.options.parser, &mut scratch) {
            Ok((kind, payload)) => match self.transforms.clone() {
                None => self.write_in_order(key, kind, payload),
                Some(transforms) => self.write_transformed(&transforms, key, kind, payload),
            },
            Err(error) => self.report(key, error),
        }
        self.put_scratch(scratch);
        true
    }

    fn write_enveloped(
        &mut self,
        key: Key,
        kind: Kind,
        payload: &[u8],
        envelope: &Arc<dyn Envelope>,
    ) {
        let transforms = self.transforms.as_ref();
        if let Some(transforms) = transforms.filter(|all| !all.outgoing.is_empty()) {
            let transforms = Arc::new(app::enveloping(transforms, envelope));
            return self.write_transformed(&transforms, key, kind, payload);
        }
        let mut scratch = Vec::new();
        let enveloped = Enveloped {
            kind,
            message: payload,
            envelope: &**envelope,
        };
        match app::encode(&enveloped, self.parser(), &mut scratch) {
            Ok((kind, payload)) => self.write_in_order(key, kind, payload),
            Err(error) => self.report(key, error),
        }
    }

    fn write_untransformed(&mut self, key: Key, kind: Kind, payload: &[u8]) {
        self.write_in_order(key, kind, payload);
    }

    fn broadcast_packet(&mut self, kind: Kind, payload: &[u8]) -> Result<(), SparkError> {
        match self.transforms.clone() {
            None => self.broadcast_in_order(kind, payload),
            Some(transforms) => self.broadcast_transformed(&transforms, kind, payload),
        }
    }

    fn publish(&mut self, target: &Target, kind: Kind, payload: &[u8]) -> Result<(), SparkError> {
        match self.transforms.clone() {
            None => self.publish_in_order(target, kind, payload),
            Some(transforms) => self.publish_transformed(&transforms, target, kind, payload),
        }
    }

    fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    fn join(&mut self, key: Key, room: &str) -> Result<(), RoomError> {
        self.take_sent();
        if !self.effects.has_commands() {
            return self.join_here(key, room);
        }
        let (id, rooms) = (self.spark(key).id, vec![room.into()]);
        self.effects
            .push(Effect::Command(Command::Join { id, rooms }));
        Ok(())
    }

    fn leave(&mut self, key: Key, room: &str) {
        self.take_sent();
        if !self.effects.has_commands() {
            return self.leave_here(key, room);
        }
        let (id, rooms) = (self.spark(key).id, Some(vec![room.into()]));
        self.effects
            .push(Effect::Command(Command::Leave { id, rooms }));
    }

    fn leave_all(&mut self, key: Key) {
        self.take_sent();
        if !self.effects.has_commands() {
            return self.leave_all_here(key);
        }
        let (id, rooms) = (self.spark(key).id, None);
        self.effects
            .push(Effect::Command(Command::Leave { id, rooms }));
    }

    fn end_spark(&mut self, key: Key, options: EndOptions) -> bool {
        self.take_sent();
        let is_open = self.is_open(key);
        if is_open && self.effects.has_commands() {
            let id = self.spark(key).id;
            let command = Command::End { id, options };
            self.effects.push(Effect::Command(command));
        } else if is_open {
            self.end(key, options.reconnect, EndReason::Application);
        }
        is_open
    }

    fn trace_if_of(&mut self, key: Key, address: IpAddr) {
        let peer = self.peer_of(key);
        if let Some(peer) = peer.filter(|peer| peer.ip() == address) {
            self.trace_if_of_address(key, peer);
        }
    }

    fn end_reason(&self, key: Key) -> Option<EndReason> {
        let (spark, reason) = self.ending?;
        (spark == key).then_some(reason)
    }

    fn panicked(&mut self, key: Key, what: &str) {
        self.counters().handlers_panicked.add(1);
        if let Some(line) = self.may_log(Line::Panicked) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            let id = self.spark(key).id;
            tracing::error!(
                shard, spark = %id, panicked = what, unlogged,
                "a handler panicked; the spark ends"
            );
        }
        self.end(key, true, EndReason::Panicked);
    }

    fn report(&mut self, key: Key, error: SparkError) {
        self.effects.push(Effect::Error(key, error));
    }

    fn take_listeners(&mut self) -> Option<Arc<Listeners>> {
        self.listeners.take()
    }

    fn has_data_listeners(&self) -> bool {
        let listeners = self.listeners.as_ref();
        listeners.is_some_and(|listeners| !listeners.data.is_empty())
    }

    fn put_listeners(&mut self, listeners: Option<Arc<Listeners>>) {
        assert!(
            self.listeners.is_none(),
            "nobody changes them while one of them runs"
        );
        self.listeners = listeners;
    }

    fn plugins(&self) -> &[Added] {
        &self.plugins
    }

    fn is_reserved(&self, event: &str) -> bool {
        let reserved = self.reserved.as_ref();
        reserved.is_some_and(|reserved| reserved.iter().any(|name| **name == *event))
    }

    fn add_timer(
        &mut self,
        key: Key,
        at: Instant,
        interval: Option<Duration>,
        call: OnSpark,
    ) -> Key {
        let timer = self.app_timers.add(key, at, interval, call);
        let extras = self.spark_mut(key).extras.get_or_insert_default();
        extras.timers.push(timer);
        timer
    }

    fn cancel_timer(&mut self, timer: Key) -> bool {
        let removed = self.app_timers.remove(timer);
        let was_there = removed.is_some();
        guard::drop_value(removed);
        was_there
    }

    fn has_open(&self, key: Key) -> bool {
        self.is_open(key)
    }

    fn spawn(&mut self, key: Key, future: BoxFuture) {
        if self.tasks.spawn(key, future) {
            self.begin_untaken(key);
        }
    }

    fn desk(&self) -> &Rc<LocalDesk> {
        &self.desk
    }

    fn life(&self, key: Key) -> Option<&Rc<Life>> {
        self.lives.get(&key)
    }

    fn set_life(&mut self, key: Key, life: Rc<Life>) {
        self.lives.insert(key, life);
    }

    fn take_life(&mut self, key: Key) -> Option<Rc<Life>> {
        match self.lives.is_empty() {
            true => None,
            false => self.lives.remove(&key),
        }
    }

    fn untaken(&mut self, key: Key, cost: usize, is_full: bool) {
        if is_full {
            self.begin_untaken(key);
        }
        self.charge_untaken(key, cost);
    }

    fn taken(&mut self, key: Key) {
        self.end_untaken(key);
    }

    fn when_drained(&mut self, key: Key, call: OnDrained) {
        self.await_drained(key, call);
    }

    fn write_credit(&self) -> usize {
        self.net.rules().drained_bytes()
    }

    fn begin_opening(&mut self, key: Key, opening: Opening) {
        self.openings.insert(key, opening);
    }

    fn end_opening(&mut self, key: Key, result: Result<(), String>) {
        self.effects.push(Effect::Opened(key, result));
    }

    fn opening(&mut self, key: Key) -> Option<&mut Opening> {
        self.openings.get(key)
    }

    fn opened(&mut self, key: Key) {
        self.effects.push(Effect::Early(key));
    }

    fn failed(&mut self, key: Key, why: String) {
        self.listener_failed(key, why);
    }

    fn kept(&mut self, key: Key) {
        self.charge_kept(key);
    }
}

impl<T: Transformer> Core<T> {
    /// Writes an encoded message behind everything that a handler has asked for before.
    #[inline]
    pub(super) fn write_in_order(&mut self, key: Key, kind: Kind, payload: &[u8]) {
        self.take_sent();
        if self.effects.has_commands() {
            let id = self.spark(key).id;
            let payload = payload.into();
            let command = Command::Write { id, kind, payload };
            self.effects.push(Effect::Command(command));
        } else {
            self.write_to(key, kind, payload);
        }
    }

    /// The same to every spark.
    pub(super) fn broadcast_in_order(
        &mut self,
        kind: Kind,
        payload: &[u8],
    ) -> Result<(), SparkError> {
        self.take_sent();
        if self.effects.has_commands() {
            let payload = payload.into();
            let command = Command::Broadcast { kind, payload };
            self.effects.push(Effect::Command(command));
        } else if self.broadcast_here(kind, payload) > 0 {
            return Err(SparkError::TooLong);
        }
        if self.server.mesh.shards() > 1 {
            let payload: Arc<[u8]> = payload.into();
            for shard in 0..self.server.mesh.shards() {
                if shard != self.shard {
                    let payload = Arc::clone(&payload);
                    self.send_to_shard(shard, Command::Broadcast { kind, payload });
                }
            }
        }
        Ok(())
    }

    /// The address of a spark's client, unless it is gone.
    pub(super) fn peer_of(&self, spark: Key) -> Option<SocketAddr> {
        let stream = self.sessions.get(spark)?.state.stream;
        let peer = self.sessions.peer(spark);
        peer.or_else(|| Some(self.net.get(stream?)?.peer))
    }

    /// Takes in what handlers of this shard sent through handles, so that it comes before what they
    /// do next. What calls nobody is done at once; from the first one on that does, all wait.
    #[inline]
    pub(super) fn take_sent(&mut self) {
        if self.server.mesh.has_sent(self.shard) {
            self.take_all_sent();
        }
    }

    #[cold]
    fn take_all_sent(&mut self) {
        while let Some((shard, command)) = self.server.mesh.take_sent(self.shard) {
            if shard != self.shard {
                self.send_to_shard(shard, command);
            } else if self.effects.has_commands() {
                self.effects.push(Effect::Command(command));
            } else if let Err(command) = self.carry_out_plain(command) {
                self.effects.push(Effect::Command(command));
            }
        }
    }

    /// Carries out a command if that calls nobody; otherwise gives it back.
    pub(super) fn carry_out_plain(&mut self, command: Command) -> Result<(), Command> {
        match command {
            Command::Broadcast { kind, payload } => {
                // The writer does not wait for the result. Sparks that do not get it are counted
                // and logged.
                self.broadcast_here(kind, &payload);
            }
            Command::Write { id, kind, payload } => {
                if let Some(spark) = self.find_open(id) {
                    self.write_to(spark, kind, &payload);
                }
            }
            Command::BroadcastLater(awaited) => self.write_later(None, awaited),
            Command::WriteLater { id, awaited } => {
                if let Some(spark) = self.find_open(id) {
                    self.write_later(Some(spark), awaited);
                }
            }
            Command::Settled => self.awaited.must_look = true,
            Command::Released {
                spark,
                number,
                answer,
            } => self.held_back.answered(spark, number, answer),
            Command::End { id, options } => {
                if let Some(spark) = self.find_open(id) {
                    self.end(spark, options.reconnect, EndReason::Application);
                }
            }
            Command::Publish(publish) => {
                self.carry_out_in_rooms(RoomCommand::Publish(&publish));
            }
            Command::PublishLater(publish) => {
                let (target, awaited) = (Arc::clone(&publish.target), Arc::clone(&publish.awaited));
                self.publish_later(target, awaited);
            }
            Command::Join { id, rooms } => {
                if let Some(spark) = self.find_open(id) {
                    self.carry_out_in_rooms(RoomCommand::Join(spark, &rooms));
                }
            }
            Command::Leave { id, rooms } => {
                if let Some(spark) = self.find_open(id) {
                    self.carry_out_in_rooms(RoomCommand::Leave(spark, rooms.as_deref()));
                }
            }
            Command::Together(acts) => self.do_at_once(&acts),
            Command::Empty(rooms) => self.carry_out_in_rooms(RoomCommand::Empty(&rooms)),
            command => return Err(command),
        }
        Ok(())
    }

    /// The open spark with this id, if it is one of this shard.
    pub(super) fn find_open(&self, id: SparkId) -> Option<Key> {
        let index = id.parts(self.server.id_key).index;
        let spark = self.sessions.find(id, index)?;
        self.is_open(spark).then_some(spark)
    }

    /// Sends a command to another shard, or keeps it until there is room.
    pub(super) fn send_to_shard(&mut self, shard: u16, command: Command) {
        self.outbox.send(&self.server.mesh, shard, command);
    }
}
