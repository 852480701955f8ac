//! What is kept to be used again: as much as was needed lately. One forgotten thing can keep a
//! whole page of the allocator from the system.

/// How many are kept even if nobody needs them.
pub(super) const KEPT_MIN: usize = 16;

/// Things of one kind that are kept.
#[derive(Debug)]
pub(crate) struct Spares<T> {
    /// The one that was used last is used first, so those that are not needed lie at the front.
    kept: Vec<T>,
    /// How many nobody has needed since the last [`Spares::take_unused`].
    unused: usize,
}

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            unused: 0,
        }
    }
}

impl<T> Spares<T> {
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let spare = self.kept.pop();
        self.unused = self.unused.min(self.kept.len());
        spare
    }

    #[inline]
    pub(crate) fn push(&mut self, spare: T) {
        self.kept.push(spare);
    }

    pub(super) fn clear(&mut self) {
        self.kept.clear();
        self.unused = 0;
    }

    /// Takes out those that nobody has needed since the last call.
    pub(crate) fn take_unused(&mut self) -> Vec<T> {
        let may_go = self.len().saturating_sub(KEPT_MIN);
        let taken = self.kept.drain(..self.unused.min(may_go)).collect();
        self.unused = self.kept.len();
        super::GiveBack::give_back(&mut self.kept);
        taken
    }

    /// Whether there are others that may turn out to be needed no more.
    pub(crate) fn may_be_unused(&self) -> bool {
        self.unused > KEPT_MIN
    }
}
