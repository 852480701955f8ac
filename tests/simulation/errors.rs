//! Each error of a spark: how it comes about, whose fault it is, and whether the spark goes on.

use std::sync::{Arc, Mutex};

use allspark_engine::{Attach, Fault, LocalSpark, Options, SparkError};
use allspark_protocol::options::Bounded;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::PingInterval;
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, frame};

/// What is known of an error.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    text: String,
    fault: Fault,
    ends_spark: bool,
}

impl Seen {
    fn new(fault: Fault, ends_spark: bool, text: &str) -> Self {
        Self {
            text: text.to_owned(),
            fault,
            ends_spark,
        }
    }
}

/// What a client has to say and do for an error.
type Cause = fn(&mut Stage<WebSockets>, &mut Client);

fn obey(primus: &Attach, seen: &Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::clone(seen);
    primus.on_error(move |_, error: &SparkError| {
        seen.lock().unwrap().push(Seen {
            text: error.to_string(),
            fault: error.fault(),
            ends_spark: error.ends_spark(),
        });
    });
    primus.on_connection_async(|spark: LocalSpark| async move {
        match spark.query().get("fail") {
            Some(_) => Err("who are you?"),
            None => Ok(()),
        }
    });
    primus.transform_outgoing(|packet| match packet.data().encoded() {
        b"refuse" => Err("refused"),
        _ => Ok(()),
    });
    primus.on_data(|spark, data| {
        match data.encoded() {
            b"number" => spark.write(1),
            b"much" => spark.write("x".repeat(3_000)) && spark.write("more"),
            _ => spark.write(data),
        };
    });
}

/// Has an error come about. Returns what the application hears of it, and whether the spark is
/// there afterwards.
fn errors_of(parser: ParserKind, path: &str, cause: Cause) -> (Vec<Seen>, bool) {
    let seen = Arc::default();
    let options = Options {
        ping_interval: PingInterval::OFF,
        send_queue_bytes_max: Bounded::of(1_000),
        parser,
        ..Options::default()
    };
    let transformer = WebSockets::uncompressed(1 << 20);
    let mut stage = Stage::new(options, transformer, |primus| obey(primus, &seen));
    let request = crate::stage::handshake("").replacen("/primus", path, 1);
    let mut client = stage.connect(request.as_bytes());
    cause(&mut stage, &mut client);
    stage.turns(6);
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (seen, stage.primus.connected() == 1)
}

fn say(stage: &mut Stage<WebSockets>, client: &Client, text: &str) {
    client.say(&frame(text));
    stage.turns(4);
}

#[test]
fn each_error_says_whose_fault_it_is_and_the_spark_goes_on_or_not() {
    use Fault::{Application, Client, Network};
    let (json, raw) = (ParserKind::Json, ParserKind::Raw);
    let cases: [(ParserKind, &str, Cause, Seen); 7] = [
        (
            json,
            "/primus",
            |stage, client| say(stage, client, "no value"),
            Seen::new(Client, false, "the message is no value of the parser: "),
        ),
        (
            raw,
            "/primus",
            |stage, client| say(stage, client, "number"),
            Seen::new(Application, false, "the message can't be encoded: "),
        ),
        (
            raw,
            "/primus",
            |stage, client| say(stage, client, "refuse"),
            Seen::new(Application, false, "a transform failed: refused"),
        ),
        (
            raw,
            "/primus",
            // What a client sends is masked.
            |_, client| client.say(b"\x81\x01x"),
            Seen::new(Client, true, "the client broke a rule of the transport: "),
        ),
        (
            raw,
            "/primus?fail=1",
            |_, _| {},
            Seen::new(Application, true, "a listener failed: who are you?"),
        ),
        (
            raw,
            "/primus",
            |stage, client| {
                client.set_window(10);
                say(stage, client, "much");
            },
            Seen::new(Client, true, "the send queue is full"),
        ),
        (
            raw,
            "/primus",
            |stage, client| stage.net.reset(client.endpoint),
            Seen::new(Network, true, "the connection broke: "),
        ),
    ];
    for (parser, path, cause, expected) in cases {
        let (seen, is_there) = errors_of(parser, path, cause);
        let [only] = &seen[..] else {
            panic!("{}: {seen:?}", expected.text);
        };
        assert!(only.text.starts_with(&expected.text), "{only:?}");
        let known = (only.fault, only.ends_spark);
        assert_eq!(known, (expected.fault, expected.ends_spark), "{only:?}");
        assert_eq!(is_there, !expected.ends_spark, "{only:?}");
    }
}
