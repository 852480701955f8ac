//! The streams of one spark, and how their handlers are called.

use std::sync::Arc;

use allspark_engine::{Data, Envelope, Inner, Spark};
use allspark_protocol::parser::{EncodeError, ParserKind};
use allspark_protocol::transformer::Kind;

use super::wire::Name;
use crate::envelope;
use crate::slots::{self, Slots};

/// Those of one spark. A spark that has none has nothing of it.
pub(super) type Streams = Slots<One, Handlers>;

/// One stream.
pub(super) struct One {
    pub(super) name: Name,
    /// Where its messages go.
    pub(super) inner: Inner,
}

impl One {
    /// A stream whose messages go to `deliver`.
    pub(super) fn new(name: &str, deliver: fn(&mut Spark<'_>, &Arc<Self>, Data<'_>)) -> Arc<Self> {
        Arc::new_cyclic(|one| {
            let one = one.clone();
            let inner = Inner::new(move |spark, data| {
                if let Some(one) = one.upgrade() {
                    deliver(spark, &one, data);
                }
            });
            let name = Name(name.into());
            Self { name, inner }
        })
    }
}

impl Envelope for One {
    fn wrap(
        &self,
        parser: ParserKind,
        kind: Kind,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Kind, EncodeError> {
        envelope::wrap(&self.name, parser, kind, message, out)
    }
}

type OnData = Box<dyn FnMut(&mut Spark<'_>, &Arc<One>, Data<'_>)>;
type OnEnd = Box<dyn FnMut(&mut Spark<'_>, &Arc<One>)>;

/// What a stream calls.
#[derive(Default)]
pub(super) struct Handlers {
    pub(super) data: Vec<OnData>,
    pub(super) end: Vec<OnEnd>,
}

impl slots::Handlers for Handlers {
    fn append(&mut self, later: Self) {
        self.data.extend(later.data);
        self.end.extend(later.end);
    }
}

/// Calls the handlers of a stream with a message.
pub(super) fn deliver(spark: &mut Spark<'_>, one: &Arc<One>, data: Data<'_>) {
    let streams = spark.own_mut::<Streams>();
    let Some(mut handlers) = streams.and_then(|streams| streams.take(one)) else {
        return;
    };
    for handler in &mut handlers.data {
        if is_open(spark, one) {
            handler(spark, one, data);
        }
    }
    // Where one of them has ended the stream, those for its end were here.
    let ended = match spark.own_mut::<Streams>() {
        Some(streams) => streams.put_back(one, handlers),
        None => Some(handlers),
    };
    if let Some(mut handlers) = ended {
        tell_end(spark, one, &mut handlers);
    }
}

/// Whether it has not ended.
pub(super) fn is_open(spark: &Spark<'_>, one: &Arc<One>) -> bool {
    let streams = spark.own::<Streams>();
    streams.is_some_and(|streams| streams.has(one))
}

/// A stream ends.
pub(super) fn end(spark: &mut Spark<'_>, one: &Arc<One>) {
    let streams = spark.own_mut::<Streams>();
    if let Some(mut handlers) = streams.and_then(|streams| streams.remove(one)) {
        tell_end(spark, one, &mut handlers);
    }
}

fn tell_end(spark: &mut Spark<'_>, one: &Arc<One>, handlers: &mut Handlers) {
    for handler in &mut handlers.end {
        handler(spark, one);
    }
}

/// The spark has ended.
pub(super) fn end_all(spark: &mut Spark<'_>) {
    let all = spark.own::<Streams>().map(Streams::all);
    for one in all.unwrap_or_default() {
        end(spark, &one);
    }
}
