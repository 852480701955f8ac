//! A reverse proxy: asks one of several upstreams, over HTTP/1.1, and hands its answer on.
//!
//! | file | what it is |
//! |---|---|
//! | [`options`] | what a proxy is made with |
//! | [`upstream`] | where an upstream is, and how it is reached |
//! | [`pool`] | the upstreams: which is asked next, connections that are kept |
//! | [`shared`] | what requests share |
//! | [`job`] | a request on its way, and what is asked for it |
//! | [`headers`] | which headers go on, and which are added |
//! | [`body`] | the body that goes on, and when it last moved |
//! | [`serve`] | one request from its beginning to its end |
//! | [`tunnel`] | an upgraded connection |
//! | [`health`] | upstreams are asked whether they are well |
//!
//! # Invariants
//! - Where a message ends is said anew to either side, by one statement; nothing that frames a
//!   message on one connection goes on to the other.
//! - What waits between the two sides is bounded, and so is how many requests are under way.
//! - A request of which anything may have reached an upstream is sent to another one only if it is
//!   safe and has no body.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use allspark_engine::{Reply, RouteRequest, Ticket};
use allspark_protocol::http::Response;

mod body;
mod headers;
mod health;
mod job;
mod options;
mod pool;
mod serve;
mod shared;
mod tunnel;
mod upstream;

pub(crate) use job::Job;
pub use options::{Health, ProxyError, ProxyOptions};
use pool::Pool;
use shared::{Counts, Shared, UnderWay};
pub use upstream::{Upstream, UpstreamError};

use crate::path::may_mean;
use crate::threads::Threads;

/// A reverse proxy, which answers requests of routes. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Proxy(Arc<Shared>);

/// What a proxy has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProxyCounts {
    /// Requests.
    pub requests: u64,
    /// Those that were answered with 503 because as many were under way as may.
    pub refused: u64,
    /// Those that were answered with 502: no upstream could be reached or understood.
    pub failed: u64,
    /// Those that were answered with 504: an upstream did not answer in time.
    pub timed_out: u64,
    /// Those whose client was gone before there was an answer; the upstream was told no more.
    pub left: u64,
    /// Answers that ended in the middle: the upstream, or the client, was gone.
    pub broken: u64,
    /// Attempts beside the first one of a request.
    pub retried: u64,
    /// Connections that were upgraded.
    pub upgraded: u64,
    /// Requests and upgraded connections that are under way now.
    pub under_way: u64,
}

impl Proxy {
    /// A proxy on these threads.
    ///
    /// # Errors
    /// The options are of no use.
    pub fn new(options: ProxyOptions, threads: &Threads) -> Result<Self, ProxyError> {
        options.check()?;
        let proxy = Self(Arc::new(Shared {
            pool: Pool::new(&options.upstreams),
            options,
            under_way: AtomicUsize::new(0),
            counts: Counts::default(),
            threads: threads.clone(),
        }));
        health::start(&proxy.0);
        Ok(proxy)
    }

    /// A proxy to one Unix socket, with a thread of its own. A path that begins with `@` is a name
    /// in the abstract namespace.
    ///
    /// # Errors
    /// The system makes no more threads.
    pub fn unix(path: &str) -> Result<Self, ProxyError> {
        Self::new(ProxyOptions::to([Upstream::unix(path)]), &Threads::new(1)?)
    }

    /// Answers a request.
    pub fn answer(&self, request: &RouteRequest<'_>) -> Reply {
        match self.take(request) {
            Ok(job) => {
                let proxy = self.clone();
                let serving = proxy.serve(job, request.later());
                self.0.threads.spawn(serving);
                Reply::Later
            }
            Err(refusal) => refusal.into(),
        }
    }

    /// Takes a request from a shard.
    ///
    /// # Errors
    /// It goes to no upstream: this is the answer.
    pub(crate) fn take(&self, request: &RouteRequest<'_>) -> Result<Job, Response> {
        match &self.0.options.never {
            Some(prefix) if may_mean(request.head().path(), prefix) => {
                Err(Response::text(404, "Not Found\n"))
            }
            _ => Ok(Job::new(request)),
        }
    }

    /// Has a request answered that was taken.
    pub(crate) async fn serve(self, job: Job, ticket: Ticket) {
        let counts = &self.0.counts;
        counts.requests.fetch_add(1, Ordering::Relaxed);
        match UnderWay::begin(&self.0) {
            Some(under_way) => serve::serve(under_way, job, ticket).await,
            None => {
                counts.refused.fetch_add(1, Ordering::Relaxed);
                let response = Response::text(503, "Service Unavailable\n");
                ticket.respond(response.header("Retry-After", "1"));
            }
        }
    }

    /// The same as a function, for [`Routes`](allspark_engine::Routes).
    pub fn handler(&self) -> impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + Clone + 'static {
        let proxy = self.clone();
        move |request| proxy.answer(request)
    }

    /// What it has counted.
    pub fn counts(&self) -> ProxyCounts {
        let counts = &self.0.counts;
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ProxyCounts {
            requests: of(&counts.requests),
            refused: of(&counts.refused),
            failed: of(&counts.failed),
            timed_out: of(&counts.timed_out),
            left: of(&counts.left),
            broken: of(&counts.broken),
            retried: of(&counts.retried),
            upgraded: of(&counts.upgraded),
            under_way: self.0.under_way.load(Ordering::Relaxed) as u64,
        }
    }

    /// The upstreams, each with whether it is asked first.
    pub fn upstreams(&self) -> Vec<(String, bool)> {
        self.0.pool.states()
    }
}
