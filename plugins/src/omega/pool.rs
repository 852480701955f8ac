//! Threads for what takes time: a shard must not wait. There are as many as there is to do, up to a
//! bound, and none while there is nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use allspark_engine::Throttle;

/// Something to be done.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// Jobs that wait for a thread.
const JOBS_MAX: usize = 4096;

/// Bytes of them.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a thread waits for more to do.
const IDLE: Duration = Duration::from_secs(5);

/// Bytes of the stack of a thread: TLS needs the most of it.
const STACK_BYTES: usize = 512 * 1024;

/// Runs jobs on threads of its own; on a single one in their order. Dropped, it forgets those that
/// wait.
pub(super) struct Pool {
    shared: Arc<Shared>,
    name: &'static str,
    threads_max: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Each with its bytes.
    jobs: VecDeque<(usize, Job)>,
    bytes: usize,
    threads: usize,
    idle: usize,
    is_over: bool,
}

/// Too much waits.
#[derive(Debug)]
pub(super) struct Full;

impl Pool {
    pub(super) fn new(name: &'static str, threads_max: usize) -> Self {
        Self {
            shared: Arc::default(),
            name,
            threads_max,
        }
    }

    /// Has a job of so many bytes done soon.
    ///
    /// # Errors
    /// Too much waits already, or there can't be a thread.
    pub(super) fn run(&self, bytes: usize, job: Job) -> Result<(), Full> {
        let mut state = self.shared.lock();
        let is_full = !state.jobs.is_empty() && state.bytes.saturating_add(bytes) > BYTES_MAX;
        if is_full || state.jobs.len() == JOBS_MAX {
            return Err(Full);
        }
        if state.idle <= state.jobs.len() && state.threads < self.threads_max {
            match self.spawn() {
                Ok(()) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    static REFUSALS: Throttle = Throttle::new();
                    if let Some(line) = REFUSALS.admit() {
                        let (thread, unlogged) = (self.name, line.unlogged);
                        tracing::error!(%error, thread, unlogged, "there can be no thread");
                    }
                    return Err(Full);
                }
                // Those that are there do it.
                Err(_) => {}
            }
        }
        state.bytes += bytes;
        state.jobs.push_back((bytes, job));
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }

    fn spawn(&self) -> std::io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let builder = thread::Builder::new().name(self.name.to_owned());
        builder
            .stack_size(STACK_BYTES)
            .spawn(move || shared.work())
            .map(drop)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_over = true;
        let forgotten = std::mem::take(&mut state.jobs);
        drop(state);
        self.shared.changed.notify_all();
        drop(forgotten);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does.
    fn work(&self) {
        while let Some(job) = self.next() {
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
                static PANICS: Throttle = Throttle::new();
                if let Some(line) = PANICS.admit() {
                    tracing::error!(
                        unlogged = line.unlogged,
                        "a function that waited for a message's way has panicked"
                    );
                }
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some((bytes, job)) = state.jobs.pop_front() {
                state.bytes -= bytes;
                return Some(job);
            }
            if state.is_over {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let waited = self.changed.wait_timeout(state, IDLE);
            let (again, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = again;
            state.idle -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn pool(threads_max: usize) -> Pool {
        Pool::new("test", threads_max)
    }

    #[test]
    fn as_many_jobs_run_at_a_time_as_there_may_be_threads() {
        let pool = pool(3);
        let (begun, begins) = channel();
        let mut gates = Vec::new();
        for number in 0..5 {
            let (open, gate) = channel::<()>();
            let begun = begun.clone();
            gates.push(open);
            let job: Job = Box::new(move || {
                begun.send(number).unwrap();
                let _ = gate.recv();
            });
            pool.run(1, job).unwrap();
        }
        let mut first: Vec<u32> = (0..3).map(|_| begins.recv().unwrap()).collect();
        first.sort_unstable();
        assert_eq!(first, [0, 1, 2]);
        assert!(begins.try_recv().is_err(), "the others wait");
        gates.remove(0);
        assert_eq!(begins.recv().unwrap(), 3);
        gates.clear();
        assert_eq!(begins.recv().unwrap(), 4);
    }

    #[test]
    fn what_waits_is_bounded_and_forgotten_with_the_pool() {
        let pool = pool(1);
        let (begun, begins) = channel();
        let (open, gate) = channel::<()>();
        let block: Job = Box::new(move || {
            begun.send(()).unwrap();
            let _ = gate.recv();
        });
        pool.run(0, block).unwrap();
        begins.recv().unwrap();
        let kept = Arc::new(());
        let job = || -> Job {
            let kept = Arc::clone(&kept);
            Box::new(move || drop(kept))
        };
        pool.run(BYTES_MAX + 1, job()).unwrap();
        assert!(pool.run(1, job()).is_err(), "too many bytes");
        pool.shared.lock().bytes = 0;
        for _ in 1..JOBS_MAX {
            pool.run(0, job()).unwrap();
        }
        assert!(pool.run(0, job()).is_err(), "too many jobs");
        drop(pool);
        assert_eq!(Arc::strong_count(&kept), 1);
        drop(open);
    }

    #[test]
    fn a_job_that_panics_harms_no_other() {
        let pool = pool(1);
        let (done, dones) = channel();
        pool.run(1, Box::new(|| panic!("on purpose"))).unwrap();
        pool.run(1, Box::new(move || done.send(()).unwrap()))
            .unwrap();
        dones.recv().unwrap();
    }
}
