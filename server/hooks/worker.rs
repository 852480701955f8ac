//! Tells the application what a lane has, request by request, and carries out what it answers.
//!
//! # Invariants
//! - Every event is told in a request that succeeded, or becomes a dead letter, or both, if that
//!   request succeeded without anybody hearing of it; never neither.
//! - An event is told only after those before it in its lane were told or given up.
//! - A request that the application answers with a refusal is halved until one event is alone with
//!   it, so that what it can't take costs that event and no other one.

use std::time::{Duration, Instant};

use allspark::SparkId;
use serde_json::Value;

use super::backoff::Backoff;
use super::client::Failure;
use super::event::{About, Event};
use super::kind::Kind;
use super::lane::{Lane, Most, Queued};
use super::options::WhenDown;
use super::reply::{Replies, Reply};
use super::verdict::Verdict;

/// Events of a request.
const EVENTS_MAX: usize = 1_000;

/// Bytes of a request; a single event may be longer.
const BYTES_MAX: usize = 1024 * 1024;

/// How often a single event is tried again that the application answers with a refusal.
const REFUSED_RETRIES_MAX: u32 = 5;

/// Refusals of a request until it is halved: an application that has just begun may refuse things.
const REFUSALS_MIN: u32 = 3;

/// What a worker reaches: the application, the sparks and time.
pub(super) trait Outside {
    /// What waits for room in the lane.
    type Waiting;
    /// Sends a request, about events of this kind.
    ///
    /// # Errors
    /// It has not succeeded.
    fn post(&self, kind: Kind, id: &str, body: &[u8]) -> Result<Option<Vec<u8>>, Failure>;
    /// Whether events of these kinds go to the same place.
    fn goes_with(&self, first: Kind, other: Kind) -> bool;
    fn sleep(&self, lane: &Lane<Self::Waiting>, duration: Duration);
    fn now(&self) -> Instant;
    /// Lets in a client that waits, or refuses one.
    fn decide(&self, client: &About, verdict: Verdict);
    /// Writes messages to a spark.
    fn write(&self, spark: SparkId, messages: Vec<Value>);
    /// Carries commands out, together. Returns how many of them are none, or can't be.
    fn run(&self, commands: Vec<Value>) -> usize;
    /// There is room for what waited.
    fn let_go(&self, waiting: Vec<Self::Waiting>);
    fn bury(&self, why: &str, id: &str, event: &Event);
    fn count(&self, what: Counted, how_many: usize);
    fn warn(&self, what: &str);
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Told,
    Failed,
    Foreign,
    Unreadable,
}

/// The thread of a lane.
pub(super) struct Worker<'l, O: Outside> {
    outside: O,
    lane: &'l Lane<O::Waiting>,
    plan: Plan,
    backoff: Backoff,
    /// Events of the next request: less after refusals.
    events_max: usize,
}

/// How a worker works.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// What the ids of its events begin with.
    pub(super) prefix: String,
    pub(super) retries: u32,
    pub(super) when_down: WhenDown,
}

impl<'l, O: Outside> Worker<'l, O> {
    pub(super) fn new(
        outside: O,
        lane: &'l Lane<O::Waiting>,
        plan: Plan,
        backoff: Backoff,
    ) -> Self {
        Self {
            outside,
            lane,
            plan,
            backoff,
            events_max: EVENTS_MAX,
        }
    }

    /// Works until the lane has ended.
    pub(super) fn run(mut self) {
        while self.step() {}
    }

    /// Tells what is next, and waits for it. Returns whether the lane goes on.
    pub(super) fn step(&mut self) -> bool {
        let most = Most {
            events: self.events_max,
            bytes: BYTES_MAX,
        };
        let goes_with =
            |first: &Event, other: &Event| self.outside.goes_with(first.kind, other.kind);
        let Some(batch) = self.lane.take(most, goes_with) else {
            return false;
        };
        let let_go = self.deliver(batch);
        self.outside.let_go(let_go);
        true
    }

    /// Tries until it succeeds or is given up. Returns what there is room for now.
    fn deliver(&mut self, mut batch: Vec<Queued>) -> Vec<O::Waiting> {
        let (mut tries, mut refusals) = (0, 0);
        let mut request = self.request(&batch);
        loop {
            if self
                .lane
                .deadline()
                .is_some_and(|at| self.outside.now() >= at)
            {
                return self.give_up(&batch, &Failure::Down("the server has ended".to_owned()));
            }
            let (id, body) = &request;
            let failure = match self.outside.post(batch[0].event.kind, id, body) {
                Ok(answer) => {
                    self.outside.count(Counted::Told, batch.len());
                    self.lane.end_failing();
                    self.events_max = (2 * self.events_max).min(EVENTS_MAX);
                    self.carry_out(&batch, answer.as_deref());
                    return self.lane.done(&batch);
                }
                Err(failure) => failure,
            };
            self.outside.count(Counted::Failed, 1);
            self.begin_failing(&batch);
            tries += 1;
            let retries = match failure {
                Failure::Refused(_) if batch.len() == 1 => {
                    self.plan.retries.min(REFUSED_RETRIES_MAX)
                }
                _ => self.plan.retries,
            };
            if tries > retries {
                return self.give_up(&batch, &failure);
            }
            if tries == 1 {
                self.outside.warn(&format!("{failure}; it is tried again"));
            }
            self.outside.sleep(self.lane, self.backoff.before(tries));
            refusals = match failure {
                Failure::Refused(_) => refusals + 1,
                Failure::Down(_) => 0,
            };
            if refusals >= REFUSALS_MIN && batch.len() > 1 {
                self.events_max = batch.len() / 2;
                self.lane.put_back(batch.drain(self.events_max..));
                (tries, request) = (0, self.request(&batch));
            }
        }
    }

    fn request(&self, batch: &[Queued]) -> (String, Vec<u8>) {
        let members: usize = batch.iter().map(|queued| queued.event.members.len()).sum();
        let each = self.plan.prefix.len() + 32;
        let mut body = Vec::with_capacity(members + batch.len() * each + 32);
        body.extend_from_slice(b"{\"events\":[");
        for (place, queued) in batch.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let head = format!("{comma}{{\"id\":\"{}\",", self.id_of(queued));
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(&queued.event.members);
            body.push(b'}');
        }
        body.extend_from_slice(b"]}");
        (format!("{}.{}", self.id_of(&batch[0]), batch.len()), body)
    }

    fn id_of(&self, queued: &Queued) -> String {
        format!("{}-{}", self.plan.prefix, queued.number)
    }

    /// Who waits to be let in hears at once that it will take longer, if that is what is wanted.
    fn begin_failing(&self, batch: &[Queued]) {
        let decide = |event: &Event| {
            if event.kind == Kind::Connect {
                match self.plan.when_down {
                    WhenDown::Queue => {}
                    WhenDown::Accept => self.outside.decide(&event.about, Verdict::default()),
                    WhenDown::Refuse => self.outside.decide(&event.about, Verdict::later()),
                }
            }
        };
        // Whoever comes from now on finds out by itself, so nobody is told of it too late.
        if self.lane.begin_failing() && self.plan.when_down != WhenDown::Queue {
            batch.iter().for_each(|queued| decide(&queued.event));
            self.lane.each_waiting(decide);
        }
    }

    fn give_up(&self, batch: &[Queued], failure: &Failure) -> Vec<O::Waiting> {
        self.outside.warn(&format!(
            "{failure}; {} events are given up and become dead letters",
            batch.len()
        ));
        let why = failure.to_string();
        for queued in batch {
            self.outside.bury(&why, &self.id_of(queued), &queued.event);
        }
        self.decide_without(batch.iter().map(|queued| &queued.event));
        let room = self.lane.done(batch);
        self.lane.has_given_up();
        room
    }

    /// Nobody will say what becomes of those who connect: they are let in if that is what is
    /// wanted.
    fn decide_without<'e>(&self, events: impl Iterator<Item = &'e Event>) {
        for event in events.filter(|event| event.kind == Kind::Connect) {
            let verdict = match self.plan.when_down {
                WhenDown::Accept => Verdict::default(),
                WhenDown::Refuse | WhenDown::Queue => Verdict::later(),
            };
            self.outside.decide(&event.about, verdict);
        }
    }

    fn carry_out(&self, batch: &[Queued], answer: Option<&[u8]>) {
        let replies = match answer {
            None => Err("it is longer than 16 MiB".to_owned()),
            Some(body) => Replies::read(body, batch.len(), |id| self.place(batch, id)),
        };
        match replies {
            Ok(replies) => {
                self.outside.count(Counted::Foreign, replies.foreign);
                let mut commands = Vec::new();
                for (queued, reply) in batch.iter().zip(replies.of) {
                    self.carry_out_one(queued, reply, &mut commands);
                }
                if !commands.is_empty() {
                    let unknown = self.outside.run(commands);
                    self.outside.count(Counted::Unreadable, unknown);
                }
            }
            Err(why) => {
                self.outside.count(Counted::Unreadable, 1);
                self.outside
                    .warn(&format!("its answer can't be understood: {why}"));
                self.decide_without(batch.iter().map(|queued| &queued.event));
            }
        }
    }

    /// Which event has this id.
    fn place(&self, batch: &[Queued], id: &str) -> Option<usize> {
        let number = id.strip_prefix(&*self.plan.prefix)?.strip_prefix('-')?;
        let number: u64 = number.parse().ok()?;
        let place = batch
            .binary_search_by_key(&number, |queued| queued.number)
            .ok()?;
        (self.id_of(&batch[place]) == id).then_some(place)
    }

    /// Does what is about the spark, and leaves what is about others to be done at once.
    fn carry_out_one(
        &self,
        queued: &Queued,
        reply: Option<Result<Reply, String>>,
        commands: &mut Vec<Value>,
    ) {
        let event = &queued.event;
        let is_connect = event.kind == Kind::Connect;
        let reply = match reply {
            None if is_connect => Reply::default(),
            None => return,
            Some(Ok(reply)) if is_connect || reply.refuse.is_none() => reply,
            Some(reply) => {
                let only = || "only a connect can be refused".to_owned();
                let why = reply.err().unwrap_or_else(only);
                self.outside.count(Counted::Unreadable, 1);
                self.outside
                    .warn(&format!("a reply of it can't be understood: {why}"));
                return self.decide_without([event].into_iter());
            }
        };
        let mut verdict = Verdict {
            refuse: reply.refuse,
            data: reply.data,
            rooms: reply.rooms,
            rate: reply.rate,
            ..Verdict::default()
        };
        match &event.about {
            About::Spark(spark) => {
                if is_connect || verdict != Verdict::default() {
                    self.outside.decide(&event.about, verdict);
                }
                if !reply.write.is_empty() {
                    self.outside.write(*spark, reply.write);
                }
            }
            About::Asking(_) => {
                verdict.write = reply.write;
                verdict.answered = Some(self.id_of(queued));
                self.outside.decide(&event.about, verdict);
            }
        }
        commands.extend(reply.commands);
    }
}

#[cfg(test)]
mod tests;
