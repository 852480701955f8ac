//! primus-emit: what one side emits, the other side hears as an event.
//!
//! ```
//! use allspark_engine::Spark;
//! use allspark_plugins::emit::{Emit, EmitSpark, EmitTo};
//! use allspark_plugins::events::SparkEvents;
//!
//! let emit = Emit::new();
//! // `spark.on("chat", fn)` for all sparks, which costs nothing per spark ..
//! emit.on("chat", |spark, args| {
//!     let text = args[0].as_str().unwrap_or_default();
//!     spark.emit("said", (text, args.len()));
//!     spark.primus().emit("everybody", text).expect("text can be encoded");
//! });
//! // .. and for one.
//! fn connected(spark: &mut Spark<'_>) {
//!     spark.on("bye", |spark, _| drop(spark.end()));
//! }
//! ```
//!
//! `{"emit":["news","hi"]}` goes over the wire, in both directions. Such a message is no `data`.

mod plugin;
mod to;
pub mod wire;

pub use plugin::{Emit, EmitOptions};
pub use to::{EmitSpark, EmitTo};
