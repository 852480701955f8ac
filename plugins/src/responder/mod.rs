//! primus-responder: questions and answers, in both directions.
//!
//! ```
//! use allspark_engine::Spark;
//! use allspark_plugins::responder::{AskSpark, Responder};
//!
//! let responder = Responder::new();
//! // `spark.on("request", (data, done) => done(..))`
//! responder.on_request(|spark, data, answer| {
//!     let text = format!("you asked {data:?}");
//!     answer.send(spark, text);
//! });
//! // `spark.writeAndWait("who", fn)`
//! fn connected(spark: &mut Spark<'_>) {
//!     spark.write_and_wait("who", |spark, answer| match answer {
//!         Ok(name) => println!("{} is {name:?}", spark.id()),
//!         Err(error) => println!("{}: {error}", spark.id()),
//!     });
//! }
//! ```
//!
//! `{"plugin":"primus-responder","requestId":"<uuid>","data":..}` goes over the wire, and
//! `{"plugin":"primus-responder","responseId":"<uuid>","data":..}` back. No such message is `data`.

mod answer;
mod asked;
mod plugin;
mod uuid;
pub mod wire;

pub use answer::Answer;
pub use asked::{AskError, AskSpark};
pub use plugin::{Responder, ResponderOptions};
