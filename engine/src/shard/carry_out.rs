//! The one loop in which everything is carried out that must not happen inside something else: what
//! sessions want, and effects. It runs between messages and between phases.

use std::net::SocketAddr;
use std::sync::Arc;

use allspark_protocol::primus::Packet;
use allspark_protocol::transformer::{Context, Outputs, Transformer};

use super::core::Core;
use super::destroying::Order;
use super::effects::Effect;
use crate::app::host::Command;
use crate::app::target::RoomEvent;
use crate::app::{self, EndReason};
use crate::guard;
use crate::io::Op;
use crate::lines::Line;
use crate::memory::Key;
use crate::routes::Said;
use crate::session::Want;

impl<T: Transformer> Core<T> {
    /// Carries out everything that came up, and what comes up meanwhile. Effects go first: between
    /// two messages of one request everything is done that the handler of the first has caused.
    #[inline]
    pub(super) fn settle(&mut self) {
        let has_sent = self.server.mesh.has_sent(self.shard);
        if has_sent || !self.effects.is_empty() || self.sessions.has_wants() {
            self.settle_all();
        }
    }

    fn settle_all(&mut self) {
        loop {
            self.take_sent();
            if let Some(effect) = self.effects.pop() {
                self.carry_out(effect);
            } else if let Some((spark, want)) = self.sessions.next_want() {
                match want {
                    Want::Output(output) => self.carry_out_output(spark, output),
                    Want::SaidGoodbye => self.await_goodbye(spark),
                }
            } else {
                return;
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Ended(spark, reason) => self.tell_end(spark, reason),
            Effect::Error(spark, error) => {
                if let Some(slot) = self.sessions.get(spark) {
                    let id = slot.state.id;
                    tracing::debug!(shard = self.shard, spark = %id, %error, "spark error");
                    if self.traced.is_some() {
                        self.trace_error(spark, &error);
                    }
                    app::error(self, spark, &error);
                }
            }
            Effect::Room(spark, event) => {
                if self.sessions.get(spark).is_some() {
                    app::room_event(self, spark, &event);
                }
            }
            Effect::End {
                spark,
                reconnect,
                reason,
            } => {
                if !reconnect {
                    self.write_packet_of_primus(spark, &Packet::ServerClose);
                }
                match reason {
                    EndReason::Flooding => self.expel(spark),
                    _ => self.say_goodbye(spark),
                }
                self.effects.push(Effect::Ended(spark, reason));
            }
            Effect::Goodbye(spark) => self.say_goodbye(spark),
            Effect::CarrierLost(spark, carrier) => {
                self.wake(spark, |transformer, session, context, out| {
                    transformer.lost(session, context, carrier, out);
                });
            }
            Effect::CutOff(parcel) => self.tell_cut_off(&parcel),
            Effect::Forget(spark) => {
                if let Some(client) = self.sessions.peer(spark) {
                    self.forget(spark, client);
                }
            }
            Effect::Intake(spark) => self.take_in_next(spark),
            Effect::Command(command) => self.carry_out_command(command),
            Effect::Opened(spark, result) => self.listener_done(spark, result),
            Effect::Early(spark) => self.hand_on_early(spark),
        }
    }

    fn tell_end(&mut self, spark: Key, reason: EndReason) {
        let Some(slot) = self.sessions.get(spark) else {
            return;
        };
        let id = slot.state.id;
        tracing::debug!(shard = self.shard, spark = %id, %reason, "disconnection");
        if self.traced.is_some() {
            self.trace_end(spark, reason);
        }
        // It leaves its rooms first, so that `disconnection` is the last event about it.
        let rooms = self.rooms.leave_all(spark.index);
        if !rooms.is_empty() {
            app::room_event(self, spark, &RoomEvent::LeftAll(rooms));
        }
        // As in Primus, the count of sparks does not include it any more when listeners hear of its
        // end.
        self.counters().sparks_ended.add(1);
        self.take_id(spark);
        self.ending = Some((spark, reason));
        app::disconnection(self, spark);
        self.ending = None;
        // Nobody waits any more for messages of this spark that wait for transforms.
        self.awaited.must_look |= !self.awaited.is_empty();
        self.forget_intake(spark);
        self.forget_held_back(spark);
        self.end_tasks(spark);
    }

    fn say_goodbye(&mut self, spark: Key) {
        self.sessions.say_goodbye(spark, self.clock.now);
        self.woke(spark);
    }

    fn expel(&mut self, spark: Key) {
        self.sessions.expel(spark, self.clock.now);
        self.woke(spark);
    }

    /// Calls the session of a spark because of something that happened to it.
    pub(super) fn wake(
        &mut self,
        spark: Key,
        call: impl FnOnce(&mut T, &mut T::Session, Context, &mut Outputs),
    ) {
        self.sessions.call(spark, self.clock.now, call);
        self.woke(spark);
    }

    /// A session was called. If it is carried, it may have another deadline, be able to send, and
    /// hold more than before.
    pub(super) fn woke(&mut self, spark: Key) {
        let judge_from = self.fairness.judge_from();
        self.sessions.set_timer(spark, self.clock.now, judge_from);
        self.sessions.mark(spark);
        self.charge_session(spark);
    }

    /// A spark of a client with this address is over for good.
    pub(super) fn forget(&mut self, spark: Key, client: SocketAddr) {
        let Some(slot) = self.sessions.forget(spark, &mut self.net.buffers) else {
            return;
        };
        self.kept.set(spark.index, 0);
        // Usually it has none left, but its last handler may have attached something.
        app::drop_extras(self, slot.state.extras);
        guard::drop_value(slot.session);
        self.leave_spark_of(client);
        if let Some(rates) = &mut self.rates {
            rates.closed(spark.index);
        }
        self.introductions.forgotten(spark);
        self.counters().sparks_forgotten.add(1);
    }

    /// Carries out a command.
    pub(super) fn carry_out_command(&mut self, command: Command) {
        self.upkeep.has_worked = true;
        let Err(command) = self.carry_out_plain(command) else {
            return;
        };
        match command {
            Command::Find { id, finder } => match self.find_open(id) {
                Some(spark) => app::find(self, spark, |host, key| finder(Some((host, key)))),
                None => self.guard_alone(|| finder(None)),
            },
            Command::Ask(question) => self.answer_question(question),
            Command::Tally(tally) => self.tally(tally),
            Command::List(listing) => self.list(*listing),
            Command::FindGiven { id, finder } => self.find_given(id, finder),
            Command::Visit { visitor, stopped } => self.fanout.add_visit(visitor, stopped),
            Command::ForEach(step) => {
                if let Err(step) = self.fanout.steps.add(step) {
                    step.leg.refuse();
                }
            }
            Command::Transformed {
                spark,
                number,
                answer,
            } => self.transformed(spark, number, *answer),
            Command::StepOn { walk } => self.fanout.steps.go_on(walk),
            Command::Arrive(parcel) => self.arrive(parcel),
            Command::Answer {
                connection,
                ticket,
                said,
            } => match *said {
                Said::Whole(response) => self.answer_ticket(connection, ticket, response),
                Said::Begun(response, body) => {
                    self.begin_ticket_body(connection, ticket, response, body);
                }
                Said::Upgrade(response, body, client) => {
                    self.upgrade_ticket(connection, ticket, &response, body, client);
                }
            },
            Command::Pull { connection, ticket } => self.pull_again(connection, ticket),
            Command::Destroy(options) => self.plan_end(Order::Destroy(options)),
            Command::Drain(options) => self.plan_end(Order::Drain(options)),
            Command::AcceptAgain if self.destroying.closes() => {}
            Command::AcceptAgain => self.net.push_op(Op::Accept),
            Command::Trace(order) => self.trace(order),
            Command::Asked => self.carry_out_asked(),
            Command::Decide {
                connection,
                ticket,
                decision,
            } => self.decide(connection, ticket, *decision),
            Command::Listeners => self.look_at_listeners(),
            Command::Options => self.look_at_options(),
            Command::Broadcast { .. }
            | Command::BroadcastLater(_)
            | Command::Write { .. }
            | Command::WriteLater { .. }
            | Command::Settled
            | Command::Released { .. }
            | Command::End { .. }
            | Command::Publish(_)
            | Command::PublishLater(_)
            | Command::Join { .. }
            | Command::Leave { .. }
            | Command::Together(_)
            | Command::Empty(_) => unreachable!("they call nobody"),
        }
    }

    fn look_at_listeners(&mut self) {
        let listeners = self.server.listeners();
        self.door.set_chain(Arc::clone(&listeners.layers));
        if let Some(files) = &listeners.files {
            self.door.set_files(Arc::clone(files));
        }
        self.hears_rooms = !listeners.room.is_empty();
        self.reserved.clone_from(&listeners.reserved);
        let plugins = Arc::clone(&listeners.plugins);
        guard::drop_value(std::mem::replace(&mut self.plugins, plugins));
        // The functions of one that was removed may go with it.
        let transforms = listeners.transforms.clone();
        guard::drop_value(std::mem::replace(&mut self.transforms, transforms));
        guard::drop_value(self.listeners.replace(listeners));
    }

    /// Calls a function of the application that is about no spark.
    pub(super) fn guard_alone(&self, call: impl FnOnce()) {
        if let Err(panicked) = guard::call(call) {
            self.tell_panic(&panicked, "a function of the application panicked");
        }
    }

    /// Counts a panic of the application, and says what came of it.
    pub(super) fn tell_panic(&self, panicked: &str, what: &'static str) {
        self.counters().handlers_panicked.add(1);
        if let Some(line) = self.may_log(Line::Panicked) {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::error!(shard, panicked, unlogged, "{what}");
        }
    }
}
