//! `connection` listeners that are `async`: who waits for them, and what becomes of data meanwhile.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::{Attach, LocalSpark, Options, Spark};
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, frame, handshake};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, word: impl Into<String>) {
        self.0.lock().unwrap().push(word.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn stage(attach: impl FnOnce(&Attach)) -> Stage<WebSockets> {
    let options = Options {
        ping_interval: PingInterval::OFF,
        parser: ParserKind::Raw,
        ..Options::default()
    };
    Stage::new(options, WebSockets::uncompressed(1 << 20), attach)
}

/// Two listeners that take their time, one before, one between, and one behind them.
fn slow(log: &Log, fails: bool) -> Stage<WebSockets> {
    let log = log.clone();
    stage(move |primus| {
        let noted = |word: &'static str| {
            let log = log.clone();
            move |spark: &mut Spark<'_>| {
                let cookie = spark.headers().get("cookie").unwrap_or("none").to_owned();
                log.note(format!("{word}, cookie {cookie}"));
            }
        };
        primus.on_connection(noted("first"));
        let slow = log.clone();
        primus.on_connection_async(move |spark: LocalSpark| {
            let slow = slow.clone();
            async move {
                slow.note("second begins");
                spark.sleep(Duration::from_millis(50)).await;
                slow.note("second ends");
            }
        });
        primus.on_connection(noted("third"));
        let slow = log.clone();
        primus.on_connection_async(move |spark: LocalSpark| {
            let slow = slow.clone();
            async move {
                slow.note(format!(
                    "fourth, cookie {:?}",
                    spark.headers().get("cookie")
                ));
                spark.sleep(Duration::from_millis(50)).await;
                match fails {
                    true => Err("who are you?"),
                    false => Ok(()),
                }
            }
        });
        primus.on_connection(noted("fifth"));
        let (data, error, end) = (log.clone(), log.clone(), log.clone());
        primus.on_data(move |_, words| {
            data.note(String::from_utf8_lossy(words.encoded()));
        });
        primus.on_error(move |_, why| error.note(why.to_string()));
        primus.on_disconnection(move |spark| {
            let cookie = spark.headers().get("cookie").is_some();
            end.note(format!("disconnection, cookie {cookie}"));
        });
    })
}

fn upgrade(stage: &mut Stage<WebSockets>) -> Client {
    let mut client = stage.connect(handshake("Cookie: a=1\r\n").as_bytes());
    client.read();
    assert!(client.heard.starts_with(b"HTTP/1.1 101 "));
    client.heard.clear();
    client
}

const BEGUN: [&str; 2] = ["first, cookie a=1", "second begins"];

#[test]
fn later_listeners_wait_and_so_does_early_data() {
    let log = Log::default();
    let mut stage = slow(&log, false);
    let client = upgrade(&mut stage);
    assert_eq!(log.take(), BEGUN);
    (0..10).for_each(|number| client.say(&frame(&format!("early {number}"))));
    stage.turns(30);
    assert_eq!(log.take(), Vec::<String>::new());
    stage.turns(30);
    let middle = [
        "second ends",
        "third, cookie a=1",
        "fourth, cookie Some(\"a=1\")",
    ];
    assert_eq!(log.take(), middle);
    client.say(&frame("early 10"));
    stage.turns(60);
    let mut expected = vec!["fifth, cookie a=1".to_owned()];
    expected.extend((0..=10).map(|number| format!("early {number}")));
    assert_eq!(log.take(), expected);
    client.say(&frame("later"));
    client.leave();
    stage.turns(4);
    assert_eq!(log.take(), ["later", "disconnection, cookie false"]);
}

#[test]
fn an_error_ends_the_spark_and_calls_no_later_listener() {
    let log = Log::default();
    let mut stage = slow(&log, true);
    let mut client = upgrade(&mut stage);
    client.say(&frame("early"));
    stage.turns(200);
    let words = log.take();
    let expected = [
        "a listener failed: who are you?",
        "disconnection, cookie true",
    ];
    assert_eq!(words[5..], expected, "{words:?}");
    assert!(client.has_heard("primus::server::close"));
    assert_eq!(stage.primus.stats().bytes_held, 0);
}

#[test]
fn of_a_spark_that_ends_meanwhile_only_the_end_is_told() {
    let log = Log::default();
    let mut stage = slow(&log, false);
    let client = upgrade(&mut stage);
    client.say(&frame("early"));
    client.leave();
    stage.turns(4);
    let told = log.take();
    assert_eq!(told[..2], BEGUN);
    assert_eq!(told[2..], ["disconnection, cookie true"]);
    stage.turns(200);
    assert_eq!(log.take(), ["second ends"], "what has begun goes on");
    assert_eq!(stage.primus.stats().bytes_held, 0);
    assert_eq!(stage.shard.connections(), 0);
}

#[test]
fn early_data_is_bounded_and_none_is_lost() {
    const COUNT: usize = 3_000;
    let log = Log::default();
    let mut stage = slow(&log, false);
    let client = upgrade(&mut stage);
    let all: Vec<u8> = (0..COUNT)
        .flat_map(|number| frame(&format!("{number:06}{}", "x".repeat(994))))
        .collect();
    let (mut rest, mut most) = (&all[..], 0);
    for _ in 0..300 {
        rest = client.say_some(rest);
        stage.turn();
        most = most.max(stage.primus.stats().bytes_held);
    }
    assert!((60_000..400_000).contains(&most), "{most}");
    let words = log.take();
    let data = words.iter().filter(|word| word.len() == 1_000);
    assert!(
        data.map(|word| word[..6].parse::<usize>().unwrap())
            .eq(0..COUNT)
    );
    let stats = stage.primus.stats();
    assert_eq!((stats.bytes_held, stats.sparks_ended), (0, 0));
}

/// A handler that ends its spark at the first early message gets no other.
#[test]
fn early_data_of_a_spark_that_is_ended_by_it_is_not_handed_on() {
    let log = Log::default();
    let noted = log.clone();
    let mut stage = stage(|primus| {
        primus.on_connection_async(|spark: LocalSpark| async move {
            spark.sleep(Duration::from_millis(20)).await;
        });
        primus.on_data(move |spark, data| {
            noted.note(String::from_utf8_lossy(data.encoded()));
            spark.end();
        });
    });
    let client = stage.upgrade("");
    (0..10).for_each(|number| client.say(&frame(&format!("early {number}"))));
    stage.turns(40);
    assert_eq!(log.take(), ["early 0"]);
    assert_eq!(stage.primus.stats().bytes_held, 0);
}

#[test]
fn a_listener_that_panics_ends_its_spark_only() {
    let log = Log::default();
    let noted = log.clone();
    let mut stage = stage(|primus| {
        primus.on_connection_async(|spark: LocalSpark| async move {
            spark.sleep(Duration::from_millis(20)).await;
            assert!(spark.query().get("bad").is_none(), "this is expected");
        });
        primus.on_connection(move |_| noted.note("later"));
    });
    let bad = handshake("").replace("GET /primus ", "GET /primus?bad=1 ");
    let _bad = stage.connect(bad.as_bytes());
    let good = stage.upgrade("");
    stage.turns(40);
    assert_eq!(log.take(), ["later"]);
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (1, 1));
    assert!(good.is_open());
}
