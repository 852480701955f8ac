//! The load over every transformer and carrier, against this repository's own engine.

use allspark_engine::io::DriverChoice;
use allspark_engine::{Options, Primus, Server};
use allspark_protocol::options::Bounded;
use allspark_protocol::parser::{Parser, ParserKind};
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::expect_fault;
use crate::load_at;
use crate::server::Conduct;

/// More than one, so that requests reach shards that do not have their sessions.
const SHARDS: usize = 2;

/// Long enough for the pong of a client on a machine that is busy with other things.
const PING_INTERVAL_MS: u64 = 4000;

/// Every transformer with every carrier.
const DIALECTS: [(&str, &str); 14] = [
    ("websockets", "websocket"),
    ("faye", "websocket"),
    ("uws", "websocket"),
    ("engine.io", "upgrade"),
    ("engine.io", "polling"),
    ("engine.io", "websocket"),
    ("sockjs", "websocket"),
    ("sockjs", "xhr_streaming"),
    ("sockjs", "xhr"),
    ("sockjs", "eventsource"),
    ("sockjs", "htmlfile"),
    ("sockjs", "jsonp"),
    ("browserchannel", "streaming"),
    ("browserchannel", "polling"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum App {
    Echo,
    Broadcast,
}

/// A server of all transformers at once.
fn start(app: App, ping_interval_ms: Option<u64>) -> Server {
    start_at(app, ping_interval_ms, "127.0.0.1:0")
}

fn start_at(app: App, ping_interval_ms: Option<u64>, address: &str) -> Server {
    let options = Options {
        ping_interval: ping_interval_ms.try_into().unwrap(),
        ..Options::default()
    };
    start_with(app, options, address)
}

fn start_with(app: App, options: Options, address: &str) -> Server {
    let common = CommonOptions::default();
    let any = AnyTransformer::new(TransformerKind::Any, &common, &[]).unwrap();
    let primus = Primus::new(
        options,
        any,
        Some(Bounded::of(SHARDS as u64)),
        DriverChoice::Auto,
    );
    let everyone = primus.handle();
    primus.on_connection(move |spark| {
        let everyone = everyone.clone();
        spark.on_data(move |spark, data| match app {
            App::Echo => {
                spark.write(data);
            }
            App::Broadcast => everyone.write(data).unwrap(),
        });
    });
    primus.start(address).unwrap()
}

fn expect_nothing_wrong(
    server: &Server,
    dialect: (&str, &str),
    options: &[&str],
) -> serde_json::Value {
    let (transformer, carrier) = dialect;
    let spoken = ["--transformer", transformer, "--carrier", carrier];
    let url = format!("http://{}", server.address());
    let run = load_at(&url, &[&spoken, options].concat());
    assert_eq!(
        run.code, 0,
        "{dialect:?}: {} {}",
        run.report, run.complaints
    );
    assert_eq!(run.report["transformer"], transformer);
    assert_eq!(run.report["carrier"], carrier);
    run.report
}

#[test]
fn messages_come_back_over_every_carrier() {
    let server = start(App::Echo, None);
    for dialect in DIALECTS {
        for driver in ["epoll", "uring"] {
            let options = ["--clients", "6", "--depth", "3", "--driver", driver];
            expect_nothing_wrong(&server, dialect, &options);
        }
    }
}

#[test]
fn every_parser_is_driven() {
    for parser in ParserKind::ALL.map(|parser| parser.name()) {
        let options = |ping_interval_ms: Option<u64>| Options {
            parser: parser.parse().unwrap(),
            ping_interval: ping_interval_ms.try_into().unwrap(),
            ..Options::default()
        };
        let echo = start_with(App::Echo, options(None), "127.0.0.1:0");
        let everyone = start_with(App::Broadcast, options(None), "127.0.0.1:0");
        let brief = ["--clients", "4", "--duration", "100ms", "--parser", parser];
        for dialect in [
            ("websockets", "websocket"),
            ("engine.io", "polling"),
            ("browserchannel", "streaming"),
        ] {
            expect_nothing_wrong(&echo, dialect, &brief);
            let broadcast = [&brief[..], &["--scenario", "broadcast"]].concat();
            expect_nothing_wrong(&everyone, dialect, &broadcast);
        }
    }
}

#[test]
fn a_load_with_another_parser_is_refused() {
    let server = start(App::Echo, None);
    let url = format!("http://{}", server.address());
    let options = [
        "--clients",
        "1",
        "--scenario",
        "idle",
        "--parser",
        "msgpack",
    ];
    let run = load_at(&url, &options);
    assert_ne!(run.code, 0);
    let sentence = "the server's parser is json, not msgpack: say --parser json";
    assert!(run.complaints.contains(sentence), "{}", run.complaints);
    let sockjs = [
        "--clients",
        "1",
        "--transformer",
        "sockjs",
        "--parser",
        "binary",
    ];
    assert!(
        load_at(&url, &sockjs)
            .complaints
            .contains("sockjs can't carry")
    );
}

#[test]
fn broadcasts_reach_everyone_over_every_carrier() {
    let server = start(App::Broadcast, None);
    for dialect in DIALECTS {
        let options = [
            "--scenario",
            "broadcast",
            "--clients",
            "6",
            "--publishers",
            "2",
        ];
        expect_nothing_wrong(&server, dialect, &options);
    }
}

#[test]
fn an_idle_load_may_end_with_broadcasts_over_every_carrier() {
    let server = start(App::Broadcast, None);
    for dialect in DIALECTS {
        let options = ["--scenario", "idle", "--clients", "5", "--broadcasts", "2"];
        let off = ["--ping-interval", "off", "--duration", "50ms"];
        let report = expect_nothing_wrong(&server, dialect, &[&options[..], &off].concat());
        assert_eq!(report["broadcasts"][1]["received"], 5, "{dialect:?}");
    }
}

#[test]
fn connections_come_and_go_over_every_carrier() {
    let server = start(App::Echo, None);
    for dialect in DIALECTS {
        // A machine that stands still for half a second may need more time.
        let came_and_went = ["500ms", "5s"].into_iter().any(|duration| {
            let options = ["--scenario=churn", "--clients=4", "--duration", duration];
            let report = expect_nothing_wrong(&server, dialect, &options);
            report["churn"]["connections"].as_u64() > Some(0)
        });
        assert!(came_and_went, "{dialect:?}");
    }
}

#[test]
fn pings_are_answered_over_every_carrier() {
    let server = start(App::Echo, Some(PING_INTERVAL_MS));
    // Each client is pinged within the first interval, and gone within the second one if it does
    // not answer.
    let options = ["--scenario", "idle", "--clients", "6", "--duration", "9s"];
    let tolerance = ["--ping-tolerance", "20s"];
    let options = [&options[..], &tolerance].concat();
    std::thread::scope(|scope| {
        for dialect in DIALECTS {
            let (server, options) = (&server, &options);
            scope.spawn(move || {
                let heartbeats = &expect_nothing_wrong(server, dialect, options)["heartbeats"];
                let least = heartbeats["pings_per_client_min"].as_u64();
                assert!(least > Some(0), "{dialect:?}: {heartbeats}");
            });
        }
    });
}

#[test]
fn a_session_that_is_refused_is_found() {
    for (transformer, carrier) in [("engine.io", "polling"), ("sockjs", "xhr")] {
        let spoken = ["--transformer", transformer, "--carrier", carrier];
        let options = [&spoken[..], &["--clients", "4"]].concat();
        expect_fault(Conduct::Refuse, &options, "refused");
    }
}

#[test]
fn a_carrier_that_a_transformer_has_not_is_refused() {
    let run = load_at(
        "http://127.0.0.1:1",
        &["--transformer", "sockjs", "--carrier", "upgrade"],
    );
    assert_eq!(run.code, 2);
    assert!(
        run.complaints.contains("xhr_streaming"),
        "{}",
        run.complaints
    );
}
