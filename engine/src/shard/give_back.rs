//! The phase of a turn that gives back what a peak has left behind, see [`super::upkeep`].

use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::memory::GiveBack;

impl<T: Transformer> Core<T> {
    /// The last phase of a turn. Returns whether the driver should look after its own lists, too.
    pub(super) fn look_after_memory(&mut self) -> bool {
        let entries = self.net.len() + self.sessions.len();
        if !self.upkeep.is_due(self.clock.now, entries) {
            return false;
        }
        self.net.give_back();
        self.sessions.give_back();
        self.rooms.give_back();
        if let Some(rates) = &mut self.rates {
            rates.give_back(self.clock.now);
        }
        self.rates.take_if(|rates| rates.is_idle());
        self.room_lists.give_back();
        self.effects.give_back();
        self.outbox.give_back();
        self.leaving.give_back();
        self.bodies.give_back();
        self.arriving.give_back();
        self.tasks.give_back();
        self.lives.give_back();
        self.openings.give_back();
        self.untaken.give_back();
        self.held_back.give_back();
        self.drains.give_back();
        self.coming.give_back();
        self.judged.give_back();
        self.given_ids.give_back();
        self.counted_for.give_back();
        if let Some(accesses) = &mut self.accesses {
            accesses.give_back();
        }
        if self.net.buffers.free_unused() {
            // What was needed in the meantime may not be needed any more.
            self.upkeep.again(self.clock.now);
        }
        let wants_all = self.upkeep.wants_all(self.clock.now, entries);
        if let Some(give_back) = self.options.give_back {
            give_back(wants_all);
        }
        true
    }
}
