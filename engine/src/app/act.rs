//! What a batch asks of shards: a list of acts, which all shards share. Each of them does its part
//! of every act, in the order of the list.

use std::sync::Arc;

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::Kind;

use super::awaited::Awaited;
use super::ends::EndOptions;
use super::target::{AwaitedPublish, Names, Publish, Target};

/// One thing that is done.
#[derive(Debug)]
pub(crate) enum Act {
    /// Write an encoded message to every spark.
    Broadcast { kind: Kind, payload: Arc<[u8]> },
    /// The same with one that is not known yet.
    BroadcastLater(Arc<Awaited>),
    /// Write a message to rooms, or to all but some.
    Publish(Publish),
    /// The same, once its transforms are done.
    PublishLater(AwaitedPublish),
    /// Something is done with each of these sparks, as far as they are there.
    Each { sparks: Box<[SparkId]>, deed: Deed },
}

/// What is done with one spark.
#[derive(Debug)]
pub(crate) enum Deed {
    Write {
        kind: Kind,
        payload: Arc<[u8]>,
    },
    WriteLater(Arc<Awaited>),
    Join(Names),
    /// Rooms, or all of them.
    Leave(Option<Names>),
    End(EndOptions),
}

/// The acts of a batch.
#[derive(Debug)]
pub(crate) struct Acts {
    pub(crate) list: Box<[Act]>,
    pub(crate) bytes: usize,
}

impl Act {
    /// How many names are looked up for it, of rooms and of sparks that are left out, and one.
    pub(crate) fn names(&self) -> usize {
        let of = |target: &Target| 1 + target.rooms.len() + target.except.len();
        match self {
            Self::Publish(publish) => of(&publish.target),
            Self::PublishLater(publish) => of(&publish.target),
            Self::Broadcast { .. } | Self::BroadcastLater(_) | Self::Each { .. } => 1,
        }
    }

    /// Bytes that it takes while it waits.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Broadcast { payload, .. } => payload.len(),
                Self::BroadcastLater(awaited) => awaited.bytes,
                Self::Publish(publish) => publish.bytes(),
                Self::PublishLater(publish) => publish.bytes(),
                Self::Each { sparks, deed } => size_of_val(&**sparks) + deed.bytes(),
            }
    }
}

impl Deed {
    fn bytes(&self) -> usize {
        let names = |names: &Names| -> usize { names.iter().map(|name| name.len() + 16).sum() };
        match self {
            Self::Write { payload, .. } => payload.len(),
            Self::WriteLater(awaited) => awaited.bytes,
            Self::Join(rooms) => names(rooms),
            Self::Leave(rooms) => rooms.as_ref().map_or(0, names),
            Self::End(_) => 0,
        }
    }
}
