//! What the driver reports, handed to whom it is for.

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::owner::Owner;
use crate::io::{Completion, Token};
use crate::lines::Line;
use crate::memory::{Key, Slice};

impl<T: Transformer> Core<T> {
    /// Handles one completion.
    pub(super) fn complete(&mut self, completion: Completion) {
        self.upkeep.has_worked = true;
        match completion {
            Completion::Accepted {
                socket,
                peer,
                listener,
            } => self.accepted(socket, peer, listener),
            Completion::AcceptFailed { error } => {
                if let Some(line) = self.may_log(Line::AcceptFailed) {
                    let (shard, unlogged) = (self.shard, line.unlogged);
                    tracing::warn!(
                        shard, %error, unlogged,
                        "no connection can be accepted for now"
                    );
                }
            }
            Completion::Received { token, buffer } => buffer.with(|bytes, lease| {
                self.with_connection(token, |core, key| {
                    core.net.traffic.received(bytes.len());
                    core.received(key, bytes, Some(lease));
                });
            }),
            Completion::Introduced { token, about } => {
                self.with_connection(token, |core, key| core.introduced(key, *about));
            }
            Completion::Held { token, bytes } => {
                self.with_connection(token, |core, key| core.held_by_driver(key, bytes));
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
                self.with_connection(token, |core, key| core.net.writable(key));
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

    /// The kernel took none or only a part of what a connection was sent.
    fn stalled(&mut self, key: Key, rest: Slice) {
        let was_blocked = self.net.connection(key).is_blocked();
        self.net.stalled(key, rest);
        if !was_blocked {
            let bytes = self.net.connection(key).queue_bytes();
            self.recorders().queue_bytes.record(bytes as u64);
        }
    }

    fn with_connection(&mut self, token: Token, handle: impl FnOnce(&mut Self, Key)) {
        match self.net.find(token) {
            Some(key) => handle(self, key),
            None => self.counters().completions_stale.add(1),
        }
    }

    /// The driver is done with a connection: everything that belonged to it is returned.
    fn closed(&mut self, key: Key) {
        self.moves.closed(key.index);
        self.backlog.closed(key);
        self.introductions.closed(key);
        let connection = self.net.remove(key);
        self.leave_address(key, connection.peer, connection.flags);
        match connection.owner {
            Owner::Session(spark) => {
                assert!(!self.is_open(spark), "its spark has ended before");
                self.forget(spark, connection.peer);
            }
            Owner::TurnedAway => return self.room.turned_away_closed(),
            _ => {}
        }
        self.counters().connections_closed.add(1);
    }

    /// How many connections there are, closing ones included.
    pub(super) fn connections(&self) -> usize {
        self.net.len()
    }

    /// Whether the server was destroyed and every connection is closed, or had its time.
    pub(super) fn has_ended(&self) -> bool {
        let has_connections = !self.net.is_empty();
        self.destroying.is_over(self.clock.now, has_connections)
    }
}
