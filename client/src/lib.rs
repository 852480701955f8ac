//! The client of [Primus](https://github.com/primus/primus) in Rust.
//!
//! ```no_run
//! use allspark_client::{Event, Primus};
//! use futures_util::StreamExt;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut primus = Primus::connect("https://example.org/?user=optimus")
//!     .transformer("engine.io")
//!     .await?;
//! primus.write("roll out").await?;
//! while let Some(event) = primus.next().await {
//!     if let Event::Data(data) = event {
//!         println!("{:?}", data.value()?);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Primus::connect`] begins; [`Builder`] has the options, [`Event`] what can happen, [`Writer`]
//! what can be done. The client reconnects by itself, as the client of npm does.
//!
//! Below that lies [`crate::core`]: the same client as a machine without input and output,
//! for whoever brings sockets and a clock of their own. With `default-features = false` it is all
//! that there is.
#![forbid(unsafe_code)]

pub mod core;
#[cfg(feature = "tokio")]
mod driver;
pub mod library;

pub use crate::core::{Attempt, ClientError, Direction, ReadyState, Strategy, Verdict};
pub use allspark_protocol::Value;
pub use allspark_protocol::primus::BackoffOptions;
pub use allspark_protocol::transformer::Kind;
pub use allspark_protocol::value;
pub use allspark_transformers::Speech;
#[cfg(feature = "tokio")]
pub use driver::{
    Builder, Data, DataStream, Ended, Error, Event, Events, Lost, OpenError, OptionError, Primus,
    UrlError, WriteError, Writer,
};
