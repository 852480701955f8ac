//! Questions who is in large rooms, which are not answered yet.

use std::collections::VecDeque;
use std::sync::Arc;

use allspark_protocol::primus::SparkId;
use smallvec::SmallVec;

use crate::app::target::Question;
use crate::guard;
use crate::limits::QUESTIONS_MAX;
use crate::memory::Key;

/// Those of one shard. Only the first one is looked into.
#[derive(Default)]
pub(crate) struct Questions {
    pub(super) open: VecDeque<Asked>,
}

/// One that is looked into.
pub(super) struct Asked {
    pub(super) question: Arc<Question>,
    /// Rooms whose members were not all looked at. They may be gone when the walk goes on.
    pub(super) left: SmallVec<[Of; 2]>,
    /// How far the walk over the last one of them is.
    pub(super) place: Option<usize>,
    pub(super) found: Vec<SparkId>,
    /// Those who were found, a bit for the index of each: somebody may be in several rooms, and the
    /// walk may come to one twice when others leave.
    bits: Vec<u64>,
}

/// Of whom it is asked.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// Whoever is in any room.
    AnyRoom,
    Room(Key),
}

impl Asked {
    pub(super) fn new(question: Arc<Question>, of: SmallVec<[Of; 2]>) -> Self {
        Self {
            question,
            left: of,
            place: None,
            found: Vec::new(),
            bits: Vec::new(),
        }
    }

    /// Whether the spark at this index comes for the first time.
    pub(super) fn is_new(&mut self, index: u32) -> bool {
        let (word, bit) = ((index / u64::BITS) as usize, 1 << (index % u64::BITS));
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        let is_new = self.bits[word] & bit == 0;
        self.bits[word] |= bit;
        is_new
    }
}

impl Questions {
    /// Whether one is open.
    pub(super) fn has_some(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether the shard has to take in nothing new.
    pub(super) fn is_full(&self) -> bool {
        self.open.len() > QUESTIONS_MAX
    }

    /// The shard ends. It answers with nothing.
    pub(super) fn close(&mut self) {
        std::mem::take(&mut self.open)
            .into_iter()
            .for_each(|asked| guard::drop_value(asked.question));
    }
}
