//! Acknowledgements that this side waits for.

use std::time::Duration;

use allspark_engine::{Spark, Timer};
use allspark_protocol::value::Number;

use crate::events::Args;
use crate::waiting::{Waiting, waiting_bytes};

/// Why an acknowledgement does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AckError {
    /// The client took longer than it may.
    #[error("the client did not acknowledge in time")]
    TimedOut,
    /// The spark ended before.
    #[error("the spark has ended")]
    Ended,
    /// The client owes too many already. The event was not sent.
    #[error("too many acknowledgements of this client are waited for")]
    TooMany,
    /// The name belongs to Primus or to a plugin. The event was not sent.
    #[error("the event belongs to Primus")]
    Reserved,
}

pub(super) type OnAck = Box<dyn FnOnce(&mut Spark<'_>, Result<Args<'_>, AckError>)>;

/// What one spark waits for. A spark that has never waited has nothing of it.
#[derive(Default)]
struct Asked {
    /// The last id that was used.
    last: u64,
    waiting: Waiting<u64, (OnAck, Option<Timer>)>,
}

/// Begins to wait. Returns the id, or gives the function back if so many are waited for already.
pub(super) fn begin(
    spark: &mut Spark<'_>,
    acks_max: usize,
    timeout: Option<Duration>,
    call: OnAck,
) -> Result<u64, OnAck> {
    if spark.own::<Asked>().is_none() {
        spark.set_own(Asked::default());
    }
    let asked = spark.own_mut::<Asked>().expect("it was just set");
    if asked.waiting.len() >= acks_max {
        return Err(call);
    }
    asked.last += 1;
    let id = asked.last;
    let timer = timeout.map(|timeout| spark.after(timeout, move |spark| give_up(spark, id)));
    let cost = cost(&call);
    if let Some(asked) = spark.own_mut::<Asked>() {
        asked.waiting.add(id, (call, timer));
        spark.charge(cost);
    }
    Ok(id)
}

/// Bytes that are kept until the client acknowledges.
fn cost(call: &OnAck) -> usize {
    waiting_bytes::<u64, (OnAck, Option<Timer>)>() + size_of_val(&**call)
}

/// An acknowledgement has come. One that nobody waits for, or not any more, is ignored.
pub(super) fn acknowledged(spark: &mut Spark<'_>, id: Number, results: Args<'_>) {
    let Some((call, timer)) = id.as_u64().and_then(|id| take(spark, id)) else {
        return;
    };
    if let Some(timer) = timer {
        spark.cancel(timer);
    }
    call(spark, Ok(results));
}

fn give_up(spark: &mut Spark<'_>, id: u64) {
    if let Some((call, _)) = take(spark, id) {
        call(spark, Err(AckError::TimedOut));
    }
}

fn take(spark: &mut Spark<'_>, id: u64) -> Option<(OnAck, Option<Timer>)> {
    let taken = spark.own_mut::<Asked>()?.waiting.take(&id)?;
    spark.discharge(cost(&taken.0));
    Some(taken)
}

/// The spark has ended: nobody acknowledges any more.
pub(super) fn ended(spark: &mut Spark<'_>) {
    if let Some(mut asked) = spark.take_own::<Asked>() {
        for (call, _) in asked.waiting.take_all() {
            call(spark, Err(AckError::Ended));
        }
    }
}
