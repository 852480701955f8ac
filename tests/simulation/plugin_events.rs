//! Plugins that bring events and questions: what goes over the wire, bounds in virtual time, and
//! what a client that keeps to no rule does to the server.

use std::sync::Arc;
use std::time::Duration;

use allspark::plugins::emit::{Emit, EmitSpark, EmitTo};
use allspark::plugins::emitter::{
    AckError, Emitter, EmitterApp, EmitterOptions, SendSpark, SendTo,
};
use allspark::plugins::events::SparkEvents;
use allspark::plugins::responder::{AskError, AskSpark, Responder};
use allspark::plugins::spark_latency::SparkLatency;
use allspark_engine::Attach;

use crate::plugin_stage::{Notes, ask, heard, join, stage};
use crate::stage::{WIDE, frame};

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
        ..EmitterOptions::default()
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
/// A server without code: what becomes of an event, and of one that wants an acknowledgement.
#[test]
fn an_operator_has_events_answered() {
    let with = |app| {
        move |primus: &Attach, _: &Notes| {
            let emitter = Emitter::with_options(EmitterOptions {
                app,
                acks_max: 1,
                data: false,
                ..EmitterOptions::default()
            });
            primus.plugin(Arc::new(emitter)).unwrap();
        }
    };
    let (plain, asks) = (
        r#"{"type":0,"data":["add",1,2]}"#,
        r#"{"type":0,"data":["add",1,2],"id":7}"#,
    );
    let (mut nothing, _) = stage(with(EmitterApp::None));
    let mut client = nothing.upgrade("");
    assert_eq!(ask(&mut nothing, &mut client, &[plain, asks]), [""; 0]);

    let (mut echoing, _) = stage(with(EmitterApp::Echo));
    let mut client = echoing.upgrade("");
    let expected = [plain, r#"{"id":7,"type":1,"data":[1,2]}"#];
    assert_eq!(ask(&mut echoing, &mut client, &[plain, asks]), expected);

    let (mut asking, notes) = stage(with(EmitterApp::Ask));
    let mut client = asking.upgrade("");
    let back = r#"{"type":0,"data":["add",1,2],"id":1}"#;
    assert_eq!(ask(&mut asking, &mut client, &[plain, asks]), [plain, back]);
    // One is waited for already.
    let other = r#"{"type":0,"data":["add"],"id":8}"#;
    let nothing = r#"{"id":8,"type":1,"data":[]}"#;
    assert_eq!(ask(&mut asking, &mut client, &[other]), [nothing]);
    let answer = r#"{"type":1,"data":[3],"id":1}"#;
    let expected = r#"{"id":7,"type":1,"data":[3]}"#;
    // The second one is nobody's.
    assert_eq!(ask(&mut asking, &mut client, &[answer, answer]), [expected]);
    ask(&mut asking, &mut client, &[asks]);
    let later = asking.net.now() + Duration::from_secs(31);
    asking.net.advance_to(later);
    asking.turns(4);
    assert_eq!(heard(&mut client), [r#"{"id":7,"type":1,"data":[]}"#]);
    assert_eq!(notes.take(), [""; 0], "data is off");
}

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
