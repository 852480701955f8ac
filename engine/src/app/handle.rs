//! Reaches a server, or one spark, from any thread and at any time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use allspark_protocol::primus::SparkId;
use allspark_protocol::primus::reserved::reserved_server;
use allspark_protocol::transformer::Kind;

use super::ends::{Destroy, EndOptions};
use super::error::SparkError;
use super::host::{Command, Finder, Reserved, Server, Visitor};
use super::message::{self, Message};
use super::spark::Spark;
use super::transform::{self, Written};
use crate::budget::{Bounds, Memory};
use crate::config::{LiveOptions, NeedsRestart};
use crate::stats::Stats;

impl Spark<'_> {
    /// A way to reach this spark from any thread and at any time.
    pub fn handle(&self) -> SparkHandle {
        SparkHandle::new(Handle::new(self.host.server()), self.id())
    }
}

/// A message as the parser encoded it and the transforms have left it.
type Encoded = Written<(Kind, Arc<[u8]>)>;

/// Reaches a server from any thread and at any time.
///
/// Every method returns at once, or waits while the inbox of a shard is full. What one thread asks
/// for is carried out in that order, as far as any one spark can see.
#[derive(Clone)]
pub struct Handle(Arc<Server>);

impl Handle {
    pub(crate) fn new(server: &Arc<Server>) -> Self {
        Self(Arc::clone(server))
    }

    /// Writes a message to every spark. It is encoded once. Fails only when it can't be encoded, is
    /// longer than a frame can be, or was refused by a transform.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        match self.encode(message)? {
            Written::Now((kind, payload)) => self.send_to_all(|| Command::Broadcast {
                kind,
                payload: Arc::clone(&payload),
            }),
            Written::Later(awaited) => {
                self.send_to_all(|| Command::BroadcastLater(Arc::clone(&awaited)));
            }
            Written::Nothing => {}
        }
        Ok(())
    }

    /// Writes a message to every spark but some, in the order of [`Handle::write`].
    ///
    /// # Errors
    /// As [`Handle::write`].
    pub fn write_except(
        &self,
        except: impl IntoIterator<Item = SparkId>,
        message: impl Message,
    ) -> Result<(), SparkError> {
        let mut batch = self.batch();
        batch.write_except(except, message)?;
        batch.send();
        Ok(())
    }

    /// Calls `visit` with every spark, on its shard, until it returns false. Shards do this at the
    /// same time, so a few sparks more may be visited after a false.
    ///
    /// A shard visits a bounded number of sparks at a time, between its other work, so that
    /// nobody's message waits for it. What is asked for meanwhile does not wait either: a message
    /// that is written after `for_each` may reach a spark before its visit.
    ///
    /// ```
    /// fn tell_guests(primus: &allspark_engine::Handle) {
    ///     primus.for_each(|spark| {
    ///         if spark.query().get("name").is_none() {
    ///             spark.write("who are you?");
    ///         }
    ///         true
    ///     });
    /// }
    /// ```
    #[doc(alias = "forEach")]
    pub fn for_each(&self, visit: impl Fn(&mut Spark<'_>) -> bool + Send + Sync + 'static) {
        let stopped = Arc::new(AtomicBool::new(false));
        let visitor: Visitor = Arc::new(move |host, key| visit(&mut Spark::new(host, key)));
        self.send_to_all(|| Command::Visit {
            visitor: Arc::clone(&visitor),
            stopped: Arc::clone(&stopped),
        });
    }

    /// Reaches the spark with this id. `None` if the id can't be one of this server at all; whether
    /// the spark exists, or still does, only its shard knows: see [`SparkHandle::find`]. What is
    /// asked of one that does not is ignored.
    pub fn spark(&self, id: SparkId) -> Option<SparkHandle> {
        let known = id.parts(self.0.id_key).shard < self.0.mesh.shards();
        known.then(|| SparkHandle::new(self.clone(), id))
    }

    /// Ends every spark and, unless told otherwise, the server. Primus's `end` is the same.
    #[doc(alias = "end")]
    pub fn destroy(&self, options: Destroy) {
        self.send_to_all(|| Command::Destroy(options));
    }

    /// How many sparks are connected now. Shards are asked one after the other, so of sparks that
    /// come and go meanwhile some may be counted.
    pub fn connected(&self) -> u64 {
        let stats = self.stats();
        stats.sparks_opened.saturating_sub(stats.sparks_ended)
    }

    /// Whether an event of this name belongs to Primus's server, or to a plugin: an application
    /// that names events of its own, or lets its clients name some, must not use it.
    ///
    /// ```
    /// fn names(primus: &allspark_engine::Handle) {
    ///     assert!(primus.reserved("connection") && primus.reserved("incoming::anything"));
    ///     assert!(!primus.reserved("news"));
    /// }
    /// ```
    pub fn reserved(&self, event: &str) -> bool {
        let is_of_plugin = |reserved: &Arc<Reserved>| reserved.iter().any(|name| **name == *event);
        reserved_server(event)
            || self
                .0
                .listeners()
                .reserved
                .as_ref()
                .is_some_and(is_of_plugin)
    }

    /// Where the server listens, once it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.address.get().copied()
    }

    /// The options that can change while the server runs, as they are now.
    pub fn live_options(&self) -> LiveOptions {
        self.0.options().live()
    }

    /// Has these options count from now on, on all shards: each looks at them in its next turn.
    /// Nobody's connection ends by it at once. Returns what takes a restart, and stays as it was;
    /// all else has changed.
    #[must_use = "some of it may take a restart"]
    pub fn reconfigure(&self, options: LiveOptions) -> Vec<NeedsRestart> {
        self.0.reconfigure(options, || Command::Options)
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        let mesh = &self.0.mesh;
        let mut stats = Stats::default();
        (0..mesh.shards()).for_each(|shard| stats.add(mesh.counters(shard)));
        stats
    }

    /// What is held for peers now, of what may be.
    pub fn memory(&self) -> Memory {
        Memory::of(&self.0.mesh, &self.0.options())
    }

    /// The threads of the shards, as the kernel numbers them, of those that serve.
    pub fn threads(&self) -> Vec<Option<u32>> {
        let mesh = &self.0.mesh;
        (0..mesh.shards()).map(|shard| mesh.thread(shard)).collect()
    }

    /// What may be there at once.
    pub fn bounds(&self) -> Bounds {
        Bounds::of(&self.0.options())
    }

    /// What each shard has counted so far.
    pub fn stats_by_shard(&self) -> Vec<Stats> {
        let mesh = &self.0.mesh;
        let of_shard = |shard| {
            let mut stats = Stats::default();
            stats.add(mesh.counters(shard));
            stats
        };
        (0..mesh.shards()).map(of_shard).collect()
    }

    /// Encodes a message and has it transformed.
    pub(super) fn encode(&self, message: impl Message) -> Result<Encoded, SparkError> {
        let mut scratch = Vec::new();
        let parser = self.0.options_at_start.parser;
        let (kind, payload) = message::encode(&message, parser, &mut scratch)?;
        let own = |kind, payload: &[u8]| (kind, payload.into());
        if self.0.transforms.load(Ordering::Acquire)
            && let Some(transforms) = &self.0.listeners().transforms
        {
            return transform::outgoing(&self.0, transforms, kind, payload, own);
        }
        Ok(Written::Now(own(kind, payload)))
    }

    pub(super) fn send_to(&self, id: SparkId, command: Command) {
        let shard = id.parts(self.0.id_key).shard;
        if shard < self.0.mesh.shards() {
            self.0.mesh.send(shard, command);
        }
    }

    pub(crate) fn server(&self) -> &Arc<Server> {
        &self.0
    }

    pub(super) fn shards(&self) -> u16 {
        self.0.mesh.shards()
    }

    pub(super) fn send_to_shard(&self, shard: u16, command: Command) {
        self.0.mesh.send(shard, command);
    }

    /// The first shard passes it on, if it is not the right one.
    pub(super) fn send_to_first(&self, command: Command) {
        self.0.mesh.send(0, command);
    }

    pub(super) fn send_to_all(&self, command: impl Fn() -> Command) {
        for shard in 0..self.0.mesh.shards() {
            self.0.mesh.send(shard, command());
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("options", &self.0.options_at_start)
            .finish_non_exhaustive()
    }
}

/// One spark, from any thread and at any time. What is asked of a spark that has ended is ignored,
/// but for [`SparkHandle::find`], which says so.
///
/// Every method returns at once, or waits while the inbox of the spark's shard is full.
#[derive(Clone, Debug)]
pub struct SparkHandle {
    primus: Handle,
    id: SparkId,
}

impl SparkHandle {
    pub(crate) fn new(primus: Handle, id: SparkId) -> Self {
        Self { primus, id }
    }

    pub(crate) fn primus(&self) -> &Handle {
        &self.primus
    }

    /// The id of the spark.
    pub fn id(&self) -> SparkId {
        self.id
    }

    /// Writes a message. Fails only when it can't be encoded, is longer than a frame can be, or was
    /// refused by a transform.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        self.write_counted(message).map(drop)
    }

    /// The same; returns how many bytes it is, if anything is left of it.
    pub(super) fn write_counted(&self, message: impl Message) -> Result<usize, SparkError> {
        let id = self.id;
        Ok(match self.primus.encode(message)? {
            Written::Now((kind, payload)) => {
                let bytes = payload.len();
                self.send(Command::Write { id, kind, payload });
                bytes
            }
            Written::Later(awaited) => {
                let bytes = awaited.bytes;
                self.send(Command::WriteLater { id, awaited });
                bytes
            }
            Written::Nothing => 0,
        })
    }

    /// Ends the spark; its client does not reconnect.
    pub fn end(&self) {
        self.end_with(EndOptions::default());
    }

    /// Ends the spark.
    pub fn end_with(&self, options: EndOptions) {
        let id = self.id;
        self.send(Command::End { id, options });
    }

    /// Calls `visit` with the spark, on its shard, unless it has ended by then.
    pub fn with(&self, visit: impl FnOnce(&mut Spark<'_>) + Send + 'static) {
        self.find(|spark| {
            if let Some(spark) = spark {
                visit(spark);
            }
        });
    }

    /// Calls `visit` on the spark's shard: with the spark, or with `None` if it has ended by then.
    /// So whoever must know whether a spark is still there asks its shard, which alone knows.
    ///
    /// ```
    /// use std::sync::mpsc::Sender;
    ///
    /// fn tell(spark: &allspark_engine::SparkHandle, orders: Sender<&'static str>) {
    ///     spark.find(move |spark| match spark {
    ///         Some(spark) => drop(spark.write("your order is ready")),
    ///         None => drop(orders.send("the customer has left")),
    ///     });
    /// }
    /// ```
    pub fn find(&self, visit: impl FnOnce(Option<&mut Spark<'_>>) + Send + 'static) {
        let id = self.id;
        let finder: Finder = Box::new(move |found| match found {
            Some((host, key)) => visit(Some(&mut Spark::new(host, key))),
            None => visit(None),
        });
        self.send(Command::Find { id, finder });
    }

    /// Sends a command to the shard of the spark.
    pub(super) fn send(&self, command: Command) {
        self.primus.send_to(self.id, command);
    }
}
