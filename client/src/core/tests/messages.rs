//! What is sent and what is heard, and in which order.

use std::sync::Arc;

use allspark_protocol::Instant;
use allspark_protocol::parser::ParserKind;
use allspark_protocol::transformer::Kind;
use allspark_protocol::value::Value;

use super::super::{Client, ClientError, Direction, Event, Message, Outputs, Verdict, on_values};
use super::{Rig, run};

/// What it is, the options, the script, the events, and what the server got. As npm, like
/// [`super::paths`].
type Exchange = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[test]
fn messages_are_queued_and_sent_in_order() {
    for (what, options, script, events, sent) in EXCHANGES {
        let rig = run(options, script);
        let expected: Vec<_> = events.split_whitespace().collect();
        assert_eq!(rig.events, expected, "{what}: {script}");
        let expected: Vec<_> = sent.split_whitespace().collect();
        assert_eq!(rig.sent, expected, "{what}: {script}");
    }
}

#[test]
fn a_large_queue_is_sent_in_order() {
    let mut rig = Rig::new("");
    for number in 0..2_000 {
        rig.run(&format!("write:{number}"));
    }
    assert_eq!(rig.client.queued(), 2_000);
    rig.run("open accept");
    let expected: Vec<_> = (0..2_000).map(|number| format!("0:{number}")).collect();
    assert_eq!(rig.sent, expected);
    assert_eq!(rig.client.queued(), 0);
}

/// As npm, which asks the server only if its socket has no `id`.
#[test]
fn a_transport_that_names_its_connections_knows_the_id() {
    let open = r#"data:0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    let rig = run(
        "speech=engine.io",
        &format!("open accept {open} ask write:1"),
    );
    assert_eq!(
        rig.events.last().map(String::as_str),
        Some("incoming::id:abc")
    );
    assert_eq!(rig.sent, ["0:41"], "nobody is asked");
}

/// In the order in which they were added, each with what the one before made of the message, and
/// none of them sees the messages of Primus itself.
#[test]
fn transforms_change_drop_and_refuse_messages() {
    for direction in [Direction::Incoming, Direction::Outgoing] {
        let mut rig = run("", "open accept");
        rig.client
            .transform(direction, on_values(ParserKind::Json, increment));
        rig.client.transform(direction, Box::new(sort_out));
        rig.events.clear();
        match direction {
            Direction::Incoming => rig.run("data:1 data:2 data:3 ping id:x data:4"),
            Direction::Outgoing => rig.run("write:1 write:2 write:3 ping ask renew:a.b write:4"),
        }
        let only = |all: &[String], what: &str| -> Vec<String> {
            let ours = all.iter().filter_map(|one| one.strip_prefix(what));
            ours.map(str::to_owned).collect()
        };
        if direction == Direction::Incoming {
            assert_eq!(only(&rig.events, "data:"), ["2", "5"]);
            assert_eq!(rig.sent, ["0:\"primus::pong::17\""]);
        } else {
            let asked = "\"primus::id::\"";
            assert_eq!(only(&rig.sent, "0:"), ["2", PONG, asked, RENEWAL, "5"]);
        }
        assert_eq!(
            rig.events.iter().filter(|event| *event == "error").count(),
            1
        );
    }
}

const RENEWAL: &str = "\"primus::authorization::a.b\"";
const PONG: &str = "\"primus::pong::17\"";

fn increment(value: &mut Value) -> Verdict {
    let number = value.as_f64().expect("a number");
    *value = Value::from(number + 1.0);
    Verdict::Pass
}

fn sort_out(message: &mut Message) -> Verdict {
    match &*message.bytes {
        b"3" => Verdict::Drop,
        b"4" => Verdict::Fail("four".to_owned()),
        _ => Verdict::Pass,
    }
}

/// What is queued has been through the transforms already, once.
#[test]
fn transforms_run_before_the_queue() {
    let mut rig = Rig::new("");
    let transform = on_values(ParserKind::Json, increment);
    rig.client.transform(Direction::Outgoing, transform);
    rig.run("write:1 open accept lost write:2 wait:500 accept");
    assert_eq!(rig.sent, ["0:2", "1:3"]);
}

#[test]
fn a_transform_of_values_refuses_what_is_none() {
    let mut client = Client::new(Arc::default(), 1);
    client.transform(Direction::Outgoing, on_values(ParserKind::Json, increment));
    let mut out = Outputs::default();
    client.write(Instant::ZERO, Kind::Text, b"[1", &mut out);
    let events: Vec<_> = Rig::events(&out).collect();
    assert!(matches!(
        events[..],
        [Event::Error(ClientError::Transform(_))]
    ));
    assert_eq!(client.queued(), 0);
}

#[test]
fn a_destroyed_client_holds_nothing_and_takes_nothing() {
    let mut rig = Rig::new("");
    rig.run("write:1 open accept destroy write:2 open ask online offline");
    assert_eq!(rig.client.queued(), 0);
    assert!(rig.client.is_destroyed());
    assert_eq!(rig.events.last().map(String::as_str), Some("destroy"));
    rig.run("answer wait:60000");
    assert_eq!(rig.events.last().map(String::as_str), Some("destroy"));
    assert_eq!(rig.open_links(), 0, "it has said goodbye");
}

const EXCHANGES: &[Exchange] = &[
    (
        "sent when it is open",
        "",
        "write:1 write:2 open write:3 accept write:4",
        "state:opening state:open open",
        "0:1 0:2 0:3 0:4",
    ),
    (
        "the oldest goes",
        "queue=2",
        "write:1 write:2 open write:3 accept",
        "state:opening state:open open",
        "0:2 0:3",
    ),
    (
        "kept for the next connection",
        "",
        "open accept write:1 lost write:2 wait:500 write:3 accept write:4",
        "state:opening state:open open state:end close reconnect-scheduled:1/500 state:opening \
         reconnect:1/500 reconnected:1/500 state:open open",
        "0:1 1:2 1:3 1:4",
    ),
    (
        "kept after the end",
        "",
        "open accept end write:1 open accept",
        "state:opening state:open open state:end close end state:opening state:open open",
        "1:1",
    ),
    (
        "the id is asked for",
        "",
        "ask open accept id:abc ask id:def",
        "state:opening state:open open incoming::id:abc incoming::id:def",
        "0:\"primus::id::\" 0:\"primus::id::\"",
    ),
    (
        "a pong at once",
        "",
        "open accept write:1 ping write:2",
        "state:opening state:open open outgoing::pong:17 incoming::ping:17",
        "0:1 0:\"primus::pong::17\" 0:2",
    ),
    (
        "an answer in the same breath",
        "",
        "open accept data:{\"a\":1} data:\"primus:not\"",
        "state:opening state:open open data:{\"a\":1} data:\"primus:not\"",
        "",
    ),
];
