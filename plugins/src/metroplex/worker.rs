//! The thread of the registry: it alone speaks to Redis, and waits for it.
//!
//! As long as Redis answers, it writes who comes and goes, says that this server is alive, and
//! forgets servers that are dead. While Redis is away nothing is kept for it: once it is back, this
//! server is registered anew, and all sparks that are here are told of by a visit.

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use allspark_engine::Handle;
use redis::{Client, RedisError, RedisResult};

use super::backoff::Backoff;
use super::batch::{Batch, Id};
use super::events::Events;
use super::inbox::{Event, Inbox, Question};
use super::registry::{Names, Registry};
use crate::omega::Answer;

/// Events that are taken up at a time, so that one round trip writes many changes.
const BATCH: usize = 1024;

/// How often Redis is asked whether it still knows this server. It may have been started anew, and
/// who writes nothing would not learn of it.
const CHECK: Duration = Duration::from_secs(2);

/// Time between two visits because changes were lost: Redis is too slow for what happens.
const VISIT_PAUSE: Duration = Duration::from_secs(2);

pub(super) struct Worker {
    pub(super) primus: Handle,
    pub(super) client: Client,
    pub(super) names: Names,
    pub(super) latency: Duration,
    pub(super) inbox: Arc<Inbox>,
    pub(super) heard: Receiver<Event>,
    pub(super) events: Arc<Events>,
    /// When the last visit was begun.
    pub(super) visited_at: Instant,
}

/// Who waits for the end.
type Stop = Option<Sender<()>>;

impl Worker {
    /// Until the server ends.
    pub(super) fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            let begun = Instant::now();
            let failure = match self.connect() {
                Ok(mut registry) => match self.serve(&mut registry) {
                    Ok(stop) => {
                        self.unregister(&mut registry);
                        return tell(stop);
                    }
                    Err(failure) => failure,
                },
                Err(failure) => failure,
            };
            self.inbox.close();
            self.events.lost(&failure);
            if let Break(stop) = self.pause(backoff.next(begun.elapsed())) {
                return tell(stop);
            }
        }
    }

    fn connect(&self) -> RedisResult<Registry> {
        Registry::connect(&self.client, self.names.clone(), self.latency)
    }

    /// As long as Redis answers.
    fn serve(&mut self, registry: &mut Registry) -> RedisResult<Stop> {
        if let Break(stop) = self.begin(registry)? {
            return Ok(stop);
        }
        self.events.registered(&self.names.address);
        let pulse = Duration::from_millis(self.names.interval_ms) - self.latency;
        let (mut live_at, mut check_at) = (Instant::now() + pulse, Instant::now() + CHECK);
        loop {
            let mut wait = live_at
                .min(check_at)
                .saturating_duration_since(Instant::now());
            let has_lost = self.inbox.has_lost();
            if has_lost {
                wait = wait.min(VISIT_PAUSE.saturating_sub(self.visited_at.elapsed()));
            }
            match self.heard.recv_timeout(wait) {
                Ok(event) => {
                    if let Break(stop) = self.handle(registry, event)? {
                        return Ok(stop);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
            let now = Instant::now();
            let mut is_known = true;
            if now >= live_at {
                live_at = now + pulse;
                is_known = self.live(registry)?;
            } else if now >= check_at {
                is_known = registry.knows_this()?;
            }
            if now >= check_at {
                check_at = now + CHECK;
            }
            if !is_known {
                tracing::warn!("Redis knows this server no more; it is registered anew");
            }
            let is_behind = has_lost && self.visited_at.elapsed() >= VISIT_PAUSE;
            if (is_behind || !is_known)
                && let Break(stop) = self.begin(registry)?
            {
                return Ok(stop);
            }
        }
    }

    /// Registers this server, and begins to tell of all sparks that are here.
    fn begin(&mut self, registry: &mut Registry) -> RedisResult<ControlFlow<Stop>> {
        self.inbox.open();
        // What was told before is known to the visit, which comes after it.
        let mut kept = Vec::new();
        while let Ok(event) = self.heard.try_recv() {
            self.inbox.heard(&event);
            match event {
                Event::Stop(told) => return Ok(Break(Some(told))),
                Event::Question(question) => kept.push(question),
                Event::Spark(..) => {}
            }
        }
        let registered = registry.register();
        for question in kept {
            answer(registry, question)?;
        }
        registered?;
        self.visited_at = Instant::now();
        let inbox = Arc::clone(&self.inbox);
        let visit = move |spark: &mut allspark_engine::Spark<'_>, next| {
            inbox.visit(Id::of(spark), next);
        };
        self.primus.for_each_async(visit, |_| {});
        Ok(Continue(()))
    }

    /// Takes up what has happened: this, and what waits behind it.
    fn handle(&self, registry: &mut Registry, first: Event) -> RedisResult<ControlFlow<Stop>> {
        let (mut batch, mut questions, mut stop) = (Batch::default(), Vec::new(), None);
        let more = std::iter::from_fn(|| self.heard.try_recv().ok());
        for event in std::iter::once(first).chain(more).take(BATCH) {
            self.inbox.heard(&event);
            match event {
                Event::Spark(id, has_come) => batch.add(id, has_come),
                Event::Question(question) => questions.push(question),
                Event::Stop(told) => {
                    stop = Some(told);
                    break;
                }
            }
        }
        let written = registry.change(&batch.changes());
        for question in questions {
            match &written {
                Ok(()) => answer(registry, question)?,
                Err(error) => question.fail(&error.to_string()),
            }
        }
        written?;
        self.inbox.written();
        Ok(match stop {
            Some(told) => Break(Some(told)),
            None => Continue(()),
        })
    }

    /// Says that this server is alive, and forgets those that are not. Returns whether it is still
    /// registered itself.
    fn live(&self, registry: &mut Registry) -> RedisResult<bool> {
        let own = &self.names.address;
        let mut others = registry.live()?;
        let is_known = others.contains(own);
        others.retain(|server| server != own);
        for dead in registry.dead(&others)? {
            registry.forget_server(&dead, true)?;
            tracing::info!(
                server = dead,
                "metroplex has forgotten a server that is dead"
            );
        }
        Ok(is_known)
    }

    /// Waits until Redis is tried again. Until then nobody knows anything.
    fn pause(&self, pause: Duration) -> ControlFlow<Stop> {
        let until = Instant::now() + pause;
        loop {
            let wait = until.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(wait) {
                Ok(event) => {
                    self.inbox.heard(&event);
                    match event {
                        Event::Stop(told) => return Break(Some(told)),
                        Event::Question(question) => question.fail("Redis can not be reached"),
                        Event::Spark(..) => {}
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Continue(()),
                Err(RecvTimeoutError::Disconnected) => return Break(None),
            }
        }
    }

    fn unregister(&self, registry: &mut Registry) {
        self.inbox.close();
        match registry.forget_server(&self.names.address, false) {
            Ok(()) => self.events.unregistered(&self.names.address),
            Err(failure) => self.events.lost(&failure),
        }
    }
}

fn answer(registry: &mut Registry, question: Question) -> RedisResult<()> {
    let failure = match question {
        Question::Servers(answer) => give(registry.servers(), answer),
        Question::Owners(ids, answer) => give(registry.owners(&ids), answer),
    };
    failure.map_or(Ok(()), Err)
}

fn give<A>(answer: RedisResult<A>, call: Answer<A>) -> Option<RedisError> {
    match answer {
        Ok(answer) => {
            call(Ok(answer));
            None
        }
        Err(error) => {
            call(Err(error.to_string()));
            Some(error)
        }
    }
}

fn tell(stop: Stop) {
    if let Some(told) = stop {
        let _ = told.send(());
    }
}
