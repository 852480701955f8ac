//! The server as an application holds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use allspark_protocol::http::RequestHead;
use allspark_protocol::parser::{Json, Parser};
use allspark_protocol::primus::{PRIMUS_VERSION, SparkId};
use allspark_protocol::transformer::Kind;

use crate::config::Options;
use crate::lines::Lines;
use crate::mesh::{Command, Mesh, Visitor};
use crate::spark::{self, Message, Spark, SparkError, SparkHandle};
use crate::stats::Stats;

pub(crate) type Listener = Box<dyn Fn(&mut Spark<'_>) + Send + Sync>;

/// What all shards of a server share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) mesh: Arc<Mesh>,
    /// Makes the owner of a spark unreadable in its id.
    pub(crate) id_key: u64,
    /// Lines of the log that peers can cause.
    pub(crate) lines: Lines,
    /// Every shard has a copy, and is told when they change.
    listeners: Mutex<Arc<Listeners>>,
    /// Whether the shards run, or did.
    started: AtomicBool,
}

/// Functions of the application that every spark goes through.
#[derive(Default)]
pub(crate) struct Listeners {
    pub(crate) connection: Vec<Arc<Listener>>,
    pub(crate) disconnection: Vec<Arc<Listener>>,
}

impl Shared {
    pub(crate) fn new(options: Options, shards: usize, id_key: u64) -> Arc<Self> {
        options.assert_sound();
        let mesh = Mesh::new(shards);
        Arc::new(Self {
            options,
            mesh,
            id_key,
            lines: Lines::default(),
            listeners: Mutex::default(),
            started: AtomicBool::new(false),
        })
    }

    /// The server is being started. Returns whether it was not yet.
    pub(crate) fn begin(&self) -> bool {
        !self.started.swap(true, Ordering::SeqCst)
    }

    /// The server could not be started; unless it has failed, it can be tried again.
    pub(crate) fn withdraw(&self) {
        if !self.mesh.is_failing() {
            self.started.store(false, Ordering::SeqCst);
        }
    }

    /// The listeners that are attached now.
    pub(crate) fn listeners(&self) -> Arc<Listeners> {
        Arc::clone(
            &self
                .listeners
                .lock()
                .expect("nothing panics while it holds the lock"),
        )
    }

    fn attach(&self, change: impl FnOnce(&mut Listeners)) {
        let mut listeners = self
            .listeners
            .lock()
            .expect("nothing panics while it holds the lock");
        let mut changed = Listeners {
            connection: listeners.connection.clone(),
            disconnection: listeners.disconnection.clone(),
        };
        change(&mut changed);
        *listeners = Arc::new(changed);
        drop(listeners);
        // Shards that start after this look for themselves.
        if self.started.load(Ordering::SeqCst) {
            for shard in 0..self.mesh.shards() {
                self.mesh.send(shard, Command::Listeners);
            }
        }
    }

    /// Whether a request is for Primus: its path starts with the pathname.
    pub(crate) fn is_ours(&self, head: &RequestHead<'_>) -> bool {
        head.path().starts_with(&*self.options.pathname)
    }

    /// The answer to `GET <pathname>/spec`.
    pub(crate) fn spec(&self, transformer: &str) -> String {
        let interval = self.options.ping_interval_ms;
        let interval = interval.map_or_else(|| "false".to_owned(), |ms| ms.to_string());
        let pathname = json_string(&self.options.pathname);
        let parser = self.options.parser.name();
        format!(
            "{{\"pingInterval\":{interval},\"pathname\":{pathname},\
             \"version\":\"{PRIMUS_VERSION}\",\
             \"parser\":\"{parser}\",\"transformer\":\"{transformer}\"}}"
        )
    }
}

fn json_string(text: &str) -> String {
    let mut out = Vec::new();
    Json.encode_str(text, &mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Attaches a function that is called with every new spark.
pub(crate) fn on_connection(shared: &Shared, listener: Listener) {
    shared.attach(|listeners| listeners.connection.push(Arc::new(listener)));
}

/// Attaches a function that is called with every spark that has ended.
pub(crate) fn on_disconnection(shared: &Shared, listener: Listener) {
    shared.attach(|listeners| listeners.disconnection.push(Arc::new(listener)));
}

/// How a server ends. The defaults are Primus's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destroy {
    /// Whether the listeners are closed and the shards end. Otherwise only the sparks end, and
    /// requests under the pathname go where all others go. Default true.
    pub close: bool,
    /// Whether clients shall reconnect, for instance to another node. Default false.
    pub reconnect: bool,
    /// Milliseconds to wait before it begins. Default 0.
    pub timeout_ms: u64,
}

impl Default for Destroy {
    fn default() -> Self {
        Self {
            close: true,
            reconnect: false,
            timeout_ms: 0,
        }
    }
}

/// Reaches a server from any thread and at any time.
///
/// Every method returns at once, or waits while the inbox of a shard is full. What one thread asks
/// for is carried out in that order, as far as any one spark can see.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

impl Handle {
    /// Writes a message to every spark. It is encoded once. Fails only when it can't be encoded or
    /// is longer than a frame can be.
    pub fn write(&self, message: impl Message) -> Result<(), SparkError> {
        let (kind, payload) = self.encode(message)?;
        self.send_to_all(|| Command::Broadcast {
            kind,
            payload: Arc::clone(&payload),
        });
        Ok(())
    }

    /// Calls `visit` with every spark, on its shard, until it returns false. Shards do this at the
    /// same time, so a few sparks more may be visited after a false.
    pub fn for_each(&self, visit: impl Fn(&mut Spark<'_>) -> bool + Send + Sync + 'static) {
        let stopped = Arc::new(AtomicBool::new(false));
        let visitor: Visitor = Arc::new(visit);
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

    /// Ends every spark and, unless told otherwise, the server.
    pub fn destroy(&self, options: Destroy) {
        self.send_to_all(|| Command::Destroy(options));
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        let mesh = &self.0.mesh;
        let mut stats = Stats::default();
        (0..mesh.shards()).for_each(|shard| stats.add(mesh.counters(shard)));
        stats
    }

    pub(crate) fn encode(&self, message: impl Message) -> Result<(Kind, Arc<[u8]>), SparkError> {
        let mut scratch = Vec::new();
        let (kind, payload) = spark::encode(&message, self.0.options.parser, &mut scratch)?;
        Ok((kind, payload.into()))
    }

    pub(crate) fn send_to(&self, id: SparkId, command: Command) {
        let shard = id.parts(self.0.id_key).shard;
        if shard < self.0.mesh.shards() {
            self.0.mesh.send(shard, command);
        }
    }

    fn send_to_all(&self, command: impl Fn() -> Command) {
        for shard in 0..self.0.mesh.shards() {
            self.0.mesh.send(shard, command());
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
