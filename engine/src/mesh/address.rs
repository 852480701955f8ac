//! Where a session lives: its name says on which shard.
//!
//! Nobody outside can tell which shard a name of a client's choice means, or make many names that
//! meet on one: such names are hashed with the secret of the server.

use std::hash::{DefaultHasher, Hasher};

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::SessionName;

/// How a request names its session, without the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// By the id of its spark.
    Spark(SparkId),
    /// By a name that its client chose.
    Chosen(NameHash),
}

impl Address {
    /// The address of a session with this name, under the secret `key` of the server.
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
