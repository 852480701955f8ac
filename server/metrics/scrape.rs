//! Answers requests for the metrics, on a thread of its own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use allspark::{Reply, Response, Routes, Ticket};

use super::metric::{Metric, SECONDS};
use super::options::PATH;
use super::registry::{Counter, Metrics};

/// What the text is, as OpenMetrics wants it.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Requests that wait for an answer. Each is answered within milliseconds, so more than one or two
/// wait only if somebody asks without need: they are told 503.
const WAITING_MAX: usize = 8;

const SCRAPE: Metric = Metric::histogram(
    "allspark_scrape_seconds",
    "How long it took to put together what is told here, on a thread of its own",
    SECONDS,
);
const REFUSED: Metric = Metric::counter(
    "allspark_scrapes_refused_total",
    "Requests for what is told here that were answered with 503, because too many waited",
);

/// What is told of what is told.
pub(super) const METRICS: &[Metric] = &[SCRAPE, REFUSED];

/// Adds the route.
///
/// # Errors
/// There can be no thread.
pub(super) fn add_route(routes: &mut Routes, metrics: Metrics) -> Result<(), String> {
    let answerer = Answerer::start(metrics);
    let answerer =
        answerer.map_err(|error| format!("there can be no thread for the metrics: {error}"))?;
    routes
        .add("GET", PATH, move |request| answerer.answer(request.later()))
        .map_err(|error| error.to_string())
}

/// Hands requests to the thread.
struct Answerer {
    requests: SyncSender<Ticket>,
    refused: Counter,
}

impl Answerer {
    fn start(metrics: Metrics) -> io::Result<Self> {
        let (sender, requests) = sync_channel(WAITING_MAX);
        let refused = metrics.counter(&REFUSED, &[]);
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(move || answer_all(&requests, &metrics))?;
        Ok(Self {
            requests: sender,
            refused,
        })
    }

    /// A ticket that is dropped is answered with 503.
    fn answer(&self, ticket: Ticket) -> Reply {
        if self.requests.try_send(ticket).is_err() {
            self.refused.inc();
        }
        Reply::Later
    }
}

fn answer_all(requests: &Receiver<Ticket>, metrics: &Metrics) {
    let took = metrics.histogram(&SCRAPE, &[]);
    // As long as the last answer was, so that it grows once.
    let mut bytes = 0;
    while let Ok(ticket) = requests.recv() {
        let began = Instant::now();
        let mut text = String::with_capacity(bytes);
        // Whoever is read is code of somebody else.
        let encoded = catch_unwind(AssertUnwindSafe(|| metrics.encode(&mut text)));
        bytes = text.len();
        took.observe(began.elapsed().as_secs_f64());
        let response = match encoded {
            Ok(Ok(())) => Response::new(200).body(CONTENT_TYPE, text.into_bytes()),
            _ => Response::text(500, "not everything could be read\n"),
        };
        ticket.respond(response.header("Cache-Control", "no-store"));
    }
}
