//! A spark: one connected client, as the application sees it.
//!
//! # Invariants
//! - `connection` and `disconnection` come once each per spark, in this order, on its shard; `data`
//!   comes neither before the first nor after the second.
//! - Handlers run one at a time on the shard's thread. One that panics ends its spark, is logged,
//!   and harms nobody else.
//! - A handler must not block: all sparks of its shard wait for it. What takes long belongs on
//!   another thread, which answers through a [`SparkHandle`].

use std::net::SocketAddr;

use allspark_protocol::http::{Query, RequestHead};
use allspark_protocol::primus::SparkId;

mod data;
mod error;
mod handle;
mod handlers;
mod headers;
mod message;
mod state;

pub use data::Data;
pub use error::SparkError;
pub use handle::SparkHandle;
pub use headers::Headers;
pub use message::{Json, Message};

pub(crate) use handlers::{Handler, Handlers};
pub(crate) use headers::KeptRequest;
pub(crate) use message::encode;
pub(crate) use state::SparkState;

use crate::memory::Key;
use crate::primus::{Destroy, Handle};
use crate::shard::Host;
use crate::stats::Stats;

/// Where a spark stands. The numbers are Primus's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// The `connection` event has not come yet.
    Opening = 1,
    /// The spark has ended.
    Closed = 2,
    /// Messages can be written.
    Open = 3,
}

/// How a spark ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndOptions {
    /// Whether the client shall reconnect. Default false: it is told not to, by
    /// `primus::server::close`.
    pub reconnect: bool,
}

/// One connected client, on its shard, for as long as a handler runs. To reach it from elsewhere
/// or later, keep its [`Spark::handle`].
///
/// ```
/// fn connected(spark: &mut allspark_engine::Spark<'_>) {
///     let room = spark.query().get("room").unwrap_or_default().into_owned();
///     spark.on_data(move |spark, data| {
///         // To everybody, in the words of the client.
///         drop(spark.primus().write(data));
///         drop(spark.write(format!("passed on in {room}")));
///     });
///     spark.on_end(|spark| println!("{} has left", spark.id()));
/// }
/// ```
pub struct Spark<'a> {
    host: &'a mut dyn Host,
    key: Key,
    /// The request that opened it, while the `connection` event runs.
    head: Option<&'a RequestHead<'a>>,
}

impl<'a> Spark<'a> {
    pub(crate) fn new(host: &'a mut dyn Host, key: Key, head: Option<&'a RequestHead<'a>>) -> Self {
        Self { host, key, head }
    }

    /// The id: 21 characters, unlike that of any other spark.
    pub fn id(&self) -> SparkId {
        self.state().id
    }

    /// The query string of the URL that the client connected with.
    pub fn query(&self) -> Query<'_> {
        Query::new(self.state().request.query())
    }

    /// The headers of the request that opened the connection. All of them while the `connection`
    /// event runs, later those that [`crate::Options::keep_headers`] names.
    pub fn headers(&self) -> Headers<'_> {
        match self.head {
            Some(head) => Headers::live(head),
            None => Headers::kept(&self.state().request),
        }
    }

    /// The address of the peer.
    pub fn address(&self) -> SocketAddr {
        self.host.peer(self.key)
    }

    /// Where it stands.
    pub fn ready_state(&self) -> ReadyState {
        self.state().ready
    }

    /// Bytes that wait to be sent, because the client reads more slowly than it is written to.
    pub fn send_queue_bytes(&self) -> usize {
        self.host.send_queue_bytes(self.key)
    }

    /// Writes a [`Message`]: text, a number, bytes, a [`crate::Value`], a [`Json`] of something
    /// that can be serialised, or the [`Data`] that just came in (which is passed on as it is).
    ///
    /// ```
    /// fn greet(spark: &mut allspark_engine::Spark<'_>) {
    ///     spark.write("hello");
    ///     spark.write(42);
    ///     spark.write(allspark_engine::Json(["a", "b"]));
    /// }
    /// ```
    ///
    /// Returns false when the spark has ended. A message that can't be encoded, or that no frame
    /// can hold, emits `error` and leaves the spark open, as in Primus.
    pub fn write(&mut self, message: impl Message) -> bool {
        if self.state().ready != ReadyState::Open {
            return false;
        }
        let mut scratch = self.host.take_scratch();
        match encode(&message, self.host.parser(), &mut scratch) {
            Ok((kind, payload)) => self.host.write_packet(self.key, kind, payload),
            Err(error) => self.host.report(self.key, error),
        }
        self.host.put_scratch(scratch);
        true
    }

    /// Ends the spark; its client does not reconnect. What was written before is still sent.
    /// Returns false when it has ended already.
    pub fn end(&mut self) -> bool {
        self.end_with(EndOptions::default())
    }

    /// Ends the spark. Returns false when it has ended already.
    pub fn end_with(&mut self, options: EndOptions) -> bool {
        self.host.end_spark(self.key, options)
    }

    /// Calls `handler` with every message. It must not block: all sparks of the shard wait for it.
    ///
    /// ```
    /// fn connected(spark: &mut allspark_engine::Spark<'_>) {
    ///     let mut count = 0;
    ///     spark.on_data(move |spark, data| {
    ///         count += 1;
    ///         match data.parse::<u64>() {
    ///             Ok(number) => drop(spark.write(number + count)),
    ///             Err(error) => drop(spark.write(error.to_string())),
    ///         }
    ///     });
    /// }
    /// ```
    pub fn on_data(&mut self, handler: impl FnMut(&mut Spark<'_>, Data<'_>) + 'static) {
        self.attach(Handler::Data(Box::new(handler)));
    }

    /// Calls `handler` when the spark has ended, before the server's `disconnection`.
    pub fn on_end(&mut self, handler: impl FnMut(&mut Spark<'_>) + 'static) {
        self.attach(Handler::End(Box::new(handler)));
    }

    /// Calls `handler` when the client answered a ping.
    pub fn on_heartbeat(&mut self, handler: impl FnMut(&mut Spark<'_>) + 'static) {
        self.attach(Handler::Heartbeat(Box::new(handler)));
    }

    /// Calls `handler` with every error of this spark: a message that is no value of the parser, a
    /// broken transport, a full send queue.
    pub fn on_error(&mut self, handler: impl FnMut(&mut Spark<'_>, &SparkError) + 'static) {
        self.attach(Handler::Error(Box::new(handler)));
    }

    /// A way to reach this spark from any thread and at any time.
    pub fn handle(&self) -> SparkHandle {
        SparkHandle::new(self.host.primus(), self.id())
    }

    /// The server, from within a handler.
    pub fn primus(&mut self) -> LocalPrimus<'_> {
        LocalPrimus {
            host: &mut *self.host,
        }
    }

    fn state(&self) -> &SparkState {
        self.host.spark(self.key)
    }

    fn attach(&mut self, handler: Handler) {
        let handlers = &mut self.host.spark_mut(self.key).handlers;
        handlers.get_or_insert_default().push(handler);
    }
}

impl std::fmt::Debug for Spark<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spark")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// The server as a handler sees it: the same as [`Handle`], without a detour for the sparks of
/// this shard.
pub struct LocalPrimus<'a> {
    host: &'a mut dyn Host,
}

impl LocalPrimus<'_> {
    /// Writes a message to every spark of the server, the caller's included. It is encoded once.
    /// A message that can't be encoded, or that no frame can hold, is returned as the error.
    pub fn write(&mut self, message: impl Message) -> Result<(), SparkError> {
        let mut scratch = self.host.take_scratch();
        let result = match encode(&message, self.host.parser(), &mut scratch) {
            Ok((kind, payload)) => self.host.broadcast_packet(kind, payload),
            Err(error) => Err(error),
        };
        self.host.put_scratch(scratch);
        result
    }

    /// As [`Handle::for_each`], once the handler that runs now has returned.
    pub fn for_each(&self, visit: impl Fn(&mut Spark<'_>) -> bool + Send + Sync + 'static) {
        self.handle().for_each(visit);
    }

    /// As [`Handle::spark`].
    pub fn spark(&self, id: SparkId) -> Option<SparkHandle> {
        self.handle().spark(id)
    }

    /// As [`Handle::destroy`], once the handler that runs now has returned.
    pub fn destroy(&self, options: Destroy) {
        self.handle().destroy(options);
    }

    /// As [`Handle::stats`].
    pub fn stats(&self) -> Stats {
        self.handle().stats()
    }

    /// A handle, which can be kept and sent to other threads.
    pub fn handle(&self) -> Handle {
        self.host.primus()
    }
}

impl std::fmt::Debug for LocalPrimus<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalPrimus").finish_non_exhaustive()
    }
}
