//! Answers that this side waits for.

use std::time::Duration;

use allspark_engine::{Json, Spark, Timer, Value};
use serde::Serialize;

use super::plugin::{Responder, ResponderOptions};
use super::uuid::uuid;
use super::wire::Request;
use crate::waiting::{Waiting, waiting_bytes};

/// Why an answer does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// The client took longer than it may.
    #[error("the client did not answer in time")]
    TimedOut,
    /// The spark ended before.
    #[error("the spark has ended")]
    Ended,
    /// The client owes too many answers already. The question was not sent.
    #[error("too many answers of this client are waited for")]
    TooMany,
}

/// Asks the client of a spark.
pub trait AskSpark {
    /// Writes a question: `spark.writeAndWait(data, fn)` of JavaScript. Calls `call` once, with the
    /// answer or with why there is none; at once if the question can't be sent. See
    /// [`ResponderOptions`] for how long and for how many it is waited.
    #[doc(alias = "writeAndWait")]
    fn write_and_wait(
        &mut self,
        data: impl Serialize,
        call: impl FnOnce(&mut Spark<'_>, Result<&Value, AskError>) + 'static,
    );
}

type OnAnswer = Box<dyn FnOnce(&mut Spark<'_>, Result<&Value, AskError>)>;

/// What one spark waits for. A spark that has never waited has nothing of it.
#[derive(Default)]
struct Asked(Waiting<Box<str>, (OnAnswer, Option<Timer>)>);

impl AskSpark for Spark<'_> {
    fn write_and_wait(
        &mut self,
        data: impl Serialize,
        call: impl FnOnce(&mut Spark<'_>, Result<&Value, AskError>) + 'static,
    ) {
        if !self.is_open() {
            return call(self, Err(AskError::Ended));
        }
        let responder = self.plugin::<Responder>();
        let default = ResponderOptions::default();
        let options = responder.as_deref().map_or(&default, Responder::options);
        let asked = self.own::<Asked>().map_or(0, |asked| asked.0.len());
        if asked >= options.requests_max {
            return call(self, Err(AskError::TooMany));
        }
        let id = uuid();
        begin(self, &id, options.timeout(), Box::new(call));
        let (id, data) = (&*id, &data);
        self.write(Json(Request { id, data }));
    }
}

fn begin(spark: &mut Spark<'_>, id: &str, timeout: Option<Duration>, call: OnAnswer) {
    let timer = timeout.map(|timeout| {
        let id = Box::<str>::from(id);
        spark.after(timeout, move |spark| {
            if let Some((call, _)) = take(spark, &id) {
                call(spark, Err(AskError::TimedOut));
            }
        })
    });
    if spark.own::<Asked>().is_none() {
        spark.set_own(Asked::default());
    }
    let cost = cost(id, &call);
    if let Some(asked) = spark.own_mut::<Asked>() {
        asked.0.add(id.into(), (call, timer));
        spark.charge(cost);
    }
}

/// Bytes that are kept until the client answers. Its timer knows the id, too.
fn cost(id: &str, call: &OnAnswer) -> usize {
    let place = waiting_bytes::<Box<str>, (OnAnswer, Option<Timer>)>();
    place + 2 * id.len() + size_of_val(&**call)
}

/// An answer has come. One that nobody waits for, or not any more, is ignored.
pub(super) fn answered(spark: &mut Spark<'_>, id: &str, data: &Value) {
    let Some((call, timer)) = take(spark, id) else {
        return;
    };
    if let Some(timer) = timer {
        spark.cancel(timer);
    }
    call(spark, Ok(data));
}

fn take(spark: &mut Spark<'_>, id: &str) -> Option<(OnAnswer, Option<Timer>)> {
    let taken = spark.own_mut::<Asked>()?.0.take(id)?;
    spark.discharge(cost(id, &taken.0));
    Some(taken)
}

/// The spark has ended: nobody answers any more.
pub(super) fn ended(spark: &mut Spark<'_>) {
    if let Some(mut asked) = spark.take_own::<Asked>() {
        for (call, _) in asked.0.take_all() {
            call(spark, Err(AskError::Ended));
        }
    }
}
