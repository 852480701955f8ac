//! Asks a URL of the operator's who somebody is.
//!
//! A shard must not wait, so threads of their own ask, with an HTTP client that blocks (`ureq`).
//! The request names method, target and address of what it is about in the headers that reverse
//! proxies use for this (`X-Forwarded-Method`, `-Uri`, `-For`, `-Host`), so that what answers
//! Traefik's ForwardAuth answers AllSpark, and passes the chosen headers on.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Asker`]: the threads, and who waits for them |
//! | [`question`] | what is asked, and which questions are the same |
//! | [`answer`] | what an answer means |
//! | [`cache`] | answers that still count |
//! | [`client`] | the HTTP client |
//!
//! # Invariants
//! - Who asks never waits: it gets an answer that is known, or a call later, exactly once.
//! - Of the same question only one is under way; those that come meanwhile get its answer.
//! - At most [`WAITING_MAX`] wait, and none of them longer than two time-outs.

mod answer;
mod cache;
mod client;
mod question;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::url::AuthUrl;

pub(super) use answer::Answer;
use cache::Cache;
use client::Client;
use question::Mark;
pub(super) use question::Question;

/// Requests that wait for an answer, of all shards together. As many are a second's worth of new
/// clients for a busy server; with more the URL is too slow, and 503 tells them so.
const WAITING_MAX: usize = 4096;

/// Bytes of the stack of a thread that asks: TLS needs the most of it.
const STACK_BYTES: usize = 512 * 1024;

/// How the URL is asked.
#[derive(Clone, Debug)]
pub(super) struct AskOptions {
    pub(super) url: AuthUrl,
    pub(super) timeout: Duration,
    pub(super) at_once: usize,
    /// For how long an answer counts; zero for no time at all.
    pub(super) cache: Duration,
}

/// Is called with the answer, on some thread.
type Waiter = Box<dyn FnOnce(&Answer) + Send>;

/// Asks the URL.
pub(super) struct Asker {
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
}

struct Job {
    question: Question,
    since: Instant,
    waiter: Waiter,
}

struct Shared {
    client: Client,
    options: AskOptions,
    /// How many wait for an answer.
    waiting: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cache: Cache,
    /// Questions that are under way, and who else waits for their answers.
    flights: HashMap<Mark, Vec<Waiter>>,
}

/// What an asker knows at once.
pub(super) enum Asked {
    Known(Arc<Answer>),
    /// The waiter is called later.
    Later,
    /// Too many wait already.
    Full,
}

impl Asker {
    /// Starts the threads.
    ///
    /// # Errors
    /// There can't be any, or no certificates to trust.
    pub(super) fn start(options: AskOptions) -> Result<Self, String> {
        let client = Client::new(&options.url, options.timeout)?;
        let (jobs, inbox) = sync_channel(WAITING_MAX);
        let inbox = Arc::new(Mutex::new(inbox));
        let at_once = options.at_once;
        let shared = Arc::new(Shared {
            client,
            options,
            waiting: AtomicUsize::new(0),
            state: Mutex::default(),
        });
        for _ in 0..at_once {
            let (shared, inbox) = (Arc::clone(&shared), Arc::clone(&inbox));
            thread::Builder::new()
                .name("authorization".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(move || work(&shared, &inbox))
                .map_err(|error| format!("there can be no thread that asks: {error}"))?;
        }
        Ok(Self { jobs, shared })
    }

    /// Asks, or knows the answer. `waiter` is called unless this says that it is not.
    pub(super) fn ask(&self, question: Question, waiter: impl FnOnce() -> Waiter) -> Asked {
        if let Some(answer) = self.known(&question) {
            return Asked::Known(answer);
        }
        if self.shared.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_MAX {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
            return Asked::Full;
        }
        let job = Job {
            question,
            since: Instant::now(),
            waiter: waiter(),
        };
        // There is room for all that may wait. A waiter that is dropped refuses its request.
        if self.jobs.try_send(job).is_err() {
            self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        Asked::Later
    }

    /// A shard looks only if nobody else does: those threads look again.
    fn known(&self, question: &Question) -> Option<Arc<Answer>> {
        let state = self.shared.state.try_lock().ok()?;
        state.cache.get(&question.mark, Instant::now())
    }
}

/// One thread: takes jobs until the asker is gone.
fn work(shared: &Shared, inbox: &Mutex<Receiver<Job>>) {
    loop {
        let job = locked(inbox).recv();
        match job {
            Ok(job) => shared.carry_out(job),
            Err(_) => return,
        }
    }
}

impl Shared {
    fn carry_out(&self, job: Job) {
        let Job {
            question,
            since,
            waiter,
        } = job;
        let mark = question.mark;
        let mut state = locked(&self.state);
        if let Some(answer) = state.cache.get(&mark, Instant::now()) {
            drop(state);
            return self.tell(waiter, &answer);
        }
        if let Some(waiters) = state.flights.get_mut(&mark) {
            return waiters.push(waiter);
        }
        if since.elapsed() > self.options.timeout {
            drop(state);
            return self.tell(waiter, &Answer::Unavailable);
        }
        state.flights.insert(mark, Vec::new());
        drop(state);
        let flight = Flight {
            shared: self,
            mark,
            answer: Arc::new(Answer::Unavailable),
            first: Some(waiter),
        };
        flight.land(self.client.ask(&question));
    }

    fn tell(&self, waiter: Waiter, answer: &Answer) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        waiter(answer);
    }
}

/// A question that is under way. Whatever happens to it, those who wait are told.
struct Flight<'s> {
    shared: &'s Shared,
    mark: Mark,
    answer: Arc<Answer>,
    first: Option<Waiter>,
}

impl Flight<'_> {
    fn land(mut self, answer: Answer) {
        self.answer = Arc::new(answer);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut state = locked(&self.shared.state);
        let others = state.flights.remove(&self.mark).unwrap_or_default();
        let lifetime = self.shared.options.cache;
        state
            .cache
            .put(self.mark, &self.answer, lifetime, Instant::now());
        drop(state);
        for waiter in self.first.take().into_iter().chain(others) {
            self.shared.tell(waiter, &self.answer);
        }
    }
}

/// Nothing that is locked here is left half done by a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
