//! The last phase of a turn that makes anything happen: what waits is sent.

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::owner::Owner;
use crate::limits::{PORTIONS_PER_TURN, SEND_BYTES_PER_TURN, SENDS_PER_TURN};
use crate::memory::Key;
use crate::session::connection_of;

impl<T: Transformer> Core<T> {
    /// Has sessions go on whose requests brought more messages than one turn should hand on. They
    /// take turns, so that none of them waits for the whole of another.
    pub(super) fn proceed(&mut self) {
        for _ in 0..self.sessions.proceeding().min(PORTIONS_PER_TURN) {
            if !self.is_congested()
                && let Some(spark) = self.sessions.next_proceeding()
            {
                if self.untaken.is_full(spark) {
                    self.untaken.put_off(spark);
                    continue;
                }
                self.wake(spark, T::proceed);
                self.settle();
            }
        }
    }

    /// Lets carried sessions send what waits for them.
    pub(super) fn flush_sessions(&mut self) {
        let marked = self.sessions.take_marked();
        for &spark in &marked {
            let carrier = self.sessions.unmark(spark);
            let connection = carrier.and_then(|carrier| self.net.get(connection_of(carrier)));
            if connection.is_some_and(|connection| connection.is_free()) {
                let buffers = &mut self.net.buffers;
                self.sessions.send_units(spark, self.clock.now, buffers);
                self.settle();
                let judge_from = self.fairness.judge_from();
                self.sessions.set_timer(spark, self.clock.now, judge_from);
                self.charge_session(spark);
                self.settle();
            }
            if !self.drains.is_empty() {
                self.drained(spark);
            }
        }
        self.sessions.put_marked(marked);
    }

    /// Sends what waits for connections. The rest follows in the next turn.
    pub(super) fn flush(&mut self) {
        self.flush_dirty();
        self.net.own_unsent();
    }

    fn flush_dirty(&mut self) {
        let mut offered_bytes = 0;
        for _ in 0..self.net.dirty_len().min(SENDS_PER_TURN) {
            if offered_bytes >= SEND_BYTES_PER_TURN {
                break;
            }
            let Some(key) = self.net.next_dirty() else {
                continue;
            };
            if !self.net.connection(key).is_blocked() {
                // What a walk would bring to it leaves in the same send.
                self.catch_up_connection(key);
            }
            let flushed = self.net.flush(key);
            offered_bytes += flushed.offered_bytes;
            if flushed.is_all_sent {
                self.sent_all(key);
            }
            if !self.drains.is_empty() {
                self.drained_connection(key);
            }
        }
    }

    /// Nothing waits for this connection any more, unless the kernel refuses what was just queued.
    fn sent_all(&mut self, key: Key) {
        let connection = self.net.connection(key);
        if !connection.is_open() {
            return;
        }
        match &connection.owner {
            Owner::Leaving(leaving) if !leaving.waits => self.leaving.push_back(key),
            owner @ (Owner::Request(_) | Owner::Session(_)) => match owner.spark() {
                Some(spark) => self.sessions.mark(spark),
                None => self.queue_body(key),
            },
            Owner::Http(_)
            | Owner::Layered(_)
            | Owner::Paced(_)
            | Owner::Leaving(_)
            | Owner::TurnedAway
            | Owner::Nobody => {}
        }
    }
}
