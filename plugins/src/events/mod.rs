//! What all plugins with events of the application share: arguments as they come in and go out,
//! and who listens to which event.
//!
//! In JavaScript a plugin emits such an event on the spark, where `spark.on(name, fn)` hears it.
//! Here a plugin has [`Events`], listeners for all sparks that cost nothing per spark, and a spark
//! has handlers of its own, see [`SparkEvents`]. Those for all sparks are called first.

mod ack;
mod args;
mod arguments;
mod names;
mod own;
mod table;

pub use ack::{Ack, AckPacket, Envelope};
pub use args::Args;
pub use arguments::{Arguments, List, Named};
pub use own::SparkEvents;
pub use table::Events;

pub(crate) use names::{check_free, is_local};
