//! A bit of everything, against this repository's own engine and against servers that break a rule.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use allspark_engine::io::DriverChoice;
use allspark_engine::{Handle, Options, Primus, Server};
use allspark_protocol::http::Response;
use allspark_protocol::options::Bounded;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::server::Conduct;
use crate::{Run, expect_fault, found, lively, load, load_at};

/// More than one, so that broadcasts cross from shard to shard.
const SHARDS: usize = 2;

/// Long enough for the pong of a client on a machine that is busy with other things.
const PING_INTERVAL_MS: u64 = 5000;

/// What the server does with messages, and what it says of its sparks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum App {
    /// Messages that begin so go to everyone, others back.
    Mixed,
    /// All messages go back.
    Echo,
    /// All messages go to everyone.
    Broadcast,
    /// The first, but it never forgets a spark, as far as it says.
    Leaking,
}

fn start(app: App, ping_interval_ms: Option<u64>) -> Server {
    let told = Arc::new(OnceLock::<Handle>::new());
    let counting = Arc::clone(&told);
    let most = AtomicU64::new(0);
    let options = Options {
        ping_interval: ping_interval_ms.try_into().unwrap(),
        fallback: Some(Arc::new(move |request| {
            assert_eq!(request.path(), "/stats");
            let stats = counting.get().map(Handle::stats).unwrap_or_default();
            let mut sparks = stats.sparks_opened - stats.sparks_ended;
            if app == App::Leaking {
                sparks = sparks.max(most.fetch_max(sparks, Ordering::Relaxed));
            }
            Response::json(200, format!(r#"{{"sparks":{sparks}}}"#))
        })),
        ..Options::default()
    };
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]).unwrap();
    let primus = Primus::new(
        options,
        any,
        Some(Bounded::of(SHARDS as u64)),
        DriverChoice::Auto,
    );
    let everyone = primus.handle();
    told.set(primus.handle()).unwrap();
    primus.on_connection(move |spark| {
        let everyone = everyone.clone();
        spark.on_data(move |spark, data| {
            let is_marked = data.encoded().starts_with(br#"["all","#);
            let is_for_all = match app {
                App::Mixed | App::Leaking => is_marked,
                App::Echo => false,
                App::Broadcast => true,
            };
            if is_for_all {
                everyone.write(data).unwrap();
            } else {
                spark.write(data);
            }
        });
    });
    primus.start("127.0.0.1:0").unwrap()
}

/// A short load in which much happens.
const MIXED: [&str; 14] = [
    "--scenario",
    "mixed",
    "--rate",
    "400",
    "--calm",
    "200ms",
    "--stall",
    "100ms",
    "--away",
    "100ms",
    "--duration",
    "1500ms",
    "--seed",
    "3",
];

#[test]
fn a_bit_of_everything_and_nothing_is_wrong() {
    let server = start(App::Mixed, Some(PING_INTERVAL_MS));
    let url = format!("http://{}", server.address());
    for (transformer, carrier, driver) in [
        ("websockets", "websocket", "epoll"),
        ("websockets", "websocket", "uring"),
        ("engine.io", "upgrade", "auto"),
        ("sockjs", "xhr", "auto"),
    ] {
        let spoken = ["--transformer", transformer, "--carrier", carrier];
        let options = [
            "--clients",
            "20",
            "--driver",
            driver,
            "--ping-tolerance=20s",
        ];
        let options = [&MIXED[..], &spoken, &options].concat();
        let is_enough = |run: &Run| {
            let mixed = &run.report["mixed"];
            let mut deeds = ["stalls", "vanished", "left", "returned"].into_iter();
            deeds.all(|what| mixed[what].as_u64() > Some(0))
        };
        let run = lively(is_enough, || load_at(&url, &options));
        let case = (transformer, carrier, driver);
        assert!(run.output.starts_with("seed 3\n"), "{}", run.output);
        let mixed = &run.report["mixed"];
        let sparks = &mixed["sparks"];
        let counts = (&sparks["before"], &sparks["with_clients"], &sparks["after"]);
        assert_eq!(counts, (&0.into(), &20.into(), &0.into()), "{case:?}");
        let interval = &run.report["heartbeats"]["interval_ms"];
        assert_eq!(interval, PING_INTERVAL_MS, "{case:?}");
    }
}

#[test]
fn who_publishes_must_reach_everyone_and_nobody_else_anyone() {
    for (app, fault) in [(App::Echo, "lost"), (App::Broadcast, "misdelivered")] {
        let server = start(app, None);
        let url = format!("http://{}", server.address());
        let options = ["--clients", "12", "--drain", "300ms"];
        let options = [&MIXED[..], &options].concat();
        let run = found(fault, || load_at(&url, &options));
        assert_eq!(run.code, 1, "{} {}", run.report, run.complaints);
    }
}

#[test]
fn a_server_that_keeps_sparks_is_found() {
    let server = start(App::Leaking, None);
    let url = format!("http://{}", server.address());
    let options = ["--clients", "6", "--shares", "idle=1,echo=1"];
    let run = load_at(&url, &[&MIXED[..], &options].concat());
    assert_eq!(run.code, 1, "{} {}", run.report, run.complaints);
    assert_eq!(run.report["findings"]["leaked"], 1, "{}", run.report);
    assert_eq!(run.report["findings"]["total"], 1, "{}", run.report);
}

/// Shares of a load without publishers, which a plain echo can serve.
const NO_PUBLISHERS: [&str; 4] = [
    "--shares",
    "echo=2,stall=1,vanish=1,reconnect=1",
    "--ping-interval",
    "off",
];

#[test]
fn a_server_that_breaks_under_a_mixed_load_is_found() {
    let options = [&MIXED[..], &NO_PUBLISHERS, &["--clients", "10"]].concat();
    let server = crate::server::Server::start(Conduct::Echo);
    let run = load(&server, &options);
    assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
    assert!(run.report["mixed"]["sparks"].is_null(), "it does not count");
    for (conduct, fault) in [
        (Conduct::Forget, "lost"),
        (Conduct::Repeat, "duplicated"),
        (Conduct::Swap, "reordered"),
        (Conduct::HangUp, "ended"),
        (Conduct::LeaveWithoutGoodbye, "unanswered"),
    ] {
        expect_fault(conduct, &options, fault);
    }
}
