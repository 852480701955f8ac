//! Commands: from other threads to this shard, and from this shard to others.

use std::sync::atomic::Ordering;

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::Transformer;

use super::close::EndReason;
use super::core::Core;
use super::host::Host;
use crate::guard;
use crate::limits::{INBOX_COMMANDS_PER_TURN, MOVES_PER_TURN};
use crate::memory::Key;
use crate::mesh::{Command, Visitor};
use crate::primus::Destroy;
use crate::spark::{ReadyState, Spark};

impl<T: Transformer> Core<T> {
    /// Carries out commands that wait, and tries again to pass on those that other shards had no
    /// room for.
    pub(super) fn drain_inbox(&mut self) {
        if self.must_end() {
            self.plan_destroy(Destroy {
                reconnect: true,
                ..Destroy::default()
            });
        }
        self.flush_outbox();
        let mut arrivals = 0;
        for _ in 0..INBOX_COMMANDS_PER_TURN {
            // Broadcasts must not pile up behind a long walk: they wait in the bounded inbox.
            if self.streams_are_full() || arrivals == MOVES_PER_TURN {
                return;
            }
            let Some(command) = self.mesh().receive(self.shard) else {
                return;
            };
            arrivals += usize::from(matches!(command, Command::Arrive(_)));
            self.carry_out(command);
            self.settle();
        }
    }

    pub(super) fn carry_out(&mut self, command: Command) {
        self.upkeep.has_worked = true;
        match command {
            Command::Broadcast { kind, payload } => {
                // Whoever wrote it is elsewhere by now.
                let _ = self.broadcast_here(kind, &payload);
            }
            Command::Write { id, kind, payload } => {
                if let Some(key) = self.find(id) {
                    self.write_message(key, kind, &payload);
                }
            }
            Command::End { id, options } => {
                if let Some(key) = self.find(id) {
                    self.end(key, options, EndReason::Application);
                }
            }
            Command::Find { id, finder } => match self.find(id) {
                Some(key) => {
                    self.guard(key, |core| finder(Some(&mut Spark::new(core, key, None))));
                }
                None => self.guard_alone(|| finder(None)),
            },
            Command::Visit { visitor, stopped } => {
                let mut index = 0;
                while !stopped.load(Ordering::Relaxed)
                    && let Some(key) = self.sparks.next_from(index)
                {
                    index = key.index + 1;
                    if self.spark(key).ready == ReadyState::Open && !self.visit(key, &visitor) {
                        stopped.store(true, Ordering::Relaxed);
                    }
                }
                guard::drop_value(visitor);
            }
            Command::Arrive(parcel) => self.arrive(parcel),
            Command::Destroy(options) => self.plan_destroy(options),
            Command::Listeners => self.listeners = self.shared.listeners(),
        }
    }

    fn visit(&mut self, key: Key, visitor: &Visitor) -> bool {
        self.guard(key, |core| visitor(&mut Spark::new(core, key, None)))
            .unwrap_or(true)
    }

    /// The open spark with this id, if it is one of this shard.
    fn find(&self, id: SparkId) -> Option<Key> {
        let key = self.sparks.key_at(id.parts(self.shared.id_key).index)?;
        let state = self.spark(key);
        (state.id == id && state.ready == ReadyState::Open).then_some(key)
    }

    /// Sends a command to another shard, or keeps it until there is room.
    pub(super) fn send_to_shard(&mut self, shard: u16, command: Command) {
        let waiting = &mut self.outbox[usize::from(shard)];
        let command = if waiting.is_empty() {
            let Err(refused) = self.shared.mesh.try_send(shard, command) else {
                return;
            };
            refused
        } else {
            command
        };
        waiting.push_back(command);
        self.outbox_len += 1;
    }

    fn flush_outbox(&mut self) {
        if self.outbox_len == 0 {
            return;
        }
        for (shard, waiting) in (0..).zip(&mut self.outbox) {
            while let Some(command) = waiting.pop_front() {
                if let Err(refused) = self.shared.mesh.try_send(shard, command) {
                    waiting.push_front(refused);
                    break;
                }
                self.outbox_len -= 1;
            }
        }
    }
}
