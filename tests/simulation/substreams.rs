//! Named streams within a connection: what goes over the wire, and through which transforms.

use std::sync::{Arc, Mutex};

use allspark::plugins::substream::{Substream, SubstreamError, SubstreamOptions, SubstreamSpark};
use allspark_engine::{Attach, Data, Packet, Transformed};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, frame, quiet};

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

fn text(data: Data<'_>) -> String {
    String::from_utf8(data.encoded().to_vec()).unwrap()
}

/// Texts of a server, each shorter than 126 bytes.
fn heard(client: &mut Client) -> Vec<String> {
    client.read();
    let (mut texts, mut rest) = (Vec::new(), &client.heard[..]);
    while let [0x81, length, others @ ..] = rest {
        let (text, others) = others.split_at(usize::from(*length));
        texts.push(String::from_utf8(text.to_vec()).unwrap());
        rest = others;
    }
    client.heard.clear();
    texts
}

/// A server whose sparks have a stream named foo, which notes what happens.
fn stage(log: &Log, before: impl FnOnce(&Attach)) -> Stage<WebSockets> {
    quiet(|primus| {
        before(primus);
        primus.plugin(Arc::new(Substream::new())).unwrap();
        let data = log.clone();
        primus.on_data(move |_, it| data.note(format!("data {}", text(it))));
        let log = log.clone();
        primus.on_connection(move |spark| {
            let (data, end) = (log.clone(), log.clone());
            let mut one = spark.substream("foo").unwrap();
            one.on_data(move |one, it| {
                data.note(format!("{} {}", one.name(), text(it)));
                one.write(it);
            });
            one.on_end(move |one| end.note(format!("{} ended, {}", one.name(), one.is_open())));
        });
    })
}

fn say(stage: &mut Stage<WebSockets>, client: &Client, texts: &[&str]) {
    let frames: Vec<_> = texts.iter().map(|text| frame(text)).collect();
    client.say(&frames.concat());
    stage.turns(4);
}

#[test]
fn a_message_reaches_the_stream_of_its_name_and_others_are_data() {
    let log = Log::default();
    let mut stage = stage(&log, |_| {});
    let mut client = stage.upgrade("");
    let texts = [
        r#"{"substream":"foo","args":"hi"}"#,
        r#"{"substream":"bar","args":"hi"}"#,
        r#"{"args":{"a":[1.5]},"substream":"f\u006fo"}"#,
        r#"{"substream":"foo"}"#,
        r#"{"substream":"foo","args":{"substream":"foo","args":1}}"#,
        "null",
        r#"["substream"]"#,
        r#"{"substream":{"substream":"foo"},"args":1}"#,
    ];
    say(&mut stage, &client, &texts);
    let expected = [
        "foo \"hi\"",
        r#"data {"substream":"bar","args":"hi"}"#,
        r#"foo {"a":[1.5]}"#,
        "foo null",
        r#"foo {"substream":"foo","args":1}"#,
        "data null",
        r#"data ["substream"]"#,
        r#"data {"substream":{"substream":"foo"},"args":1}"#,
    ];
    assert_eq!(log.take(), expected);
    let echoed = [
        r#"{"substream":"foo","args":"hi"}"#,
        r#"{"substream":"foo","args":{"a":[1.5]}}"#,
        r#"{"substream":"foo","args":null}"#,
        r#"{"substream":"foo","args":{"substream":"foo","args":1}}"#,
    ];
    assert_eq!(heard(&mut client), echoed);
}

#[test]
fn an_end_of_the_client_is_not_answered_and_the_stream_is_gone() {
    let log = Log::default();
    let mut stage = stage(&log, |_| {});
    let mut client = stage.upgrade("");
    let end = r#"{"substream":"foo","args":"substream::end"}"#;
    let after = r#"{"substream":"foo","args":1}"#;
    say(&mut stage, &client, &[end, after, end]);
    let as_data = [format!("data {after}"), format!("data {end}")];
    let mut expected = vec!["foo ended, false".to_owned()];
    expected.extend(as_data);
    assert_eq!(log.take(), expected);
    assert_eq!(heard(&mut client), [""; 0]);
    client.leave();
    stage.turns(4);
    assert_eq!(log.take(), [""; 0], "it ends once");
}

#[test]
fn a_stream_ends_with_its_spark_or_by_itself_and_its_name_is_free_again() {
    let log = Log::default();
    let mut stage = quiet(|primus| {
        primus.plugin(Arc::new(Substream::new())).unwrap();
        let log = log.clone();
        primus.on_connection(move |spark| {
            let (ended, again) = (log.clone(), log.clone());
            let mut one = spark.substream("foo").unwrap();
            one.on_data(|one, _| {
                assert!(one.end_with("bye") && !one.end() && !one.write("more"));
                one.on_data(|_, _| panic!("it has ended"));
            });
            one.on_data(|_, _| panic!("an earlier handler has ended it"));
            one.on_end(move |one| {
                ended.note("ended");
                let again = again.clone();
                let spark = one.spark();
                let mut one = spark.substream("foo").unwrap();
                one.on_end(move |_| again.note("ended again"));
            });
        });
    });
    let mut client = stage.upgrade("");
    say(&mut stage, &client, &[r#"{"substream":"foo","args":1}"#]);
    let expected = [
        r#"{"substream":"foo","args":"bye"}"#,
        r#"{"substream":"foo","args":"substream::end"}"#,
    ];
    assert_eq!(heard(&mut client), expected);
    assert_eq!(log.take(), ["ended"]);
    client.leave();
    stage.turns(4);
    assert_eq!(log.take(), ["ended again"]);
    assert_eq!(stage.primus.stats().handlers_panicked, 0);
}

fn note(log: &Log, what: &'static str) -> impl Fn(&mut Packet<'_>) + Send + Sync + use<> {
    let log = log.clone();
    move |packet| log.note(format!("{what} {}", text(packet.data())))
}

/// As in npm: incoming transforms see the whole, then the message within; outgoing ones see the
/// message within alone, and none sees the end.
#[test]
fn what_is_within_goes_through_the_transforms_and_what_stands_around_does_not() {
    let log = Log::default();
    let mut stage = stage(&log, |primus| {
        let (incoming, outgoing) = (note(&log, "in"), note(&log, "out"));
        primus.transform_incoming(move |_, packet| {
            incoming(packet);
            let is_dropped = packet
                .value()
                .is_ok_and(|value| value.as_str() == Some("drop"));
            !is_dropped
        });
        primus.transform_outgoing(move |packet| {
            outgoing(packet);
            packet.set(format!(
                "{}!",
                packet.data().parse::<String>().unwrap_or_default()
            ))
        });
    });
    let mut client = stage.upgrade("");
    let texts = [
        r#"{"substream":"foo","args":"a"}"#,
        r#"{"substream":"foo","args":"drop"}"#,
    ];
    say(&mut stage, &client, &texts);
    let expected = [
        r#"in {"substream":"foo","args":"a"}"#,
        r#"in "a""#,
        r#"foo "a""#,
        r#"out "a""#,
        r#"in {"substream":"foo","args":"drop"}"#,
        r#"in "drop""#,
    ];
    assert_eq!(log.take(), expected);
    assert_eq!(heard(&mut client), [r#"{"substream":"foo","args":"a!"}"#]);
}

/// What is written behind a message whose transform takes its time waits, whatever it is within.
#[test]
fn transforms_within_may_take_their_time() {
    let log = Log::default();
    let tickets = Arc::new(Mutex::new(Vec::new()));
    let mut stage = stage(&log, |primus| {
        let (incoming, outgoing) = (Arc::clone(&tickets), Arc::clone(&tickets));
        primus.transform_incoming(move |_, packet| match packet.is_inner() {
            true => {
                incoming.lock().unwrap().push(packet.later());
                Transformed::Later
            }
            false => Transformed::Next,
        });
        primus.transform_outgoing(move |packet| {
            outgoing.lock().unwrap().push(packet.later());
            Transformed::Later
        });
    });
    let mut client = stage.upgrade("");
    say(
        &mut stage,
        &client,
        &[r#"{"substream":"foo","args":"a"}"#, "1"],
    );
    assert_eq!(
        log.take(),
        [""; 0],
        "it waits, and so does what came behind it"
    );
    let mut ticket = tickets.lock().unwrap().pop().unwrap();
    ticket.set("b").unwrap();
    ticket.next();
    stage.turns(4);
    assert_eq!(log.take(), ["foo \"b\"", "data 1"]);
    assert_eq!(heard(&mut client), [""; 0]);
    tickets.lock().unwrap().pop().unwrap().next();
    stage.turns(4);
    assert_eq!(heard(&mut client), [r#"{"substream":"foo","args":"b"}"#]);
}

#[test]
fn a_spark_has_so_many_streams_and_no_more() {
    let options = SubstreamOptions {
        streams_max: 3,
        streams: vec!["1".into()],
        ..SubstreamOptions::default()
    };
    let mut stage = quiet(|primus| {
        primus
            .plugin(Arc::new(Substream::with_options(options)))
            .unwrap();
        primus.on_connection(|spark| {
            for name in ["2", "3", "1"] {
                assert!(spark.substream(name).unwrap().is_open());
            }
            let refused = spark.substream("4").map(drop);
            assert_eq!(refused, Err(SubstreamError::TooMany { max: 3 }));
            assert!(spark.substream("2").unwrap().end());
            assert!(spark.substream("4").is_ok());
        });
        primus.on_disconnection(|spark| {
            let refused = spark.substream("5").map(drop);
            assert_eq!(refused, Err(SubstreamError::Ended));
        });
    });
    stage.upgrade("").leave();
    stage.turns(4);
    let stats = stage.primus.stats();
    assert_eq!((stats.handlers_panicked, stats.sparks_ended), (0, 1));
}

#[test]
fn without_the_plugin_there_is_no_stream() {
    let mut stage = quiet(|primus| {
        primus.on_connection(|spark| {
            let refused = spark.substream("foo").map(drop);
            assert_eq!(refused, Err(SubstreamError::NoPlugin));
        });
    });
    stage.upgrade("");
    assert_eq!(stage.primus.stats().handlers_panicked, 0);
}
