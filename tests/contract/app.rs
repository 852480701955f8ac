//! The application of every server: it writes down what happens to its sparks.

use std::sync::{Arc, Mutex, MutexGuard};

use allspark_engine::{EndOptions, Handle, Options, SendPolicy, Spark, SparkId};
use allspark_protocol::parser::ParserKind;
use allspark_transformers::contract::{Act, Setup, SparkEvent, SparkSeen};

use crate::coding::{decode, value};

/// What happened, shared by the shards and the test.
#[derive(Clone)]
pub(crate) struct Log {
    sparks: Arc<Mutex<Vec<SparkSeen>>>,
    parser: ParserKind,
}

/// What a case tells the server, as options of the engine.
pub(crate) fn options(parser: ParserKind, setup: &Setup) -> Options {
    Options {
        parser,
        ping_interval: setup.ping_interval,
        send_queue_bytes_max: setup.send_queue_bytes_max.try_into().unwrap(),
        send_policy: SendPolicy::Disconnect,
        ..Options::default()
    }
}

impl Log {
    pub(crate) fn new(parser: ParserKind) -> Self {
        let sparks = Arc::default();
        Self { sparks, parser }
    }

    pub(crate) fn sparks(&self) -> MutexGuard<'_, Vec<SparkSeen>> {
        self.sparks
            .lock()
            .expect("nothing panics while it has the log")
    }

    /// The listener of `connection`.
    pub(crate) fn connected(&self, spark: &mut Spark<'_>) {
        let pair = |(name, value): (_, _)| (String::from(name), String::from(value));
        let host = spark.headers().get("host").map(str::to_owned);
        self.sparks().push(SparkSeen {
            id: spark.id(),
            address: spark.address(),
            query: spark.query().pairs().map(pair).collect(),
            host,
            events: Vec::new(),
            acts: 0,
            queue_bytes_max: 0,
        });
        let log = self.clone();
        spark.on_data(move |spark, data| {
            let content = decode(log.parser, data.kind(), data.encoded());
            log.note(spark.id(), SparkEvent::Data(content));
        });
        let log = self.clone();
        spark.on_heartbeat(move |spark| log.note(spark.id(), SparkEvent::Heartbeat));
        let log = self.clone();
        spark.on_error(move |spark, error| {
            log.note(spark.id(), SparkEvent::Error(error.to_string()));
        });
        let log = self.clone();
        spark.on_end(move |spark| log.note(spark.id(), SparkEvent::End));
    }

    /// The listener of `disconnection`.
    pub(crate) fn disconnected(&self, spark: &mut Spark<'_>) {
        self.note(spark.id(), SparkEvent::Disconnection);
    }

    /// Has a spark do all of this in one turn.
    pub(crate) fn act(&self, server: &Handle, id: SparkId, acts: Vec<Act>) {
        let log = self.clone();
        let spark = server.spark(id).expect("the id is one of this server");
        spark.with(move |spark| {
            acts.iter().for_each(|act| log.carry_out(spark, act));
            let queue_bytes = spark.send_queue_bytes();
            log.change(id, |seen| {
                seen.acts += 1;
                seen.queue_bytes_max = seen.queue_bytes_max.max(queue_bytes);
            });
        });
    }

    fn carry_out(&self, spark: &mut Spark<'_>, act: &Act) {
        let is_done = match act {
            Act::Write(content) => spark.write(value(content)),
            Act::End { reconnect } => spark.end_with(EndOptions {
                reconnect: *reconnect,
            }),
        };
        if !is_done {
            self.note(spark.id(), SparkEvent::Refused);
        }
    }

    fn note(&self, id: SparkId, event: SparkEvent) {
        self.change(id, |seen| seen.events.push(event));
    }

    fn change(&self, id: SparkId, change: impl FnOnce(&mut SparkSeen)) {
        let mut sparks = self.sparks();
        let seen = sparks.iter_mut().find(|seen| seen.id == id);
        change(seen.expect("nothing happens to a spark before its connection"));
    }
}
