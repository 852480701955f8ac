//! Plugins that let in or not: sessions, validated events, what clients say of themselves.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::plugins::emit::Emit;
use allspark::plugins::fortress::{Fortress, ValidationTicket};
use allspark::plugins::mirage::{Mirage, MirageSpark};
use allspark::plugins::spark_latency::{LatencySpark, SparkLatency, SparkLatencyOptions};
use allspark_engine::{Attach, Spark};
use allspark_transformers::websockets::WebSockets;

use crate::plugin_stage::{Notes, ask, heard, join, stage};
use crate::stage::{Client, Stage, frame, handshake};

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
                noted.add(format!("{event} {}", join(args)));
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
