//! Plugins that bring events, questions and sessions, in virtual time: what goes over the wire, and
//! what a client that keeps to no rule does to the server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::plugins::emit::{Emit, EmitSpark, EmitTo};
use allspark::plugins::emitter::{AckError, Emitter, EmitterOptions, SendSpark, SendTo};
use allspark::plugins::events::{Args, SparkEvents};
use allspark::plugins::fortress::{Fortress, ValidationTicket};
use allspark::plugins::mirage::{Mirage, MirageSpark};
use allspark::plugins::responder::{AskError, AskSpark, Responder};
use allspark::plugins::spark_latency::{LatencySpark, SparkLatency, SparkLatencyOptions};
use allspark_engine::{Attach, Spark};
use allspark_transformers::websockets::WebSockets;

use crate::stage::{Client, Stage, WIDE, frame, handshake, quiet};

/// What the server's functions noted, in order.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn add(&self, note: impl ToString) {
        self.0.lock().unwrap().push(note.to_string());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A server whose plugins a test adds, which notes all data that the application gets.
fn stage(attach: impl FnOnce(&Attach, &Notes)) -> (Stage<WebSockets>, Notes) {
    let notes = Notes::default();
    let stage = quiet(|primus| {
        attach(primus, &notes);
        let notes = notes.clone();
        primus.on_data(move |_, data| {
            notes.add(format!("data {}", String::from_utf8_lossy(data.encoded())));
        });
    });
    (stage, notes)
}

/// Has a client say messages. Returns what it hears.
fn ask(stage: &mut Stage<WebSockets>, client: &mut Client, messages: &[&str]) -> Vec<String> {
    for message in messages {
        client.say(&frame(message));
    }
    stage.turns(4);
    heard(client)
}

/// Texts of a server, each with a head of two bytes, or of four.
fn heard(client: &mut Client) -> Vec<String> {
    client.read();
    let all = std::mem::take(&mut client.heard);
    let (mut bytes, mut texts) = (&all[..], Vec::new());
    loop {
        let (length, others) = match bytes {
            [0x81, 126, high, low, others @ ..] => {
                (usize::from(u16::from_be_bytes([*high, *low])), others)
            }
            [0x81, length, others @ ..] => (usize::from(*length), others),
            _ => return texts,
        };
        let (text, others) = others.split_at(length);
        texts.push(String::from_utf8(text.to_vec()).unwrap());
        bytes = others;
    }
}

fn join(args: Args<'_>) -> String {
    let texts: Vec<_> = args.iter().map(|arg| format!("{arg:?}")).collect();
    texts.join(" ")
}

/// Messages that mean nothing to any plugin, or nothing good. None of them may reach a handler.
const HOSTILE: &[&str] = &[
    "null",
    "0",
    "\"\"",
    "[]",
    "{}",
    "[[[[[[[[]]]]]]]]",
    r#"{"emit":null}"#,
    r#"{"emit":[]}"#,
    r#"{"emit":[null]}"#,
    r#"{"emit":[5,1]}"#,
    r#"{"emit":[["news"]]}"#,
    r#"{"emit":["data","as if"]}"#,
    r#"{"emit":["outgoing::end"]}"#,
    r#"{"emit":["newListener"]}"#,
    r#"{"type":0,"data":null}"#,
    r#"{"type":0,"data":[]}"#,
    r#"{"type":0,"data":[{}],"id":1}"#,
    r#"{"type":0,"data":["end"],"id":1}"#,
    r#"{"type":0,"data":["news"],"id":"1"}"#,
    r#"{"type":0,"data":["news"],"id":{}}"#,
    r#"{"type":1,"data":[],"id":1}"#,
    r#"{"type":1,"data":[],"id":-1}"#,
    r#"{"type":1,"data":[],"id":1e300}"#,
    r#"{"type":1,"data":[],"id":1.5}"#,
    r#"{"type":2,"data":["news"]}"#,
    r#"{"plugin":"primus-responder"}"#,
    r#"{"plugin":"primus-responder","requestId":null,"data":1}"#,
    r#"{"plugin":"primus-responder","requestId":[1],"data":1}"#,
    r#"{"plugin":"primus-responder","responseId":"unknown","data":1}"#,
    r#"{"plugin":null}"#,
    r#"{"_latency":null}"#,
    r#"{"_latency":"5","_clock":[]}"#,
];

/// Emits back what is emitted, to the client itself, by a handle, and to all.
fn emitting(primus: &Attach, notes: &Notes) {
    let emit = Emit::new();
    let noted = notes.clone();
    emit.on("news", move |spark, args| {
        noted.add(format!("news {}", join(args)));
        spark.emit("told", args);
        spark.handle().emit("handle", args.len()).unwrap();
        spark.primus().emit("all", ("a", None::<u8>)).unwrap();
        assert!(!spark.emit("data", "is reserved"));
        assert!(spark.handle().emit("newListener", ()).is_err());
    });
    primus.plugin(Arc::new(emit)).unwrap();
}

#[test]
fn what_is_emitted_is_an_event_and_no_data() {
    let (mut stage, notes) = stage(emitting);
    let mut client = stage.upgrade("");
    let told = ask(
        &mut stage,
        &mut client,
        &[
            r#"{"emit":["news","hi",{"b":1}]}"#,
            r#"{"\u0065mit":["news"]}"#,
        ],
    );
    let expected = [
        r#"{"emit":["told","hi",{"b":1}]}"#,
        r#"{"emit":["handle",2]}"#,
        r#"{"emit":["all","a",null]}"#,
        r#"{"emit":["told"]}"#,
        r#"{"emit":["handle",0]}"#,
        r#"{"emit":["all","a",null]}"#,
    ];
    assert_eq!(told, expected);
    let said = [r#"{"emit":"news"}"#, r#"["emit","news"]"#, "\"emit\""];
    assert_eq!(ask(&mut stage, &mut client, &said), [""; 0]);
    let noted = notes.take();
    assert_eq!(
        noted[..2],
        [r#"news String("hi") Object({"b": Number(1)})"#, "news "]
    );
    assert_eq!(noted[2..], said.map(|said| format!("data {said}")));
}

#[test]
fn handlers_of_one_spark_come_after_those_for_all() {
    let (mut stage, notes) = stage(|primus, notes| {
        let emit = Emit::new();
        let noted = notes.clone();
        emit.on("news", move |_, _| noted.add("all"));
        primus.plugin(Arc::new(emit)).unwrap();
        let noted = notes.clone();
        primus.on_connection(move |spark| {
            let (first, second, third) = (noted.clone(), noted.clone(), noted.clone());
            spark.on("news", move |spark, _| {
                first.add("one");
                let added = first.clone();
                spark.on("news", move |_, _| added.add("added"));
            });
            spark.on("other", move |_, _| second.add("other"));
            spark.on("news", move |spark, _| {
                third.add("two");
                spark.off("other");
            });
        });
    });
    let mut client = stage.upgrade("");
    let (news, other) = (r#"{"emit":["news"]}"#, r#"{"emit":["other"]}"#);
    ask(&mut stage, &mut client, &[other, news]);
    assert_eq!(notes.take(), ["other", "all", "one", "two"]);
    ask(&mut stage, &mut client, &[other, news]);
    assert_eq!(notes.take(), ["all", "one", "two", "added"]);
}

/// Acknowledges with what it is sent, and asks the client back.
fn sending(options: EmitterOptions) -> impl FnOnce(&Attach, &Notes) {
    move |primus, notes| {
        let emitter = Emitter::with_options(options);
        emitter.on("echo", |spark, args| {
            let wanted = args.wants_ack();
            assert_eq!(args.ack(spark, args), wanted);
            assert!(!args.ack(spark, "twice"));
        });
        let noted = notes.clone();
        emitter.on("ask", move |spark, args| {
            let noted = noted.clone();
            spark.send_with_ack("back", args, move |_, answer| match answer {
                Ok(args) => noted.add(format!("answer {}", join(args))),
                Err(error) => noted.add(format!("{error:?}")),
            });
        });
        emitter.on("later", |spark, args| {
            let (handle, ack) = (spark.handle(), args.take_ack().unwrap());
            spark.after(Duration::from_millis(5), move |spark| {
                ack.send_to(&handle, "at last").unwrap();
                spark.primus().send("all", ()).unwrap();
            });
        });
        primus.plugin(Arc::new(emitter)).unwrap();
    }
}

#[test]
fn events_are_acknowledged_in_both_directions() {
    let (mut stage, notes) = stage(sending(EmitterOptions::default()));
    let mut client = stage.upgrade("");
    let said = [
        r#"{"type":0,"data":["echo",1,"b"],"id":7}"#,
        r#"{"type":0,"data":["echo"]}"#,
        r#"{"type":0,"data":["ask","who"]}"#,
        r#"{"type":0,"data":["ask"]}"#,
        r#"{"type":0,"data":["later"],"id":1.5}"#,
    ];
    let mut told = ask(&mut stage, &mut client, &said);
    stage.turns(10);
    told.extend(heard(&mut client));
    let expected = [
        r#"{"id":7,"type":1,"data":[1,"b"]}"#,
        r#"{"type":0,"data":["back","who"],"id":1}"#,
        r#"{"type":0,"data":["back"],"id":2}"#,
        r#"{"id":1.5,"type":1,"data":["at last"]}"#,
        r#"{"type":0,"data":["all"]}"#,
    ];
    assert_eq!(told, expected);
    let is_data = |notes: Vec<String>| notes.iter().filter(|n| n.starts_with("data")).count();
    assert_eq!(
        is_data(notes.take()),
        said.len(),
        "as with npm they are data, too"
    );
    // In any order, each once, and none that was not asked for.
    let acks = [
        r#"{"id":2,"type":1,"data":["two"]}"#,
        r#"{"id":2,"type":1,"data":["again"]}"#,
        r#"{"id":9,"type":1,"data":["never asked"]}"#,
        r#"{"id":1,"type":1,"data":["one",2]}"#,
    ];
    ask(&mut stage, &mut client, &acks);
    let mut noted = notes.take();
    noted.retain(|note| note.starts_with("answer"));
    assert_eq!(
        noted,
        [
            r#"answer String("two")"#,
            r#"answer String("one") Number(2)"#
        ]
    );
}

#[test]
fn acknowledgements_that_never_come_have_bounds() {
    let (mut stage, notes) = stage(sending(EmitterOptions {
        ack_timeout: 1_000,
        acks_max: 2,
        data: false,
    }));
    let mut client = stage.upgrade("");
    let question = r#"{"type":0,"data":["ask"]}"#;
    let told = ask(&mut stage, &mut client, &[question; 3]);
    assert_eq!(told.len(), 2, "the third one is not sent");
    assert_eq!(notes.take(), ["TooMany"]);
    // One is answered, so there is room for one; its timer is gone with it.
    ask(&mut stage, &mut client, &[r#"{"id":1,"type":1,"data":[]}"#]);
    ask(&mut stage, &mut client, &[question; 2]);
    assert_eq!(notes.take(), ["answer ", "TooMany"]);
    let later = stage.net.now() + Duration::from_secs(2);
    stage.net.advance_to(later);
    stage.turns(3);
    assert_eq!(notes.take(), ["TimedOut", "TimedOut"]);
    // Too late, and what waits when the spark ends.
    ask(
        &mut stage,
        &mut client,
        &[r#"{"id":2,"type":1,"data":[]}"#, question],
    );
    client.leave();
    stage.turns(4);
    assert_eq!(notes.take(), ["Ended"]);
    assert_eq!(AckError::Ended.to_string(), "the spark has ended");
}

/// Answers questions with what was asked, and asks the client back.
fn answering(primus: &Attach, notes: &Notes) {
    let responder = Responder::new();
    let noted = notes.clone();
    responder.on_request(move |spark, data, answer| {
        let noted = noted.clone();
        spark.write_and_wait("who", move |_, answer| match answer {
            Ok(data) => noted.add(format!("{data:?}")),
            Err(error) => noted.add(format!("{error:?}")),
        });
        answer.send(spark, (data, 1));
    });
    primus.plugin(Arc::new(responder)).unwrap();
}

#[test]
fn questions_are_answered_in_both_directions() {
    let (mut stage, notes) = stage(answering);
    let mut client = stage.upgrade("");
    let question = r#"{"plugin":"primus-responder","requestId":"q-1","data":"a"}"#;
    let told = ask(&mut stage, &mut client, &[question]);
    let [asked, answered] = &told[..] else {
        panic!("{told:?}");
    };
    let expected = r#"{"plugin":"primus-responder","responseId":"q-1","data":["a",1]}"#;
    assert_eq!(answered, expected);
    assert!(asked.ends_with(r#","data":"who"}"#), "{asked}");
    let response = asked
        .replace("requestId", "responseId")
        .replace("who", "me");
    ask(&mut stage, &mut client, &[&response, &response, question]);
    assert_eq!(notes.take(), [r#"String("me")"#], "an answer counts once");
    let later = stage.net.now() + Duration::from_secs(31);
    stage.net.advance_to(later);
    stage.turns(3);
    assert_eq!(notes.take(), ["TimedOut"]);
    assert_eq!(
        AskError::TimedOut.to_string(),
        "the client did not answer in time"
    );
}

#[test]
fn only_what_was_validated_is_let_through() {
    let tickets = Arc::new(Mutex::new(Vec::<ValidationTicket>::new()));
    let waiting = Arc::clone(&tickets);
    let (mut stage, notes) = stage(|primus, notes| {
        let (fortress, emit) = (Fortress::new(), Emit::new());
        fortress.validate("chat", 1, |_, args| {
            args[0].as_str().ok_or("no text").map(drop)
        });
        fortress.validate_later("slow", 0, move |_, _, ticket| {
            waiting.lock().unwrap().push(ticket);
        });
        fortress.validate("data", 1, |_, args| args[0].as_f64().is_some());
        fortress.validate("unheard", 0, |_, _| ());
        let noted = notes.clone();
        fortress.on_invalid(move |_, invalid, _| noted.add(invalid));
        for event in ["chat", "slow", "unguarded"] {
            let noted = notes.clone();
            emit.on(event, move |_, args| {
                noted.add(format!("{event} {}", join(args)))
            });
        }
        primus.plugin(Arc::new(fortress)).unwrap();
        primus.plugin(Arc::new(emit)).unwrap();
    });
    let mut client = stage.upgrade("");
    let said = [
        r#"{"emit":["chat","hi"]}"#,
        r#"{"emit":["chat",5]}"#,
        r#"{"emit":["chat"]}"#,
        r#"{"emit":["data",7]}"#,
        r#"{"emit":["unheard"]}"#,
        r#"{"emit":["unguarded"]}"#,
        r#"{"emit":[5]}"#,
        "7",
        "\"text\"",
    ];
    ask(&mut stage, &mut client, &said);
    let expected = [
        r#"chat String("hi")"#,
        "no text",
        "Missing arguments for chat",
        "data is a reserved event",
        "Missing listener for unheard",
        "Missing validator for unguarded",
        "An event has no name",
        "data 7",
        "data did not validate",
    ];
    assert_eq!(notes.take(), expected);
    // Validators that take their time: what comes behind waits.
    let slow = r#"{"emit":["slow"]}"#;
    ask(&mut stage, &mut client, &[slow, "8", slow, slow]);
    assert_eq!(notes.take(), [""; 0]);
    for valid in [Some(true), Some(false), None] {
        let ticket = tickets.lock().unwrap().pop().unwrap();
        match valid {
            Some(valid) => ticket.answer(valid),
            None => drop(ticket),
        }
        stage.turns(4);
    }
    let expected = [
        "slow ",
        "data 8",
        "slow did not validate",
        "the validator has not answered",
    ];
    assert_eq!(notes.take(), expected);
}

/// Lets in who names `good`, renews `old`, and takes its time for `slow`.
fn sessions(primus: &Attach, notes: &Notes) {
    let mirage = Mirage::new();
    mirage.validator_async(|spark, id| async move {
        if id == "slow" {
            spark.sleep(Duration::from_secs(3600)).await;
        }
        match &*id {
            "good" => Ok(None),
            "old" => Ok(Some("new".to_owned())),
            _ => Err("who is that?"),
        }
    });
    let emit = Emit::new();
    let noted = notes.clone();
    emit.on("news", move |spark, _| noted.add(describe("news", spark)));
    primus.plugin(Arc::new(mirage)).unwrap();
    primus.plugin(Arc::new(emit)).unwrap();
    let noted = notes.clone();
    primus.on_connection(move |spark| noted.add(describe("connection", spark)));
}

fn describe(what: &str, spark: &Spark<'_>) -> String {
    format!("{what} {}", spark.mirage().unwrap_or_default())
}

fn session(stage: &mut Stage<WebSockets>, query: &str) -> (Client, Vec<String>) {
    let target = format!("GET /primus?{query} ");
    let words = handshake("").replace("GET /primus ", &target);
    let mut words = words.into_bytes();
    words.extend(frame(r#"{"emit":["news"]}"#));
    let mut client = stage.connect(&words);
    stage.turns(4);
    client.read();
    let end = client
        .heard
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n");
    client.heard.drain(..end.expect("it was answered") + 4);
    let told = heard(&mut client);
    (client, told)
}

#[test]
fn a_session_is_let_in_with_its_id_and_nobody_hears_of_others() {
    let (mut stage, notes) = stage(sessions);
    let (_client, told) = session(&mut stage, "_mirage=good");
    assert_eq!(told, [""; 0], "an id that stays is not told");
    assert_eq!(notes.take(), ["connection good", "news good"]);
    let (_client, told) = session(&mut stage, "_mirage=old");
    assert_eq!(told, [r#"{"emit":["mirage","new"]}"#]);
    assert_eq!(notes.take(), ["connection new", "news new"]);
    let (_client, told) = session(&mut stage, "");
    let [told] = &told[..] else {
        panic!("{told:?}");
    };
    let id = told.strip_prefix(r#"{"emit":["mirage",""#).unwrap();
    let id = id.strip_suffix(r#""]}"#).unwrap();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(
        notes.take(),
        [format!("connection {id}"), format!("news {id}")]
    );
    let long = format!("_mirage={}", "x".repeat(257));
    for query in ["_mirage=bad", &long] {
        let (_client, told) = session(&mut stage, query);
        assert_eq!(told, [r#""primus::server::close""#]);
        assert_eq!(notes.take(), [""; 0], "what it had sent is dropped");
    }
}

#[test]
fn a_validator_that_takes_too_long_lets_nobody_in() {
    let (mut stage, notes) = stage(sessions);
    let (mut client, told) = session(&mut stage, "_mirage=slow");
    assert_eq!(told, [""; 0]);
    let later = stage.net.now() + Duration::from_secs(6);
    stage.net.advance_to(later);
    stage.turns(6);
    assert_eq!(heard(&mut client), [r#""primus::server::close""#]);
    assert_eq!(notes.take(), [""; 0]);
}

#[test]
fn what_clients_say_of_the_way_is_kept_apart() {
    let (mut stage, notes) = stage(|primus, notes| {
        let options = SparkLatencyOptions {
            use_clock_offset: true,
        };
        primus
            .plugin(Arc::new(SparkLatency::with_options(options)))
            .unwrap();
        let noted = notes.clone();
        primus.on_data(move |spark, _| {
            let has_offset = spark.clock_offset_ms().is_some();
            noted.add(format!("{:?} {has_offset}", spark.told_latency_ms()));
        });
    });
    let mut client = stage.upgrade("");
    let said = [
        "{}",
        r#"{"_latency":12.5}"#,
        "1",
        r#"{"_clock":1}"#,
        r#"{"_latency":0}"#,
    ];
    ask(&mut stage, &mut client, &said);
    let expected = [
        "None false",
        "data {}",
        "Some(12.5) false",
        "data 1",
        "Some(12.5) true",
        r#"data {"_latency":0}"#,
    ];
    assert_eq!(notes.take(), expected);
}

#[test]
fn hostile_messages_reach_nobody_and_leave_the_spark_alone() {
    let (mut stage, notes) = stage(|primus, notes| {
        primus.plugin(Arc::new(SparkLatency::new())).unwrap();
        answering(primus, notes);
        emitting(primus, notes);
        sending(EmitterOptions::default())(primus, notes);
    });
    let mut client = stage.upgrade("");
    for message in HOSTILE {
        assert_eq!(
            ask(&mut stage, &mut client, &[message]),
            [""; 0],
            "{message}"
        );
    }
    let mut noted = notes.take();
    noted.retain(|note| !note.starts_with("data "));
    assert_eq!(noted, [""; 0]);
    // It is still served.
    let told = ask(&mut stage, &mut client, &[r#"{"emit":["news"]}"#]);
    assert_eq!(told.len(), 3);
    // Deep, and long.
    let deep = format!("{}{}", r#"{"emit":["#.repeat(50_000), "]}".repeat(50_000));
    let long = format!(r#"{{"emit":["news"{}]}}"#, ",0".repeat(100_000));
    client.set_window(WIDE);
    client.say(&frame(&deep));
    client.say(&frame(&long));
    stage.turns(6);
    let is_long = |note: &String| note.starts_with("news Number(0) Number(0)");
    assert!(notes.take().iter().any(is_long));
}
