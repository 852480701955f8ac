//! Functions that every spark goes through.

use std::sync::{Arc, Mutex};

use allspark_engine::{Attach, Spark};

use crate::stage::{frame, quiet};

const HELLO: &str = "\"hello\"";
const PONG: &str = "\"primus::pong::1\"";
const NO_JSON: &str = "hello";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Notes what all sparks hear.
fn attach(primus: &Attach, log: &Log, who: &'static str) {
    let (data, heartbeat, error) = (log.clone(), log.clone(), log.clone());
    primus.on_data(move |_, message| {
        let text = String::from_utf8_lossy(message.encoded()).into_owned();
        data.note(format!("{who}: data {text}"));
    });
    primus.on_heartbeat(move |_| heartbeat.note(format!("{who}: heartbeat")));
    primus.on_error(move |_, _| error.note(format!("{who}: error")));
}

/// Notes what one spark hears.
fn attach_own(spark: &mut Spark<'_>, log: &Log) {
    let (data, heartbeat, error) = (log.clone(), log.clone(), log.clone());
    spark.on_data(move |_, _| data.note("own: data"));
    spark.on_heartbeat(move |_| heartbeat.note("own: heartbeat"));
    spark.on_error(move |_, _| error.note("own: error"));
}

#[test]
fn they_are_called_before_those_of_the_spark() {
    let log = Log::default();
    let mut stage = quiet(|primus| {
        let own = log.clone();
        primus.on_connection(move |spark| attach_own(spark, &own));
        attach(primus, &log, "first");
        attach(primus, &log, "second");
    });
    let client = stage.upgrade("");
    let mut hear = |text: &str| {
        client.say(&frame(text));
        stage.turns(3);
        log.take()
    };
    assert_eq!(
        hear(HELLO),
        [
            "first: data \"hello\"",
            "second: data \"hello\"",
            "own: data"
        ]
    );
    let beats = ["first: heartbeat", "second: heartbeat", "own: heartbeat"];
    assert_eq!(hear(PONG), beats);
    let errors = ["first: error", "second: error", "own: error"];
    assert_eq!(hear(NO_JSON), errors);
}

#[test]
fn after_the_end_of_a_spark_nothing_is_called_for_it() {
    for words in [HELLO, PONG] {
        let log = Log::default();
        let mut stage = quiet(|primus| {
            let own = log.clone();
            primus.on_connection(move |spark| attach_own(spark, &own));
            primus.on_data(|spark, _| _ = spark.end());
            primus.on_heartbeat(|spark| _ = spark.end());
            attach(primus, &log, "all");
        });
        let client = stage.upgrade("");
        client.say(&[frame(words), frame(HELLO), frame(PONG), frame(NO_JSON)].concat());
        stage.turns(3);
        assert_eq!(stage.primus.stats().sparks_ended, 1);
        assert_eq!(log.take(), [""; 0]);
    }
}

#[test]
fn one_that_panics_ends_the_spark_it_was_called_for() {
    let log = Log::default();
    let mut stage = quiet(|primus| {
        primus.on_data(|_, data| assert!(data.encoded() == HELLO.as_bytes(), "expected"));
        attach(primus, &log, "all");
    });
    let (one, other) = (stage.upgrade(""), stage.upgrade(""));
    one.say(&frame("\"panic\""));
    stage.turns(3);
    other.say(&frame(HELLO));
    stage.turns(3);
    assert_eq!(log.take(), ["all: data \"hello\""]);
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (1, 1));
}

#[test]
fn those_of_a_running_server_hear_what_comes_from_then_on() {
    let (log, mut running) = (Log::default(), None);
    let mut stage = quiet(|primus| running = Some(primus.clone()));
    let primus = running.expect("the stage calls it");
    let client = stage.upgrade("");
    client.say(&frame("\"early\""));
    stage.turns(3);
    attach(&primus, &log, "all");
    let (opened, ended) = (log.clone(), log.clone());
    primus.on_connection(move |_| opened.note("connection"));
    primus.on_disconnection(move |_| ended.note("disconnection"));
    client.say(&frame("\"late\""));
    stage.turns(3);
    assert_eq!(log.take(), ["all: data \"late\""]);
    let other = stage.upgrade("");
    other.say(&frame(PONG));
    stage.turns(3);
    other.leave();
    stage.turns(3);
    assert_eq!(
        log.take(),
        ["connection", "all: heartbeat", "disconnection"]
    );
}

/// The functions are in use while one of them runs.
#[test]
fn one_can_attach_another() {
    let log = Log::default();
    let mut stage = quiet(|primus| {
        let (all, log) = (primus.clone(), log.clone());
        primus.on_connection(move |_| attach(&all, &log, "all"));
    });
    let client = stage.upgrade("");
    client.say(&frame(HELLO));
    stage.turns(3);
    assert_eq!(log.take(), ["all: data \"hello\""]);
}
