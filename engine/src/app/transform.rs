//! Message transforms: functions through which messages go, in both directions, in the order in
//! which they were attached. Messages of Primus itself do not.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use allspark_protocol::transformer::Kind;

use super::awaited::{Awaited, Settled};
use super::error::SparkError;
use super::host::{Command, Host, Server, Transforms};
use super::packet::{Body, Onward, Origin, Packet, Transformed};
use crate::memory::Key;

/// What becomes of a message that was transformed.
pub(crate) enum Outcome {
    /// It goes on.
    Next,
    /// Nobody gets it.
    Drop,
    /// A ticket says it.
    Later,
}

/// What a transform has said about a packet.
///
/// # Errors
/// It has refused the message.
pub(crate) fn outcome(
    transformed: Transformed,
    packet: &Packet<'_>,
) -> Result<Outcome, SparkError> {
    let has_ticket = packet.take_has_ticket();
    match transformed {
        Transformed::Next => Ok(Outcome::Next),
        Transformed::Drop => Ok(Outcome::Drop),
        Transformed::Later if has_ticket => Ok(Outcome::Later),
        Transformed::Later => Err(refused(
            "a transform said that it takes its time, without a ticket",
        )),
        Transformed::Fail(error) => Err(SparkError::Transform(error)),
    }
}

fn refused(reason: &str) -> SparkError {
    SparkError::Transform(reason.into())
}

/// What is to be written once a message has gone through the transforms that do not know for whom
/// it is.
pub(crate) enum Written<M> {
    /// This.
    Now(M),
    /// What becomes of this.
    Later(Arc<Awaited>),
    /// Nothing.
    Nothing,
}

/// Has a message that is written transformed, and calls `now` with what comes of it.
///
/// # Errors
/// A transform has refused it.
///
/// # Panics
/// If a transform does: whoever writes has called it.
pub(crate) fn outgoing<M>(
    server: &Arc<Server>,
    transforms: &Arc<Transforms>,
    kind: Kind,
    payload: &[u8],
    now: impl FnOnce(Kind, &[u8]) -> M,
) -> Result<Written<M>, SparkError> {
    let course = Course::new(server, transforms, 0, None);
    let body = Body::new(server.options.parser, kind, payload);
    let mut packet = Packet::new(body, Some(&course));
    Ok(match course.run(&mut packet)? {
        Outcome::Next => {
            let (kind, payload) = packet.encoded();
            Written::Now(now(kind, payload))
        }
        Outcome::Drop => Written::Nothing,
        Outcome::Later => Written::Later(course.awaited(payload.len())),
    })
}

/// The way of one message through the transforms, or through the rest of them.
struct Course<'a> {
    server: &'a Arc<Server>,
    transforms: &'a Arc<Transforms>,
    /// The transform behind the one that runs.
    next: Cell<usize>,
    /// What is written in the place of the message, once one has taken a ticket.
    awaited: RefCell<Option<Arc<Awaited>>>,
}

impl<'a> Course<'a> {
    fn new(
        server: &'a Arc<Server>,
        transforms: &'a Arc<Transforms>,
        next: usize,
        awaited: Option<Arc<Awaited>>,
    ) -> Self {
        Self {
            server,
            transforms,
            next: Cell::new(next),
            awaited: RefCell::new(awaited),
        }
    }

    fn run(&self, packet: &mut Packet<'_>) -> Result<Outcome, SparkError> {
        while let Some(transform) = self.transforms.outgoing.get(self.next.get()) {
            self.next.set(self.next.get() + 1);
            let transformed = transform(packet);
            match outcome(transformed, packet)? {
                Outcome::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Outcome::Next)
    }

    fn awaited(&self, bytes: usize) -> Arc<Awaited> {
        let mut awaited = self.awaited.borrow_mut();
        Arc::clone(awaited.get_or_insert_with(|| Awaited::new(bytes)))
    }
}

impl Origin for Course<'_> {
    fn onward(&self, bytes: usize) -> Onward {
        let (server, transforms) = (Arc::clone(self.server), Arc::clone(self.transforms));
        let (next, awaited) = (self.next.get(), self.awaited(bytes));
        Box::new(move |body, transformed| {
            let settled = go_on(&server, &transforms, next, &awaited, body, transformed);
            if let Some(settled) = settled {
                awaited.settle(settled);
                for shard in 0..server.mesh.shards() {
                    server.mesh.send(shard, Command::Settled);
                }
            }
        })
    }
}

/// A ticket was used: the message goes through the rest of the transforms, here. Returns what came
/// of it, unless another one takes its time.
fn go_on(
    server: &Arc<Server>,
    transforms: &Arc<Transforms>,
    next: usize,
    awaited: &Arc<Awaited>,
    body: Body<'static>,
    transformed: Transformed,
) -> Option<Settled> {
    let course = Course::new(server, transforms, next, Some(Arc::clone(awaited)));
    let mut packet = Packet::new(body, Some(&course));
    let result = match transformed {
        Transformed::Next => course.run(&mut packet),
        Transformed::Drop => Ok(Outcome::Drop),
        Transformed::Later => Err(refused("a ticket says what becomes of its message")),
        Transformed::Fail(error) => Err(SparkError::Transform(error)),
    };
    match result {
        Ok(Outcome::Next) => {
            let (kind, payload) = packet.encoded();
            Some(Settled::Message(kind, payload.into()))
        }
        Ok(Outcome::Drop) => Some(Settled::Nothing),
        Ok(Outcome::Later) => None,
        Err(error) => Some(Settled::Refused(reason(&error).into())),
    }
}

/// Why a transform has refused a message.
fn reason(error: &SparkError) -> String {
    match error {
        SparkError::Transform(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// Has a message that is written to a spark transformed by the functions that know it. Returns
/// whether it goes on.
///
/// # Errors
/// A transform has refused it, or would take its time, which these may not.
///
/// # Panics
/// If one of them does.
pub(crate) fn outgoing_per_spark(
    host: &mut dyn Host,
    key: Key,
    transforms: &Transforms,
    packet: &mut Packet<'_>,
) -> Result<bool, SparkError> {
    for transform in &transforms.outgoing_per_spark {
        let transformed = transform(host, key, packet);
        match outcome(transformed, packet)? {
            Outcome::Next => {}
            Outcome::Drop => return Ok(false),
            Outcome::Later => return Err(refused("a transform that knows the spark can't wait")),
        }
    }
    Ok(true)
}
