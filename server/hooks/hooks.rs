//! The hooks of a server: its lanes and their threads.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use allspark::{Handle, SparkId, TransformTicket, WeakHandle};
use serde::Deserialize;
use serde_json::Value;

use super::asking::{Asking, Decided};
use super::backoff::Backoff;
use super::client::{Client, Failure, Request};
use super::dead_letters::DeadLetters;
use super::event::{About, Event, unix_ms};
use super::hooked::settle;
use super::kind::Kind;
use super::lane::Lane;
use super::metrics;
use super::options::HooksOptions;
use super::sign::Signer;
use super::verdict::Verdict;
use super::warnings::Warnings;
use super::worker::{Counted, Outside, Plan, Worker};
use crate::api::command::{Command, run_all};
use crate::durations::Durations;
use crate::metrics::metric::Metric;
use crate::metrics::registry::{Histogram, Metrics};
use crate::trace::tracer::Tracer;

/// Bytes of the stack of a lane's thread: TLS needs the most of it.
const STACK_BYTES: usize = 512 * 1024;

/// How long a server that has ended tells what is left: as long as it waits for what is under way.
pub(super) const FLUSH_MAX: Duration = Duration::from_secs(10);

/// See above.
pub(crate) struct Hooks {
    pub(super) options: HooksOptions,
    pub(super) counts: Counts,
    pub(super) dead: DeadLetters,
    pub(super) signer: RwLock<Signer>,
    tells: [bool; Kind::ALL.len()],
    /// Clients without a spark that were asked about.
    asked: AtomicUsize,
    lanes: Box<[Arc<Lane<TransformTicket>>]>,
    client: Client,
    primus: OnceLock<WeakHandle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) warnings: Warnings,
    /// Of requests that were answered, were refused, found nobody.
    times: [Histogram; 3],
    /// Of all of them, for the dashboard.
    pub(super) durations: Durations,
    tracer: Tracer,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Events that were told.
    pub(super) told: AtomicU64,
    /// Requests that failed.
    pub(super) failed: AtomicU64,
    /// Replies about events that the request did not have.
    pub(super) foreign: AtomicU64,
    /// Answers, replies and commands that could not be understood.
    pub(super) unreadable: AtomicU64,
    /// Joins, leaves and errors that were not told because too much waited.
    pub(super) left_out: AtomicU64,
    /// Clients that were told to come again because too much waited, or the application was down.
    pub(super) turned_away: AtomicU64,
    /// Clients that the application has refused.
    pub(super) refused: AtomicU64,
    /// How often a client was not listened to, because too much of its spark waited.
    pub(super) slowed: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64, how_many: usize) {
    counter.fetch_add(how_many as u64, Ordering::Relaxed);
}

impl Hooks {
    /// # Errors
    /// A file that can't be used, or no certificates to trust.
    pub(super) fn new(options: &HooksOptions, registry: &Metrics) -> Result<Self, String> {
        let lanes = options.lanes.size();
        let bytes_max = (options.queue.size() / lanes).max(1);
        let urls = Kind::ALL
            .into_iter()
            .filter_map(|kind| options.url_of(kind));
        Ok(Self {
            counts: Counts::default(),
            dead: DeadLetters::open(options.dead_letters.as_deref())
                .map_err(|why| format!("hooks-dead-letters: {why}"))?,
            signer: RwLock::new(signer(options)?),
            tells: Kind::ALL.map(|kind| options.tells(kind)),
            asked: AtomicUsize::new(0),
            lanes: (0..lanes).map(|_| Arc::new(Lane::new(bytes_max))).collect(),
            client: Client::new(urls, lanes)?,
            primus: OnceLock::new(),
            threads: Mutex::default(),
            warnings: Warnings::default(),
            times: ["answered", "refused", "down"]
                .map(|outcome| registry.histogram(&metrics::REQUEST, &[outcome])),
            durations: Durations::default(),
            tracer: Tracer::default(),
            options: options.clone(),
        })
    }

    /// Traces requests.
    pub(super) fn traced(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    pub(super) fn tells(&self, kind: Kind) -> bool {
        self.tells[kind as usize]
    }

    /// The lane of a spark.
    pub(super) fn lane_of(&self, spark: SparkId) -> usize {
        let mut hasher = DefaultHasher::new();
        spark.hash(&mut hasher);
        (hasher.finish() % self.lanes.len() as u64) as usize
    }

    /// Does what was said about a client that waits, unless that is decided already.
    pub(super) fn decide(&self, asking: &Asking, verdict: Verdict) {
        match asking.decide(verdict) {
            None | Some(Decided::LetIn) => {}
            Some(Decided::Refused) => count(&self.counts.refused, 1),
            Some(Decided::TurnedAway) => count(&self.counts.turned_away, 1),
        }
    }

    /// The lane of a client that has no spark: they take turns.
    pub(super) fn next_lane(&self) -> &Lane<TransformTicket> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        &self.lanes[number % self.lanes.len()]
    }

    /// How long a request may take.
    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.options.timeout.get())
    }

    pub(super) fn lane(&self, number: usize) -> &Lane<TransformTicket> {
        &self.lanes[number]
    }

    pub(super) fn lane_rc(&self, number: usize) -> &Arc<Lane<TransformTicket>> {
        &self.lanes[number]
    }

    pub(super) fn lanes(&self) -> impl Iterator<Item = &Lane<TransformTicket>> {
        self.lanes.iter().map(|lane| &**lane)
    }

    /// Has metrics read what is counted.
    pub(super) fn tell(self: &Arc<Self>, registry: &Metrics) {
        let counter = |metric: &Metric, of: fn(&Self) -> &AtomicU64| {
            let hooks = Arc::clone(self);
            registry.counter_of(metric, &[], move || of(&hooks).load(Ordering::Relaxed));
        };
        counter(&metrics::TOLD, |hooks| &hooks.counts.told);
        counter(&metrics::DEAD, |hooks| &hooks.dead.count);
        counter(&metrics::UNWRITTEN, |hooks| &hooks.dead.unwritten);
        counter(&metrics::FOREIGN, |hooks| &hooks.counts.foreign);
        counter(&metrics::UNREADABLE, |hooks| &hooks.counts.unreadable);
        counter(&metrics::LEFT_OUT, |hooks| &hooks.counts.left_out);
        counter(&metrics::TURNED_AWAY, |hooks| &hooks.counts.turned_away);
        counter(&metrics::REFUSED, |hooks| &hooks.counts.refused);
        counter(&metrics::SLOWED, |hooks| &hooks.counts.slowed);
        let hooks = Arc::clone(self);
        registry.gauge_of(&metrics::QUEUE, &[], move || hooks.queue_bytes() as f64);
    }

    /// What waits for the application, in bytes of memory.
    pub(super) fn queue_bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.bytes()).sum()
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// There can't be any.
    pub(super) fn start(self: &Arc<Self>, primus: &Handle) -> Result<(), String> {
        let boot = boot_name()?;
        let _ = self.primus.set(primus.downgrade());
        for number in 0..self.lanes.len() {
            let hooks = Arc::clone(self);
            let prefix = format!("{boot}-{number}");
            let thread = thread::Builder::new()
                .name(format!("hooks-{number}"))
                .stack_size(STACK_BYTES)
                .spawn(move || hooks.work(number, prefix))
                .map_err(|error| format!("hooks have no thread: {error}"))?;
            self.threads
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(thread);
        }
        Ok(())
    }

    fn work(&self, number: usize, prefix: String) {
        let seed = unix_ms() ^ ((number as u64) << 48);
        let retries = u32::try_from(self.options.retries.get()).unwrap_or(u32::MAX);
        let outside = Reach {
            hooks: self,
            lane: &self.lanes[number],
        };
        let plan = Plan {
            prefix,
            retries,
            when_down: self.options.when_down,
        };
        Worker::new(outside, &self.lanes[number], plan, Backoff::new(seed)).run();
    }

    /// Reads secrets anew, and opens the file of dead letters anew.
    ///
    /// # Errors
    /// A file that can't be used; then all stays as it was.
    pub(super) fn reload(&self) -> Result<bool, String> {
        let signer = signer(&self.options)?;
        let reopened = self.dead.reopen()?;
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = signer;
        Ok(reopened || self.options.secret_file.is_some())
    }

    /// Tells what is left, for as long as a server that ends waits for anything. What is left then
    /// becomes dead letters.
    pub(super) fn finish(&self) {
        let deadline = Instant::now() + FLUSH_MAX;
        for lane in &self.lanes {
            drop(lane.end(deadline));
        }
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            let _ = thread.join();
        }
        let dead = self.dead.count.load(Ordering::Relaxed);
        if dead > 0 {
            let unwritten = self.dead.unwritten.load(Ordering::Relaxed);
            tracing::warn!(dead, unwritten, "hooks: some events were never told");
        }
    }
}

/// The signer that the options describe.
///
/// # Errors
/// A file that can't be read, or that holds none.
pub(super) fn signer(options: &HooksOptions) -> Result<Signer, String> {
    if let Some(path) = &options.secret_file {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| error.to_string());
        return text
            .and_then(|text| Signer::read(&text))
            .map_err(|why| format!("hooks-secret-file: {}: {why}", path.display()));
    }
    match &options.secret {
        Some(secret) => Signer::read(secret.expose()).map_err(|why| format!("hooks-secret: {why}")),
        None => Ok(Signer::default()),
    }
}

/// What the ids of this process begin with, so that they differ from those of the one before.
fn boot_name() -> Result<String, String> {
    let mut random = [0_u8; 8];
    let source = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&source, &mut random)
        .map_err(|_| "hooks have no random numbers".to_owned())?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What a lane's thread reaches.
struct Reach<'h> {
    hooks: &'h Hooks,
    lane: &'h Lane<TransformTicket>,
}

impl Reach<'_> {
    fn primus(&self) -> Option<Handle> {
        self.hooks.primus.get()?.upgrade()
    }
}

impl Outside for Reach<'_> {
    type Waiting = TransformTicket;

    fn post(&self, kind: Kind, id: &str, body: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        let options = &self.hooks.options;
        let Some(url) = options.url_of(kind) else {
            return Err(Failure::Down("it has no URL".to_owned()));
        };
        let unix_s = unix_ms() / 1000;
        let signer = self
            .hooks
            .signer
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let signature = signer.sign(id, unix_s, body);
        drop(signer);
        let mut span = self.hooks.tracer.start("hook", None);
        span.set("allspark.hook.event", kind.name());
        span.set("allspark.hook.id", id);
        span.set("http.request.body.size", body.len());
        let request = Request {
            url,
            id,
            unix_s,
            signature,
            traceparent: span.context().map(|context| context.traceparent()),
            body,
        };
        let timeout = self.hooks.timeout();
        let left = self
            .lane
            .deadline()
            .map(|at| at.saturating_duration_since(Instant::now()));
        // Nothing at all would be no time-out.
        let least = Duration::from_millis(1);
        let timeout = left.map_or(timeout, |left| left.min(timeout)).max(least);
        let begun = Instant::now();
        let answer = self.hooks.client.post(&request, timeout);
        let [answered, refused, down] = &self.hooks.times;
        let time = match &answer {
            Ok(_) => answered,
            Err(Failure::Refused(_)) => refused,
            Err(Failure::Down(_)) => down,
        };
        let took = begun.elapsed();
        time.observe(took.as_secs_f64());
        self.hooks.durations.add(took);
        if let Err(failure) = &answer {
            span.fail(&failure.to_string());
        }
        answer
    }

    fn goes_with(&self, first: Kind, other: Kind) -> bool {
        let options = &self.hooks.options;
        options.url_of(first) == options.url_of(other)
    }

    fn sleep(&self, lane: &Lane<TransformTicket>, duration: Duration) {
        lane.sleep(duration);
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn decide(&self, client: &About, verdict: Verdict) {
        match client {
            About::Asking(asking) => self.hooks.decide(asking, verdict),
            About::Spark(spark) => {
                if verdict
                    .refuse
                    .as_ref()
                    .is_some_and(|refuse| !refuse.is_later())
                {
                    count(&self.hooks.counts.refused, 1);
                }
                if let Some(spark) = self.primus().and_then(|primus| primus.spark(*spark)) {
                    let warnings = self.hooks.warnings.clone();
                    spark.with(move |spark| settle(spark, verdict, &warnings));
                }
            }
        }
    }

    fn write(&self, spark: SparkId, messages: Vec<Value>) {
        if let Some(spark) = self.primus().and_then(|primus| primus.spark(spark)) {
            for message in messages {
                if let Err(error) = spark.write(message) {
                    self.warn(&format!(
                        "a message of its answer can't be written: {error}"
                    ));
                }
            }
        }
    }

    fn run(&self, commands: Vec<Value>) -> usize {
        let Some(primus) = self.primus() else {
            return 0;
        };
        let read = commands.into_iter().map(Command::deserialize);
        let (read, unknown): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        let commands: Vec<Command> = read.into_iter().flatten().collect();
        let unknown = unknown
            .into_iter()
            .filter_map(|read| Some(read.err()?.to_string()));
        let failed = run_all(&commands, &primus).into_iter();
        let failed = failed.filter_map(|outcome| Some(outcome.err()?.to_string()));
        let refused = unknown.chain(failed);
        refused
            .inspect(|why| self.warn(&format!("a command of it can't be carried out: {why}")))
            .count()
    }

    fn let_go(&self, waiting: Vec<TransformTicket>) {
        waiting.into_iter().for_each(TransformTicket::next);
    }

    fn bury(&self, why: &str, id: &str, event: &Event) {
        self.hooks.dead.bury(why, id, &event.members);
    }

    fn count(&self, what: Counted, how_many: usize) {
        let counts = &self.hooks.counts;
        let counter = match what {
            Counted::Told => &counts.told,
            Counted::Failed => &counts.failed,
            Counted::Foreign => &counts.foreign,
            Counted::Unreadable => &counts.unreadable,
        };
        count(counter, how_many);
    }

    fn warn(&self, what: &str) {
        self.hooks.warnings.warn(what);
    }
}
