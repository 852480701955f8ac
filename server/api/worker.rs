//! The thread of the API: requests that a shard is not to be kept busy with are carried out there,
//! in the order in which they come. What waits for it is bounded in number and in bytes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use allspark_engine::Throttle;

/// Requests that may wait.
pub(super) const WAITING_MAX: usize = 1024;

/// Bytes of their bodies.
pub(super) const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

type Job = (usize, Box<dyn FnOnce() + Send>);

/// See above.
pub(super) struct Worker {
    jobs: SyncSender<Job>,
    bytes: Arc<AtomicUsize>,
}

/// Too much waits.
#[derive(Debug)]
pub(super) struct Busy;

impl Worker {
    /// # Errors
    /// There can be no thread.
    pub(super) fn start() -> std::io::Result<Self> {
        let (jobs, todo) = sync_channel(WAITING_MAX);
        let bytes = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&bytes);
        thread::Builder::new()
            .name("api".to_owned())
            .spawn(move || work(&todo, &waiting))?;
        Ok(Self { jobs, bytes })
    }

    /// Bytes that wait, whoever asks.
    pub(super) fn waiting(&self) -> impl Fn() -> usize + Send + Sync + use<> + 'static {
        let bytes = Arc::clone(&self.bytes);
        move || bytes.load(Ordering::Relaxed)
    }

    /// Has something done there that keeps so many bytes until then. It never waits.
    ///
    /// # Errors
    /// Too much waits; then it is not done.
    pub(super) fn run(
        &self,
        bytes: usize,
        job: impl FnOnce() + Send + 'static,
    ) -> Result<(), Busy> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= WAITING_BYTES_MAX
            && self.jobs.try_send((bytes, Box::new(job))).is_ok()
        {
            return Ok(());
        }
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        Err(Busy)
    }
}

fn work(todo: &Receiver<Job>, waiting: &AtomicUsize) {
    while let Ok((bytes, job)) = todo.recv() {
        // Its ticket is dropped then, which answers 503.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            static FAILURES: Throttle = Throttle::new();
            if let Some(line) = FAILURES.admit() {
                tracing::error!(
                    unlogged = line.unlogged,
                    "a request to the API has failed, which is a mistake of the server"
                );
            }
        }
        waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_waits_is_bounded_and_one_that_fails_harms_no_other() {
        let worker = Worker::start().unwrap();
        let (go, wait) = channel::<()>();
        worker
            .run(1, move || {
                let _ = wait.recv();
            })
            .unwrap();
        assert!(
            worker.run(WAITING_BYTES_MAX, || {}).is_err(),
            "one byte waits"
        );
        worker.run(0, || panic!("it fails")).unwrap();
        let (told, heard) = channel();
        let mut count = 0;
        while worker.run(0, || {}).is_ok() {
            count += 1;
            assert!(count <= WAITING_MAX);
        }
        go.send(()).unwrap();
        // It takes its jobs one by one, so there is room again at some time.
        while worker
            .run(0, {
                let told = told.clone();
                move || told.send(()).unwrap()
            })
            .is_err()
        {
            thread::yield_now();
        }
        heard.recv().unwrap();
        assert_eq!(worker.bytes.load(Ordering::Relaxed), 0);
    }
}
