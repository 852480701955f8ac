//! Message transforms: functions through which messages go, in both directions, in the order in
//! which they were attached. Messages of Primus itself do not.

use std::sync::Arc;

use allspark_protocol::transformer::Kind;

use super::awaited::{Awaited, Settled};
use super::error::SparkError;
use super::host::{Command, Host, Server, Transforms};
use super::packet::{Answer, Body, Fate, Onward, Packet, Transformed};
use crate::memory::Key;

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
/// A transform panics. It runs within the call of the one who writes, so it is his panic.
pub(crate) fn outgoing<M>(
    server: &Arc<Server>,
    transforms: &Arc<Transforms>,
    kind: Kind,
    payload: &[u8],
    now: impl FnOnce(Kind, &[u8]) -> M,
) -> Result<Written<M>, SparkError> {
    let mut course = Course {
        server,
        transforms,
        next: 0,
        awaited: None,
    };
    let body = Body::new(server.options_at_start.parser, kind, payload);
    let mut packet = Packet::new(body);
    Ok(match course.run(&mut packet)? {
        Fate::Next => {
            let (kind, payload) = packet.encoded();
            Written::Now(now(kind, payload))
        }
        Fate::Drop => Written::Nothing,
        Fate::Later => {
            let awaited = course.awaited.expect("it was made with what settles it");
            Written::Later(awaited)
        }
    })
}

/// The way of one message through the transforms, or through the rest of them.
struct Course<'a> {
    server: &'a Arc<Server>,
    transforms: &'a Arc<Transforms>,
    /// The transform behind the one that runs.
    next: usize,
    /// What is written in the place of the message, if one takes its time.
    awaited: Option<Arc<Awaited>>,
}

impl Course<'_> {
    fn run(&mut self, packet: &mut Packet<'_>) -> Result<Fate, SparkError> {
        let transforms = Arc::clone(self.transforms);
        while let Some(transform) = transforms.outgoing.get(self.next) {
            self.next += 1;
            let transformed = transform(packet);
            match packet.outcome(transformed, |bytes| self.onward(bytes))? {
                Fate::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Fate::Next)
    }

    fn onward(&mut self, bytes: usize) -> Onward {
        let awaited = self.awaited.get_or_insert_with(|| Awaited::new(bytes));
        let (awaited, next) = (Arc::clone(awaited), self.next);
        let (server, transforms) = (Arc::clone(self.server), Arc::clone(self.transforms));
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
    let mut course = Course {
        server,
        transforms,
        next,
        awaited: Some(Arc::clone(awaited)),
    };
    let mut packet = Packet::new(body);
    let result = packet.outcome(transformed, |_| unreachable!("a ticket does not wait"));
    let result = match result {
        Ok(Fate::Next) => course.run(&mut packet),
        other => other,
    };
    match result {
        Ok(Fate::Next) => {
            let (kind, payload) = packet.encoded();
            Some(Settled::Message(kind, payload.into()))
        }
        Ok(Fate::Drop) => Some(Settled::Nothing),
        Ok(Fate::Later) => None,
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

/// What came of a message that is written to a spark and goes through the transforms that know it.
pub(crate) enum OfSpark {
    /// The spark is to be written it.
    Message,
    /// It is not.
    Nothing,
    /// A transform takes its time for so many bytes; this one is next.
    Waits { next: usize, bytes: usize },
}

/// Has a message that is written to a spark transformed by the functions that know it, from this
/// one on. If one of them takes its time, the shard is told with this number what came of it.
///
/// # Errors
/// A transform has refused it.
///
/// # Panics
/// If one of them does.
pub(crate) fn outgoing_per_spark(
    host: &mut dyn Host,
    key: Key,
    transforms: &Transforms,
    packet: &mut Packet<'_>,
    first: usize,
    number: u64,
) -> Result<OfSpark, SparkError> {
    let mut next = first;
    let mut waiting_bytes = 0;
    while let Some(transform) = transforms.outgoing_per_spark.get(next) {
        next += 1;
        let transformed = transform(host, key, packet);
        let outcome = packet.outcome(transformed, |bytes| {
            waiting_bytes = bytes;
            answer_to(host, key, move |answer| Command::Released {
                spark: key,
                number,
                answer,
            })
        });
        match outcome? {
            Fate::Next => {}
            Fate::Drop => return Ok(OfSpark::Nothing),
            Fate::Later => {
                let bytes = waiting_bytes;
                return Ok(OfSpark::Waits { next, bytes });
            }
        }
    }
    Ok(OfSpark::Message)
}

/// Sends the shard of a spark a command that says what became of a message.
pub(super) fn answer_to(
    host: &dyn Host,
    spark: Key,
    command: impl FnOnce(Box<Answer>) -> Command + Send + 'static,
) -> Onward {
    let server = Arc::clone(host.server());
    let shard = host.spark(spark).id.parts(server.id_key).shard;
    Box::new(move |body, transformed| {
        let answer = Box::new((body, transformed));
        server.mesh.send(shard, command(answer));
    })
}
