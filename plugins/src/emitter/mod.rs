//! primus-emitter: events with acknowledgements, in both directions.
//!
//! ```
//! use allspark_engine::Spark;
//! use allspark_plugins::emitter::{Emitter, SendSpark, SendTo};
//!
//! let emitter = Emitter::new();
//! emitter.on("add", |spark, args| {
//!     let sum: f64 = args.iter().filter_map(|each| each.as_f64()).sum();
//!     // What calling the last argument does in JavaScript.
//!     args.ack(spark, sum);
//! });
//! fn connected(spark: &mut Spark<'_>) {
//!     spark.send_with_ack("who", (), |spark, answer| match answer {
//!         Ok(args) => println!("{} is {:?}", spark.id(), args.get(0)),
//!         Err(error) => println!("{}: {error}", spark.id()),
//!     });
//! }
//! ```
//!
//! `{"type":0,"data":["add",1,2],"id":1}` goes over the wire, and `{"id":1,"type":1,"data":[3]}`
//! back. As with the npm plugin, such a message reaches those who listen to `data` as well, unless
//! [`EmitterOptions::data`] says otherwise.

mod app;
mod asked;
mod plugin;
mod to;
pub mod wire;

pub use asked::AckError;
pub use plugin::{Emitter, EmitterApp, EmitterOptions};
pub use to::{SendSpark, SendTo};
