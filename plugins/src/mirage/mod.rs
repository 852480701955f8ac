//! mirage: sessions that outlive a connection. A client gets an id, names it whenever it connects,
//! and is let in once the id was generated or validated.
//!
//! ```
//! use allspark_plugins::mirage::{Mirage, MirageSpark};
//!
//! let mirage = Mirage::new();
//! // An id that is known stays (`None`), or is replaced; anything else ends the spark.
//! mirage.validator(|_, id| match id {
//!     "outdated" => Ok(Some("renewed".to_owned())),
//!     "stolen" => Err("this session is closed"),
//!     _ => Ok(None),
//! });
//! fn connected(spark: &mut allspark_engine::Spark<'_>) {
//!     println!("{} belongs to {:?}", spark.id(), spark.mirage());
//! }
//! ```
//!
//! Until then the other `connection` listeners wait, and so does what the client sends. The id is
//! in the query of the URL, `_mirage=<id>`; a new one is told to the client as the event `mirage`,
//! by [`Emitter`](crate::emitter::Emitter) if the server has it, else by
//! [`Emit`](crate::emit::Emit), whose client half clients need, too. Add mirage before all others.

mod plugin;
mod within;

pub use plugin::{Mirage, MirageOptions, MirageSpark, Validated};
