//! Futures of the application: the phase of a turn that polls them, and what they ask for.

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::effects::Effect;
use crate::app::{EndReason, SparkError};
use crate::guard;
use crate::limits::{TASKS_PER_TURN, TIMERS_PER_TURN};
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// Polls tasks that were woken, so many at most. One that is woken meanwhile has its turn in
    /// the next one, so that no task keeps anybody waiting who does not wait for one poll.
    pub(super) fn run_tasks(&mut self) {
        self.tasks.expire(TIMERS_PER_TURN);
        if !self.tasks.has_woken() {
            return;
        }
        self.upkeep.has_worked = true;
        let (crowded, woken) = self.tasks.begin();
        for spark in crowded {
            self.begin_untaken(spark);
        }
        for _ in 0..woken.min(TASKS_PER_TURN) {
            if self.is_congested() {
                return;
            }
            let Some(polled) = self.tasks.poll_next() else {
                return;
            };
            if let Some(panicked) = polled.panicked {
                self.task_panicked(polled.owner, &panicked);
            }
            if let Some(spark) = polled.owner.filter(|_| polled.has_room) {
                self.end_untaken(spark);
            }
            self.settle();
        }
    }

    fn task_panicked(&mut self, owner: Option<Key>, panicked: &str) {
        match owner.filter(|spark| self.is_open(*spark)) {
            Some(spark) => crate::app::host::Host::panicked(self, spark, panicked),
            None => self.tell_panic(panicked, "a future of the application panicked"),
        }
    }

    /// Carries out the next thing that a future asked for.
    pub(super) fn carry_out_asked(&mut self) {
        if let Some(call) = self.desk.next()
            && let Err(panicked) = guard::call(|| call(self))
        {
            self.tell_panic(&panicked, "a function that a future asked for panicked");
        }
    }

    /// A spark has ended: its futures go on, and nothing waits for them.
    pub(super) fn end_tasks(&mut self, spark: Key) {
        self.tasks.orphan(spark);
        self.openings.forget(spark);
        self.drains.forget(spark);
        self.forget_untaken(spark);
    }

    /// A listener of the application failed: its spark ends.
    pub(super) fn listener_failed(&mut self, spark: Key, why: String) {
        if self.is_open(spark) {
            self.effects
                .push(Effect::Error(spark, SparkError::Listener(why)));
            self.end(spark, false, EndReason::Listener);
        }
    }
}
