//! AllSpark is [Primus](https://github.com/primus/primus) for Linux at scale: a real-time server
//! that speaks the Primus wire protocol, so that existing Primus clients connect unchanged.
//!
//! ```no_run
//! let primus = allspark::Primus::builder().transformer("websockets").build()?;
//! primus.on_connection(|spark| {
//!     spark.on_data(|spark, data| {
//!         spark.write(data);
//!     });
//! });
//! primus.listen("127.0.0.1:8080")?; // Returns when the server was destroyed.
//! # Ok::<(), allspark::Error>(())
//! ```
//!
//! Handlers run on the shard of their spark, one at a time. [`Primus::handle`] and
//! [`Spark::handle`] reach the server and a spark from any other thread.

mod builder;
mod library;
mod save;
#[cfg(feature = "client")]
mod socket;

pub use allspark_engine::io::{DriverChoice, DriverKind};
pub use allspark_engine::{
    Data, Destroy, EndOptions, Handle, Headers, Json, KeepHeaders, LocalPrimus, Message,
    ReadyState, SendPolicy, Server, ShardFailure, Spark, SparkError, SparkHandle, SparkId,
    StartError, Stats, Value,
};
pub use allspark_protocol::http::{CorsOptions, RequestHead, Response};
pub use allspark_protocol::parser::ParserKind;
pub use allspark_transformers::TransformerKind;
pub use builder::{Builder, Error};
#[cfg(feature = "client")]
pub use {
    allspark_client as client,
    socket::{Socket, create_socket},
};

use std::net::ToSocketAddrs;

use allspark_engine as engine;
use allspark_transformers::AnyTransformer;

use library::ServedLibrary;

/// A server.
#[derive(Debug)]
pub struct Primus {
    engine: engine::Primus<AnyTransformer>,
    library: ServedLibrary,
    #[cfg(feature = "client")]
    socket: Socket,
}

impl Primus {
    /// Options of a server, with Primus's names and defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Calls `listener` with every new spark. One that is attached to a running server is called
    /// with sparks that come from then on.
    pub fn on_connection(
        &self,
        listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_connection(listener);
        self
    }

    /// Calls `listener` with every spark that has ended. One that is attached to a running server
    /// is called with sparks that end from then on.
    pub fn on_disconnection(
        &self,
        listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_disconnection(listener);
        self
    }

    /// Starts the server and returns when it was destroyed.
    ///
    /// # Errors
    /// When it can't be started, as in [`Primus::start`]. When a shard has failed, as in
    /// [`Server::join`]: the server is gone then, and the process should end, to be started again.
    pub fn listen(&self, address: impl ToSocketAddrs + ToString) -> Result<(), Error> {
        Ok(self.start(address)?.join()?)
    }

    /// Starts the server and returns once it accepts connections.
    ///
    /// # Errors
    /// When it can't be started; then it can be tried again, for instance with another address.
    /// When it was started before: a server has one address and one life.
    pub fn start(&self, address: impl ToSocketAddrs + ToString) -> Result<Server, Error> {
        Ok(self.engine.start(address)?)
    }

    /// Reaches the server from any thread: write, for_each, spark, destroy.
    pub fn handle(&self) -> Handle {
        self.engine.handle()
    }
}
