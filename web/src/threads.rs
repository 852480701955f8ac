//! Threads that wait for files and for upstreams, so that no shard does.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

/// Threads on which files are read that are not in memory.
const FILE_THREADS_MAX: usize = 4;

/// Threads of a runtime of tokio's own. Clones are the same threads, which end with the last one.
#[derive(Clone, Debug)]
pub struct Threads(Arc<Owned>);

#[derive(Debug)]
struct Owned(Option<Runtime>);

impl Threads {
    /// So many threads that wait for sockets, at least one, and up to four that wait for files.
    ///
    /// # Errors
    /// The system makes no more threads.
    pub fn new(count: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(count.max(1))
            .max_blocking_threads(FILE_THREADS_MAX)
            .thread_name("web")
            .enable_io()
            .enable_time()
            .build()?;
        Ok(Self(Arc::new(Owned(Some(runtime)))))
    }

    /// Runs a future to its end, or until the threads end.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.0.0 {
            runtime.spawn(future);
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // The last one may be dropped on one of these threads, or on a shard's.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
