//! How sparks and connections end.
//!
//! A spark ends once. [`Core::end`] ends it in words: what it was written is sent, then the goodbye
//! of Primus and of its transport. [`Core::lose`] is for one whose transport is over. Both only
//! change the state of the spark. An effect tells the application and calls the session.
//!
//! Its connection is closed in one of two ways, which the net carries out: [`Core::finish`] sends
//! what waits before, [`Core::close`] does not.

use std::io;

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::effects::Effect;
use super::owner::Owner;
use crate::app::{self, EndReason, ReadyState, SparkError};
use crate::limits::GOODBYE_TIMEOUT_MS;
use crate::memory::Key;
use crate::session::carrier_of;

impl<T: Transformer> Core<T> {
    /// Ends a spark in words. Returns false when it has ended already.
    pub(super) fn end(&mut self, spark: Key, reconnect: bool, reason: EndReason) -> bool {
        if !self.is_open(spark) {
            return false;
        }
        // It still gets what was broadcast before.
        self.catch_up(spark);
        if !self.set_closed(spark) {
            // It has just turned out to read too slowly.
            return true;
        }
        self.effects.push(Effect::End {
            spark,
            reconnect,
            reason,
        });
        true
    }

    /// The spark has ended. The application is told after the error that may be behind it.
    pub(super) fn lose(&mut self, spark: Key, reason: EndReason) {
        if self.set_closed(spark) {
            self.effects.push(Effect::Ended(spark, reason));
        }
    }

    /// Returns false if the spark had ended before.
    pub(super) fn set_closed(&mut self, spark: Key) -> bool {
        let Some(slot) = self.sessions.get_mut(spark) else {
            return false;
        };
        if !slot.is_open() {
            return false;
        }
        slot.state.ready = ReadyState::Closed;
        if let Some(key) = slot.state.stream {
            // It gets no more heartbeats.
            self.net.disown_timer(key);
        }
        true
    }

    /// Gives the client of a spark that has said goodbye a while to answer, if its session is bound
    /// to one connection. Others have deadlines of their own.
    pub(super) fn await_goodbye(&mut self, spark: Key) {
        let Some(slot) = self.sessions.get(spark) else {
            return;
        };
        let Some(key) = slot.state.stream.filter(|_| !slot.is_carried()) else {
            return;
        };
        let connection = self.net.connection(key);
        if !connection.is_open() {
            return;
        }
        if connection.input_ended() {
            self.finish(key);
        } else if connection.is_blocked() {
            // First it must be able to read the goodbye.
            self.net.start_watch(key);
        } else {
            self.net.set_timer_ms(key, GOODBYE_TIMEOUT_MS);
        }
    }

    /// Closes a connection once everything that waits is sent.
    pub(super) fn finish(&mut self, key: Key) {
        self.drop_carrier(key);
        if self.net.finish(key) {
            self.abandon(key);
        }
    }

    /// Closes a connection now.
    pub(super) fn close(&mut self, key: Key) {
        self.drop_carrier(key);
        if self.net.close(key) {
            self.abandon(key);
        }
    }

    /// From now on nobody needs to know what the connection was for.
    fn abandon(&mut self, key: Key) {
        let owner = &mut self.net.connection_mut(key).owner;
        if !owner.stays() {
            *owner = Owner::Nobody;
        }
    }

    /// A connection stops being a carrier, and its session is told.
    pub(super) fn drop_carrier(&mut self, key: Key) {
        self.note_answer_end(key);
        // Its request will not be complete any more.
        drop(self.take_judged(key));
        self.end_coming(key);
        self.give_up_leaving(key);
        if let Some(spark) = self.end_arrival(key).or_else(|| self.take_carrier(key)) {
            let carrier = carrier_of(key);
            self.effects.push(Effect::CarrierLost(spark, carrier));
        }
    }

    /// A connection stops being a carrier. Returns the spark whose carrier it was, unless that is
    /// bound to it for life.
    pub(super) fn take_carrier(&mut self, key: Key) -> Option<Key> {
        let connection = self.net.connection_mut(key);
        let spark = connection.owner.spark()?;
        if !self.sessions.remove_carrier(spark, key) {
            return None;
        }
        connection.owner = Owner::Nobody;
        Some(spark)
    }

    /// The shard has ended, or its sparks have. The last one tells the application.
    pub(super) fn tell_close(&self) {
        if self.server.is_last(self.shard) {
            app::closed(&self.server, &self.destroying.options());
        }
    }

    /// A connection broke.
    pub(super) fn broke(&mut self, key: Key, error: io::Error) {
        if let Owner::Session(spark) = self.net.connection(key).owner
            && let Some(slot) = self.sessions.get(spark)
            && slot.state.stream == Some(key)
        {
            if slot.is_open() {
                let error = SparkError::Io(error);
                self.effects.push(Effect::Error(spark, error));
            }
            self.lose(spark, EndReason::Broken);
        }
        self.close(key);
    }
}
