//! Sessions by the names that their clients chose.
//!
//! A name decides on which shard its session lives. Nobody outside can tell which, or make many
//! names that meet on one: names are hashed with the secret of the server.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};

use allspark_protocol::transformer::SessionName;

use crate::memory::{Key, kept};

/// 128 bits of a chosen name. Names are not kept; that two meet is beyond all chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NameHash(u64, u64);

impl NameHash {
    /// The hash of a name under the secret `key` of the server.
    pub(crate) fn new(name: &str, key: u64) -> Self {
        let half = |number: u8| {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(key);
            hasher.write_u8(number);
            hasher.write(name.as_bytes());
            hasher.finish()
        };
        Self(half(0), half(1))
    }

    /// The shard on which the session of this name lives.
    pub(crate) fn shard(self, shards: u16) -> u16 {
        (self.0 % u64::from(shards)) as u16
    }
}

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

/// How a request names its session, without the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// By the id of its spark.
    Spark(allspark_protocol::primus::SparkId),
    /// By a name that its client chose.
    Chosen(NameHash),
}

impl Address {
    pub(crate) fn new(name: SessionName<'_>, key: u64) -> Self {
        match name {
            SessionName::Spark(id) => Self::Spark(id),
            SessionName::Chosen(name) => Self::Chosen(NameHash::new(name, key)),
        }
    }

    /// The shard on which the session lives if there is one.
    pub(crate) fn shard(self, shards: u16, key: u64) -> u16 {
        match self {
            // An id that nobody made may name a shard that nobody has.
            Self::Spark(id) => id.parts(key).shard % shards,
            Self::Chosen(hash) => hash.shard(shards),
        }
    }
}
