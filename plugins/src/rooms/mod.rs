//! primus-rooms: its options, and a way into rooms for clients without code on the server.
//!
//! Rooms themselves are a part of the engine ([`Spark::join`](allspark_engine::Spark::join),
//! [`Handle::room`](allspark_engine::Handle::room)): they are there with this plugin and without
//! it. What the plugin adds is said by an operator instead of a program:
//!
//! ```
//! use allspark_plugins::rooms::{Rooms, RoomsOptions};
//!
//! let rooms = Rooms::with_options(RoomsOptions {
//!     join: vec!["news".into(), "chat:*".into()],
//!     publish: vec!["chat:*".into()],
//!     ..RoomsOptions::default()
//! });
//! // Builder::plugin(rooms), or `[plugins.rooms]` in the file of the server.
//! ```
//!
//! A client asks with events of primus-emit, whose client half does for it, and is answered with
//! the events that primus-rooms knows:
//!
//! | it emits | it hears |
//! |---|---|
//! | `join`, rooms | `joinroom`, room, of each; or `roomserror`, room, why not |
//! | `leave`, rooms | `leaveroom`, room, of each; or `roomserror` |
//! | `publish`, room, message | `publish`, room, message, as all in the room; or `roomserror` |
//! | `publish`, room, message, key | the same with the key, if the room is one of `latest` |
//!
//! Rooms are named as in primus-rooms: text in which spaces separate names, a whole number, or an
//! array of these. Without options nobody may do any of it, and these events are the application's.

mod allowed;
mod client;
mod names;
mod options;
mod plugin;
mod publish;
mod rate;
mod refused;

pub use options::RoomsOptions;
pub use plugin::Rooms;
pub use refused::Refused;
