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
//! Handlers run on the shard of their spark, one at a time, and must not block: every spark of that
//! shard waits for them. What takes long belongs on another thread, which answers through
//! [`Spark::handle`]; [`Primus::handle`] reaches the server from anywhere.
//!
//! ```no_run
//! let primus = allspark::Primus::builder().build()?;
//! primus.on_connection(|spark| {
//!     spark.on_data(|spark, data| {
//!         let (answer, question) = (spark.handle(), data.encoded().to_vec());
//!         std::thread::spawn(move || {
//!             let found = question.len(); // A database, another service, ...
//!             drop(answer.write(found));
//!         });
//!     });
//! });
//! # Ok::<(), allspark::Error>(())
//! ```

mod builder;
mod library;
mod save;
#[cfg(feature = "client")]
mod socket;

pub use allspark_engine::io::{DriverChoice, DriverKind};
pub use allspark_engine::{
    Data, Destroy, EndOptions, Handle, Headers, Json, KeepHeaders, LocalPrimus, Message,
    ReadyState, SendPolicy, Server, ShardFailure, Spark, SparkError, SparkHandle, SparkId,
    StartError, Stats, Timer, Value,
};
pub use allspark_protocol::http::{CorsOptions, Query, RequestHead, Response};
pub use allspark_protocol::parser::{DecodeError, EncodeError, ParseError, ParserKind};
pub use allspark_protocol::transformer::Kind;
pub use allspark_protocol::value;
pub use allspark_protocol::value::{Number, Object};
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

    /// Calls `listener` with every message of every spark, before the spark's own handlers. Unlike
    /// these it costs nothing per spark. One that is attached to a running server is called with
    /// messages that come from then on.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// /// What is kept with each spark.
    /// #[derive(Default)]
    /// struct Player {
    ///     moves: u64,
    /// }
    ///
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_connection(|spark| spark.set_state(Player::default()));
    /// primus.on_data(|spark, data| {
    ///     if let Some(player) = spark.state_mut::<Player>() {
    ///         player.moves += 1;
    ///         spark.write(data);
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_data(
        &self,
        listener: impl Fn(&mut Spark<'_>, Data<'_>) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_data(listener);
        self
    }

    /// Calls `listener` whenever a client has answered a ping, before the spark's own handlers.
    pub fn on_heartbeat(&self, listener: impl Fn(&mut Spark<'_>) + Send + Sync + 'static) -> &Self {
        self.engine.on_heartbeat(listener);
        self
    }

    /// Calls `listener` with every error of every spark, before the spark's own handlers.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// primus.on_error(|spark, error| eprintln!("{}: {error}", spark.id()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_error(
        &self,
        listener: impl Fn(&mut Spark<'_>, &SparkError) + Send + Sync + 'static,
    ) -> &Self {
        self.engine.on_error(listener);
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

    /// Reaches the server from any thread, for as long as one likes.
    ///
    /// ```
    /// # fn main() -> Result<(), allspark::Error> {
    /// let primus = allspark::Primus::builder().build()?;
    /// let handle = primus.handle();
    /// std::thread::spawn(move || {
    ///     handle.write("to everybody").expect("text can be encoded");
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn handle(&self) -> Handle {
        self.engine.handle()
    }

    /// As [`Handle::write`]: writes a message to every spark.
    ///
    /// # Errors
    /// The message can't be encoded.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        self.handle().write(message)
    }

    /// As [`Handle::for_each`]: calls `visit` with every spark, on its shard.
    pub fn for_each(&self, visit: impl Fn(&mut Spark<'_>) -> bool + Send + Sync + 'static) {
        self.handle().for_each(visit);
    }

    /// As [`Handle::spark`]: reaches the spark with this id.
    pub fn spark(&self, id: SparkId) -> Option<SparkHandle> {
        self.handle().spark(id)
    }

    /// As [`Handle::stats`]: what was counted so far.
    pub fn stats(&self) -> Stats {
        self.handle().stats()
    }

    /// As [`Handle::destroy`]: ends every spark and, unless told otherwise, the server.
    pub fn destroy(&self, options: Destroy) {
        self.handle().destroy(options);
    }
}
