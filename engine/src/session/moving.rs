//! What of a client is on its way: what it sends to its session, and what it was sent.

use allspark_protocol::Instant;
use allspark_protocol::transformer::Transformer;
use smallvec::SmallVec;

use super::Sessions;
use crate::memory::Key;

impl<T: Transformer> Sessions<T> {
    /// A request for this session has begun, and its body is still to come. Returns whether it is
    /// carried; no other has such requests.
    pub(crate) fn begin_body(&mut self, spark: Key) -> bool {
        let carried = self.get_mut(spark).and_then(|slot| slot.carried.as_mut());
        carried.map(|carried| carried.bodies += 1).is_some()
    }

    /// That body has come, or never will.
    pub(crate) fn end_body(&mut self, spark: Key) {
        if let Some(slot) = self.get_mut(spark)
            && let Some(carried) = &mut slot.carried
        {
            carried.bodies -= 1;
        }
    }

    /// Whether such a body is coming.
    pub(crate) fn has_body(&self, spark: Key) -> bool {
        let carried = self.get(spark).and_then(|slot| slot.carried.as_ref());
        carried.is_some_and(|carried| carried.bodies > 0)
    }

    /// Whether a message on its stream has begun and has not ended.
    #[inline]
    pub(crate) fn is_receiving(&self, spark: Key) -> bool {
        let slot = self.get(spark);
        slot.is_some_and(|slot| self.transformer.is_receiving(&slot.session))
    }

    /// Its client has given a sign of life.
    pub(crate) fn note_alive(&mut self, spark: Key) {
        if let Some(slot) = self.get_mut(spark) {
            slot.state.heartbeat.alive();
        }
    }

    /// A long answer was given on this connection.
    pub(crate) fn note_answered(&mut self, spark: Key, connection: Key) {
        if let Some(slot) = self.get_mut(spark)
            && let Some(carried) = &mut slot.carried
        {
            carried.answered = Some(connection);
        }
    }

    /// The connections on which the client of a carried session may still read something.
    pub(crate) fn written_to(&self, spark: Key) -> SmallVec<[Key; 3]> {
        let carried = self.get(spark).and_then(|slot| slot.carried.as_ref());
        let mut connections = SmallVec::new();
        if let Some(carried) = carried {
            connections.extend(carried.answered);
            connections.extend(carried.carriers.iter().copied());
        }
        connections
    }

    /// Whether a carried session waits for its client to do something.
    pub(crate) fn awaits_client(&self, spark: Key) -> bool {
        let slot = self.get(spark).filter(|slot| slot.is_carried());
        slot.is_some_and(|slot| self.transformer.awaits_client(&slot.session))
    }

    /// Notes whether its client moves, although it does not do that. Returns whether it did so when
    /// that was asked last.
    pub(crate) fn set_moves(&mut self, spark: Key, moves: bool) -> bool {
        let carried = self.get_mut(spark).and_then(|slot| slot.carried.as_mut());
        carried.is_some_and(|carried| std::mem::replace(&mut carried.moves, moves))
    }

    /// Whether a beat of a carried session is due some time, if it is one.
    pub(crate) fn has_beat(&self, spark: Key) -> Option<bool> {
        let carried = self.get(spark)?.carried.as_ref()?;
        Some(carried.beat_at < Instant::NEVER)
    }
}
