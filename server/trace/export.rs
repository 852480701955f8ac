//! Spans on their way to the collector: queued by whoever ends them, sent by a thread of their own.
//!
//! # Invariants
//! - At most [`WAITING_SPANS_MAX`] wait, each of bounded size. What comes beyond is lost and
//!   counted, as is what the collector does not take after some attempts.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use ureq::Agent;
use ureq::config::Config;

use super::ended::Ended;
use super::options::TraceUrl;
use super::otlp;
use crate::metrics::metric::Metric;
use crate::metrics::registry::{Counter, Metrics};
use crate::roots;

/// Spans that may wait: some MiB at most, and some seconds' worth of a busy server.
const WAITING_SPANS_MAX: usize = 4096;

/// Spans of one request to the collector.
const BATCH_SPANS_MAX: usize = 512;

/// How long the first span of a batch waits for others.
const BATCH_WAIT: Duration = Duration::from_secs(1);

/// How long a request to the collector may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a batch is offered, and the pause before the second time; each further one is twice as
/// long.
const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// While the collector takes nothing, that is told this often.
const TELL_INTERVAL: Duration = Duration::from_secs(60);

pub(super) const SPANS: Metric = Metric::counter(
    "allspark_trace_spans_total",
    "Spans that were sent to the collector, or lost because it was too slow or did not take them",
)
.by(&["outcome"]);

enum Message {
    Span(Ended),
    /// Everything before it is sent, or lost.
    Flushed(SyncSender<()>),
}

/// Where spans are queued.
#[derive(Clone)]
pub(super) struct Exporter {
    messages: SyncSender<Message>,
    lost: Counter,
}

impl Exporter {
    /// Starts the thread that sends.
    ///
    /// # Errors
    /// If there can be none, or nothing is trusted.
    pub(super) fn start(
        url: &TraceUrl,
        headers: Vec<(String, String)>,
        service: &str,
        metrics: &Metrics,
    ) -> Result<Self, String> {
        let (messages, incoming) = mpsc::sync_channel(WAITING_SPANS_MAX);
        let lost = metrics.counter(&SPANS, &["lost"]);
        let collector = Collector {
            agent: agent(url)?,
            url: url.clone(),
            headers,
            service: service.to_owned(),
            sent: metrics.counter(&SPANS, &["sent"]),
            lost: lost.clone(),
            told_at: None,
        };
        thread::Builder::new()
            .name("trace".to_owned())
            .spawn(move || collector.run(&incoming))
            .map_err(|error| format!("there can be no traces: {error}"))?;
        Ok(Self { messages, lost })
    }

    /// Queues a span.
    pub(super) fn send(&self, span: Ended) {
        if self.messages.try_send(Message::Span(span)).is_err() {
            self.lost.inc();
        }
    }

    /// Waits until everything that was queued before is sent or lost, but no longer than this.
    pub(super) fn flush(&self, timeout: Duration) {
        let end = Instant::now() + timeout;
        let (flushed, is_flushed) = mpsc::sync_channel(1);
        let mut message = Message::Flushed(flushed);
        while let Err(TrySendError::Full(back)) = self.messages.try_send(message) {
            if Instant::now() >= end {
                return;
            }
            message = back;
            thread::sleep(Duration::from_millis(10));
        }
        // A collector that does not answer is not waited for.
        let _ = is_flushed.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}

fn agent(url: &TraceUrl) -> Result<Agent, String> {
    let mut config = Config::builder()
        .timeout_global(Some(REQUEST_TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        // What the environment says about proxies is meant for other programs.
        .proxy(None)
        .user_agent(concat!("allspark/", env!("CARGO_PKG_VERSION")));
    if url.is_secure() {
        let tls = roots::tls().map_err(|reason| format!("trace-url: {reason}"))?;
        config = config.tls_config(tls);
    }
    Ok(config.build().new_agent())
}

/// What is sent to.
struct Collector {
    agent: Agent,
    url: TraceUrl,
    headers: Vec<(String, String)>,
    service: String,
    sent: Counter,
    lost: Counter,
    told_at: Option<Instant>,
}

impl Collector {
    fn run(mut self, incoming: &Receiver<Message>) {
        while let Ok(message) = incoming.recv() {
            let (batch, flushed) = gather(message, incoming);
            if !batch.is_empty() {
                self.offer(&batch, flushed.is_some());
            }
            if let Some(flushed) = flushed {
                // Who waited may have given up.
                let _ = flushed.try_send(());
            }
        }
    }

    /// Sends a batch. When somebody waits for it, it is tried once.
    fn offer(&mut self, batch: &[Ended], is_last: bool) {
        let body = otlp::encode(&self.service, batch);
        let count = batch.len() as u64;
        let attempts = if is_last { 1 } else { ATTEMPTS };
        for attempt in 0..attempts {
            if attempt > 0 {
                thread::sleep(FIRST_PAUSE * 2_u32.pow(attempt - 1));
            }
            match self.post(&body) {
                Ok(()) => {
                    self.sent.inc_by(count);
                    return;
                }
                Err(reason) => self.tell(&reason),
            }
        }
        self.lost.inc_by(count);
    }

    fn post(&self, body: &[u8]) -> Result<(), String> {
        let mut request = self.agent.post(self.url.uri());
        request = request.header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request.send(body).map_err(|error| error.to_string())?;
        match response.status().as_u16() {
            200..=299 => Ok(()),
            status => Err(format!("it answered {status}")),
        }
    }

    fn tell(&mut self, reason: &str) {
        if self.told_at.is_none_or(|at| at.elapsed() >= TELL_INTERVAL) {
            self.told_at = Some(Instant::now());
            tracing::warn!(url = %self.url, reason, "spans are not taken by the collector");
        }
    }
}

/// What came up to a bound or a moment, and who waits for it.
fn gather(first: Message, incoming: &Receiver<Message>) -> (Vec<Ended>, Option<SyncSender<()>>) {
    let (mut batch, mut next) = (Vec::new(), Ok(first));
    let end = Instant::now() + BATCH_WAIT;
    loop {
        match next {
            Ok(Message::Span(span)) => batch.push(span),
            Ok(Message::Flushed(flushed)) => return (batch, Some(flushed)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return (batch, None);
            }
        }
        if batch.len() == BATCH_SPANS_MAX {
            return (batch, None);
        }
        next = incoming.recv_timeout(end.saturating_duration_since(Instant::now()));
    }
}
