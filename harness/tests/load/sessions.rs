//! The load over every transformer and carrier, against this repository's own engine.

use allspark_engine::io::DriverChoice;
use allspark_engine::{Options, Primus, Server};
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::load_at;

/// More than one, so that requests reach shards that do not have their sessions.
const SHARDS: usize = 2;

const PING_INTERVAL_MS: u64 = 100;

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
fn start(app: App) -> Server {
    let options = Options {
        ping_interval_ms: Some(PING_INTERVAL_MS),
        ..Options::default()
    };
    let common = CommonOptions::default();
    let any = AnyTransformer::new(TransformerKind::Any, &common, &[]).unwrap();
    let primus = Primus::new(options, any, SHARDS, DriverChoice::Auto);
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
    primus.start("127.0.0.1:0").unwrap()
}

fn expect_nothing_wrong(server: &Server, dialect: (&str, &str), options: &[&str]) {
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
}

#[test]
fn messages_come_back_over_every_carrier() {
    let server = start(App::Echo);
    for dialect in DIALECTS {
        for driver in ["epoll", "uring"] {
            let options = ["--clients", "6", "--depth", "3", "--driver", driver];
            expect_nothing_wrong(&server, dialect, &options);
        }
    }
}

#[test]
fn broadcasts_reach_everyone_over_every_carrier() {
    let server = start(App::Broadcast);
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
fn pings_are_answered_over_every_carrier() {
    let server = start(App::Echo);
    for dialect in DIALECTS {
        // Who leaves a ping unanswered for an interval is gone, long before the load ends.
        let options = ["--scenario", "idle", "--clients", "6", "--duration", "1s"];
        let tolerance = ["--ping-tolerance", "20s"];
        expect_nothing_wrong(&server, dialect, &[&options[..], &tolerance].concat());
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
