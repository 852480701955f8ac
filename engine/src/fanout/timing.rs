//! How long broadcasts take until everybody was sent them, by the one reading of the clock of each
//! turn.

use allspark_protocol::Instant;

/// When the broadcasts came that walks bring.
#[derive(Debug)]
pub(super) struct Timing {
    /// This turn.
    now: Instant,
    /// The first one that the walk brings which is under way.
    walk: Instant,
    /// The first one that the walk after it brings.
    again: Instant,
    /// The first one of a walk that ended in this turn.
    reached: Option<Instant>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            now: Instant::ZERO,
            walk: Instant::ZERO,
            again: Instant::ZERO,
            reached: None,
        }
    }
}

impl Timing {
    #[inline]
    pub(super) fn begin_turn(&mut self, now: Instant) {
        assert!(now >= self.now, "time does not run backwards");
        self.now = now;
    }

    /// A walk begins for a broadcast that has just come.
    pub(super) fn begin_walk(&mut self) {
        self.walk = self.now;
    }

    /// A broadcast came behind a walk, the first one.
    pub(super) fn came_behind(&mut self) {
        self.again = self.now;
    }

    /// A walk has reached everybody; if another one follows, it is for those that came behind.
    pub(super) fn end_walk(&mut self) {
        self.reached = Some(self.walk);
        self.walk = self.again;
    }

    /// When the first broadcast came of the walk that ended since this was asked last.
    #[inline]
    pub(super) fn take_reached(&mut self) -> Option<Instant> {
        self.reached.take()
    }
}
