//! Files of a folder, as browsers want them.
//!
//! | file | what it is |
//! |---|---|
//! | [`options`] | what they are served with |
//! | [`name`] | which file a path names |
//! | [`open`] | files that lie in the folder, and no others |
//! | [`encoding`] | files that were compressed before |
//! | [`conditions`] | what a client has already, and which part it wants |
//! | [`asked`] | what a request wants to know |
//! | [`serve`] | one request from its beginning to its end |
//!
//! # Invariants
//! - Nothing outside of the folder is served, however a path is written and whatever symbolic links
//!   lie in it: the kernel resolves paths, beneath the folder (`openat2`).
//! - Nothing but regular files is read.
//! - An answer is as long as it says, or its connection ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use allspark_engine::{Reply, RouteRequest};
use allspark_protocol::http::Response;

mod asked;
mod conditions;
mod encoding;
mod name;
mod open;
mod options;
mod serve;

use asked::Asked;
use open::Folder;
pub use options::{StaticError, StaticOptions};
use serve::{Counts, Files};

use crate::proxy::Proxy;
use crate::threads::Threads;

/// A folder of files, which answers requests of routes. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Static {
    files: Arc<Files>,
    threads: Threads,
    otherwise: Option<Proxy>,
}

/// What was counted since the files are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StaticCounts {
    /// Requests.
    pub requests: u64,
    /// Those for which there is no file.
    pub missed: u64,
    /// Those that were answered with 503 because as many were under way as may.
    pub refused: u64,
    /// Answers that ended in the middle: the client was gone, or the file became shorter.
    pub broken: u64,
    /// Requests that are under way now.
    pub under_way: u64,
}

impl Static {
    /// The files of a folder, read on these threads.
    ///
    /// # Errors
    /// There is no such folder, or the kernel can't resolve paths beneath it.
    pub fn new(options: StaticOptions, threads: &Threads) -> Result<Self, StaticError> {
        let folder = Folder::open(&options.root)?;
        Ok(Self {
            files: Arc::new(Files {
                folder,
                options,
                counts: Counts {
                    requests: AtomicU64::new(0),
                    missed: AtomicU64::new(0),
                    refused: AtomicU64::new(0),
                    broken: AtomicU64::new(0),
                    under_way: AtomicUsize::new(0),
                },
            }),
            threads: threads.clone(),
            otherwise: None,
        })
    }

    /// Has a proxy answer what no file answers: paths without one, and methods other than `GET` and
    /// `HEAD`.
    #[must_use]
    pub fn otherwise(self, proxy: &Proxy) -> Self {
        Self {
            otherwise: Some(proxy.clone()),
            ..self
        }
    }

    /// Answers a request.
    pub fn answer(&self, request: &RouteRequest<'_>) -> Reply {
        let head = request.head();
        let proxy = self.otherwise.clone();
        if !matches!(head.method(), "GET" | "HEAD") || head.wants_upgrade() {
            return match proxy {
                Some(proxy) => proxy.answer(request),
                None => Response::text(405, "Method Not Allowed\n")
                    .header("Allow", "GET, HEAD")
                    .into(),
            };
        }
        let Some(under_way) = self.files.begin() else {
            return Response::text(503, "Service Unavailable\n")
                .header("Retry-After", "1")
                .into();
        };
        let asked = Asked::new(head, &self.files.options);
        // Who goes on with it if there is no such file.
        let next = match proxy.map(|proxy| (proxy.take(request), proxy)) {
            Some((Ok(job), proxy)) => Some((job, proxy)),
            Some((Err(refusal), _)) => return refusal.into(),
            None => None,
        };
        let ticket = request.later();
        self.threads.spawn(async move {
            let Some((ticket, under_way)) =
                serve::serve(under_way, asked, ticket, next.is_some()).await
            else {
                return;
            };
            drop(under_way);
            if let Some((job, proxy)) = next {
                proxy.serve(job, ticket).await;
            }
        });
        Reply::Later
    }

    /// The same as a function, for [`mount`](crate::mount).
    pub fn handler(&self) -> impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + Clone + 'static {
        let files = self.clone();
        move |request| files.answer(request)
    }

    /// What was counted.
    pub fn counts(&self) -> StaticCounts {
        let counts = &self.files.counts;
        StaticCounts {
            requests: counts.requests.load(Ordering::Relaxed),
            missed: counts.missed.load(Ordering::Relaxed),
            refused: counts.refused.load(Ordering::Relaxed),
            broken: counts.broken.load(Ordering::Relaxed),
            under_way: counts.under_way.load(Ordering::Relaxed) as u64,
        }
    }
}
