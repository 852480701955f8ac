//! Why a client does not get what it asks for.

use allspark_engine::RoomError;

use super::names::NAMES_PER_REQUEST_MAX;

/// Why a client that asks for a room is refused. It hears the text, behind `roomserror` and the
/// name of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It names no room.
    #[error("no room is named")]
    Unnamed,
    /// What it names is neither text nor a whole number nor an array of these.
    #[error("a room's name is text or a whole number")]
    NoName,
    /// It names more rooms at a time than it may.
    #[error("one message may name {NAMES_PER_REQUEST_MAX} rooms")]
    TooManyNames,
    /// It publishes to several rooms at a time.
    #[error("a message goes to one room")]
    OneRoom,
    /// Its key is neither text nor a whole number, or longer than a name may be.
    #[error("a key is a short text or a whole number")]
    NoKey,
    /// The operator does not allow this room.
    #[error("this room is not open to you")]
    NotAllowed,
    /// A `*` in the name, which is not allowed to clients.
    #[error("a room's name must not have a *")]
    Pattern,
    /// It is in as many rooms as a client may be.
    #[error("you can't be in more than {max} rooms")]
    TooManyRooms {
        /// How many it may be in.
        max: usize,
    },
    /// It asks more often than it may.
    #[error("too often: wait a second")]
    TooOften,
    /// It publishes to a room that it is not in.
    #[error("you are not in this room")]
    NotIn,
    /// What it publishes is too long.
    #[error("a message may be {max} bytes long")]
    TooLong {
        /// How long it may be, as JSON.
        max: usize,
    },
    /// The engine refuses it.
    #[error(transparent)]
    Room(RoomError),
}
