//! What rooms can be told, and what can go wrong with them.

use crate::limits::{ROOM_NAME_BYTES_MAX_DEFAULT, ROOMS_PER_SPARK_MAX_DEFAULT};

/// Options of rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomOptions {
    /// Whether a `*` in the name of a room that a spark joins stands for anything, as in
    /// primus-rooms. Default true.
    pub wildcard: bool,
    /// Rooms that one spark may be in. Default 1,000.
    pub per_spark_max: usize,
    /// Bytes of the name of a room that a spark joins. Default 255.
    pub name_bytes_max: usize,
}

impl Default for RoomOptions {
    fn default() -> Self {
        Self {
            wildcard: true,
            per_spark_max: ROOMS_PER_SPARK_MAX_DEFAULT,
            name_bytes_max: ROOM_NAME_BYTES_MAX_DEFAULT,
        }
    }
}

/// Why a spark could not join a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoomError {
    /// The spark has ended.
    #[error("a spark that has ended joins no room")]
    Ended,
    /// The name is longer than [`RoomOptions::name_bytes_max`].
    #[error("the name of a room is longer than {max} bytes")]
    NameTooLong {
        /// What it may be.
        max: usize,
    },
    /// The spark is in [`RoomOptions::per_spark_max`] rooms already.
    #[error("a spark can't be in more than {max} rooms")]
    TooMany {
        /// How many it may be in.
        max: usize,
    },
    /// Too many patterns begin with the same text before their first `*`, so that it would take
    /// too long to find those that a name matches. The bound is of one shard.
    #[error("there are {max} patterns already that are the same up to their first *")]
    TooManyPatterns {
        /// How many there may be.
        max: usize,
    },
}
