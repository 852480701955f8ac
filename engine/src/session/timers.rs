//! The deadlines of carried sessions: their own, and that of the next ping of Primus.

use allspark_protocol::Instant;
use allspark_protocol::transformer::Transformer;

use super::Sessions;
use crate::memory::Key;

/// What a timer is about that has fired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fired {
    /// The next ping is due.
    pub(crate) must_beat: bool,
    /// The session's own deadline has passed.
    pub(crate) has_expired: bool,
}

impl<T: Transformer> Sessions<T> {
    /// Sets the timer of a carried session, if it is not early enough already. One that is too
    /// early does no harm, and a deadline that moves on with every message costs nothing this way.
    /// Nobody who waits for its client is judged before `judge_from`.
    pub(crate) fn set_timer(&mut self, spark: Key, now: Instant, judge_from: Instant) {
        let Some(slot) = self.slots.get_mut(spark) else {
            return;
        };
        let Some(carried) = &mut slot.carried else {
            return;
        };
        let mut deadline = self.transformer.deadline(&slot.session);
        if judge_from > now && self.transformer.awaits_client(&slot.session) {
            deadline = deadline.map(|deadline| deadline.max(judge_from));
        }
        let at = deadline.unwrap_or(Instant::NEVER).min(carried.beat_at);
        if at < carried.timer {
            carried.timer = at;
            self.wheel.set(spark.index, at);
        }
    }

    /// The timer of a spark fired. Returns what it is about, if it is carried.
    pub(crate) fn timer(&mut self, spark: Key, now: Instant, judge_from: Instant) -> Option<Fired> {
        let slot = self.slots.get_mut(spark)?;
        let carried = slot.carried.as_mut()?;
        carried.timer = Instant::NEVER;
        let must_beat = carried.beat_at <= now;
        let deadline = self.transformer.deadline(&slot.session);
        let is_put_off = judge_from > now && self.transformer.awaits_client(&slot.session);
        Some(Fired {
            must_beat: must_beat && slot.is_open(),
            has_expired: deadline.is_some_and(|at| at <= now) && !is_put_off,
        })
    }

    /// Fills `due` with timers that fire, `count_max` at most. Returns whether these are all.
    pub(crate) fn expire(&mut self, now: Instant, count_max: usize, due: &mut Vec<u32>) -> bool {
        self.wheel.expire(now, count_max, due)
    }

    /// When the next timer fires.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }
}
