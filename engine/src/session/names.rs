//! The sessions of a shard by the names that their clients chose.

use std::collections::HashMap;

use crate::memory::{Key, kept};
use crate::mesh::NameHash;

/// The sessions of one shard that have chosen names.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<NameHash, Key>);

impl Names {
    pub(crate) fn get(&self, name: NameHash) -> Option<Key> {
        self.0.get(&name).copied()
    }

    pub(crate) fn insert(&mut self, name: NameHash, spark: Key) {
        self.0.insert(name, spark);
    }

    /// Forgets a name, unless it belongs to another spark by now.
    pub(crate) fn forget(&mut self, name: Option<NameHash>, spark: Key) {
        if let Some(name) = name
            && self.get(name) == Some(spark)
        {
            self.0.remove(&name);
            if let Some(kept) = kept(self.0.len(), self.0.capacity()) {
                self.0.shrink_to(kept);
            }
        }
    }
}
