//! The server, from within a handler.

use allspark_protocol::primus::SparkId;

use super::ends::Destroy;
use super::error::SparkError;
use super::handle::{Handle, SparkHandle};
use super::host::Host;
use super::message::{self, Message};
use super::spark::Spark;
use crate::stats::Stats;
use crate::tasks::Executor;

impl Spark<'_> {
    /// The server, from within a handler.
    pub fn primus(&mut self) -> LocalPrimus<'_> {
        LocalPrimus {
            host: &mut *self.host,
        }
    }
}

/// The server as a handler sees it: the same as [`Handle`], without a detour for the sparks of
/// this shard.
///
/// ```
/// use allspark_engine::{Attach, Destroy};
///
/// /// What one says all hear, and who says `end` ends the server.
/// fn chat(primus: &Attach) {
///     primus.on_data(|spark, data| {
///         let mut primus = spark.primus();
///         if data.parse::<String>().is_ok_and(|text| text == "end") {
///             primus.destroy(Destroy::default());
///         } else if let Err(error) = primus.write(data) {
///             eprintln!("nobody hears it: {error}");
///         }
///     });
/// }
/// ```
pub struct LocalPrimus<'a> {
    pub(super) host: &'a mut dyn Host,
}

impl LocalPrimus<'_> {
    /// Writes a message to every spark of the server, the caller's included. It is encoded once.
    /// A message that can't be encoded, that no frame can hold, or that a transform refuses is an
    /// error.
    pub fn write(&mut self, message: impl Message) -> Result<(), SparkError> {
        let mut scratch = self.host.take_scratch();
        let result = match message::encode(&message, self.host.parser(), &mut scratch) {
            Ok((kind, payload)) => self.host.broadcast_packet(kind, payload),
            Err(error) => Err(error),
        };
        self.host.put_scratch(scratch);
        result
    }

    /// As [`Handle::connected`].
    pub fn connected(&self) -> u64 {
        self.handle().connected()
    }

    /// As [`Handle::for_each`], once the handler that runs now has returned.
    #[doc(alias = "forEach")]
    pub fn for_each(&self, visit: impl Fn(&mut Spark<'_>) -> bool + Send + Sync + 'static) {
        self.handle().for_each(visit);
    }

    /// As [`Handle::spark`].
    pub fn spark(&self, id: SparkId) -> Option<SparkHandle> {
        self.handle().spark(id)
    }

    /// As [`Handle::destroy`], once the handler that runs now has returned.
    #[doc(alias = "end")]
    pub fn destroy(&self, options: Destroy) {
        self.handle().destroy(options);
    }

    /// As [`Handle::stats`].
    pub fn stats(&self) -> Stats {
        self.handle().stats()
    }

    /// What runs futures on this shard.
    pub fn executor(&self) -> Executor {
        self.host.desk().executor().clone()
    }

    /// As [`Executor::spawn`].
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.host.desk().executor().spawn(future);
    }

    /// A handle, which can be kept and sent to other threads.
    pub fn handle(&self) -> Handle {
        Handle::new(self.host.server())
    }
}

impl std::fmt::Debug for LocalPrimus<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalPrimus").finish_non_exhaustive()
    }
}
