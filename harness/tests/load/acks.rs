//! Questions that want an acknowledgement, against this repository's own plugin and against servers
//! that break a rule.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::DriverChoice;
use allspark_engine::{Options, Primus, Server, Spark, SparkId, Value};
use allspark_plugins::emitter::{Emitter, EmitterApp, EmitterOptions};
use allspark_protocol::options::Bounded;
use allspark_protocol::parser::{Json, Parser, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::{Run, load_at};

/// How long the servers wait for an answer.
const PATIENCE: Duration = Duration::from_millis(400);

/// Something is done about one of so many questions, and none of these is left unanswered.
const MISTAKE_EVERY: u64 = 5;

/// What the load is told about the patience of the servers.
const TIMES: [&str; 3] = ["--ack-timeout=400ms", "--ack-tolerance=2s", "--drain=3s"];

/// What a server does wrong that answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    Twice,
    /// With what another question was.
    WithAnother,
    /// With nothing.
    Empty,
    Never,
    /// To a question that nobody asked.
    Unasked,
    /// With a byte that is changed.
    Garbled,
}

/// What a server does wrong that asks back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Twice,
    Never,
    /// It gives up before its time.
    GivesUpEarly,
    NeverGivesUp,
    /// It answers what its client has not.
    Instead,
}

fn primus() -> Primus<AnyTransformer> {
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]).unwrap();
    let shards = Some(Bounded::of(2));
    Primus::new(Options::default(), any, shards, DriverChoice::Auto)
}

fn with_plugin(app: EmitterApp) -> Server {
    let primus = primus();
    let emitter = Emitter::with_options(EmitterOptions {
        app,
        ack_timeout: PATIENCE.as_millis() as u64,
        data: false,
        ..EmitterOptions::default()
    });
    primus.plugin(Arc::new(emitter)).unwrap();
    primus.start("127.0.0.1:0").unwrap()
}

/// The number and the message of a question.
fn question(text: &str) -> (u64, &str) {
    let rest = text.strip_prefix(r#"{"type":0,"data":["ask","#).unwrap();
    let (message, id) = rest.rsplit_once(r#"],"id":"#).unwrap();
    (id.strip_suffix('}').unwrap().parse().unwrap(), message)
}

fn answer(spark: &mut Spark<'_>, id: u64, message: &str) {
    spark.write(value(&format!(
        r#"{{"id":{id},"type":1,"data":[{message}]}}"#
    )));
}

fn value(text: &str) -> Value {
    let mut scratch = Scratch::default();
    let value = Json.decode(Kind::Text, text.as_bytes(), &mut scratch);
    value.unwrap()
}

fn answering(wrong: Answers) -> Server {
    let primus = primus();
    let before = Mutex::new(String::from("[]"));
    primus.on_data(move |spark, data| {
        let text = std::str::from_utf8(data.encoded()).unwrap();
        let (id, message) = question(text);
        let before = std::mem::replace(&mut *before.lock().unwrap(), message.to_owned());
        if id % MISTAKE_EVERY != 2 {
            return answer(spark, id, message);
        }
        match wrong {
            Answers::Twice => {
                answer(spark, id, message);
                answer(spark, id, message);
            }
            Answers::WithAnother => answer(spark, id, &before),
            Answers::Empty => answer(spark, id, ""),
            Answers::Never => {}
            Answers::Unasked => {
                answer(spark, id, message);
                answer(spark, id + 1_000, message);
            }
            Answers::Garbled => answer(spark, id, &message.replacen('A', "B", 1)),
        }
    });
    primus.start("127.0.0.1:0").unwrap()
}

/// A question goes back as it came, and so does its answer.
fn asking(wrong: Asks) -> Server {
    let primus = primus();
    let open: Arc<Mutex<HashSet<(SparkId, u64)>>> = Arc::default();
    primus.on_data(move |spark, data| {
        let text = std::str::from_utf8(data.encoded()).unwrap();
        if let Some(rest) = text.strip_prefix(r#"{"id":"#) {
            let (id, _) = rest.split_once(',').unwrap();
            if open
                .lock()
                .unwrap()
                .remove(&(spark.id(), id.parse().unwrap()))
            {
                spark.write(data);
            }
            return;
        }
        let (id, message) = question(text);
        let is_chosen = id % MISTAKE_EVERY == 2;
        if is_chosen && wrong == Asks::Never {
            return answer(spark, id, message);
        }
        let key = (spark.id(), id);
        open.lock().unwrap().insert(key);
        spark.write(data);
        if is_chosen && wrong == Asks::Twice {
            spark.write(data);
        }
        let patience = match wrong {
            Asks::GivesUpEarly => PATIENCE / 2,
            Asks::NeverGivesUp => return,
            _ => PATIENCE,
        };
        let (open, message) = (Arc::clone(&open), message.to_owned());
        spark.after(patience, move |spark| {
            let message = if wrong == Asks::Instead {
                &*message
            } else {
                ""
            };
            if open.lock().unwrap().remove(&key) {
                answer(spark, id, message);
            }
        });
    });
    primus.start("127.0.0.1:0").unwrap()
}

fn acks(server: &Server, options: &[&str]) -> Run {
    let url = format!("http://{}", server.address());
    load_at(
        &url,
        &[&["--scenario", "acks"], &TIMES[..], options].concat(),
    )
}

fn expect(server: &Server, options: &[&str], fault: &str) {
    let options = [&["--clients=8", "--depth=4"], options].concat();
    let run = acks(server, &options);
    let findings = &run.report["findings"];
    assert_eq!(run.code, 1, "{fault}: {findings} {}", run.complaints);
    assert!(findings[fault].as_u64() > Some(0), "{fault}: {findings}");
}

#[test]
fn each_question_is_answered_once_with_its_own_answer() {
    let server = with_plugin(EmitterApp::Echo);
    for transformer in ["websockets", "engine.io", "sockjs"] {
        let options = ["--clients=20", "--depth=3", "--transformer", transformer];
        let run = acks(&server, &options);
        assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
        let report = &run.report["acks"];
        assert!(report["asked"].as_u64() > Some(0), "{report}");
        assert_eq!(report["answered"], report["asked"]);
        assert_eq!(
            (&report["given_up"], &report["asked_back"]),
            (&0.into(), &0.into())
        );
        assert!(run.output.contains("questions"), "{}", run.output);
        assert!(run.page.contains("Questions"), "it is on the page");
    }
}

#[test]
fn a_server_that_asks_gives_up_in_time_and_takes_the_first_answer() {
    let server = with_plugin(EmitterApp::Ask);
    let options = [
        "--clients=20",
        "--depth=8",
        "--ask",
        "--unanswered=7",
        "--twice=5",
    ];
    let run = acks(&server, &options);
    assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
    let report = &run.report["acks"];
    assert_eq!(report["asked_back"], report["asked"], "{report}");
    for some in ["answered", "given_up", "answered_twice"] {
        assert!(report[some].as_u64() > Some(0), "{some}: {report}");
    }
}

#[test]
fn each_mistake_with_answers_is_found_for_its_own_reason() {
    for (wrong, fault) in [
        (Answers::Twice, "ack twice"),
        (Answers::WithAnother, "misdelivered"),
        (Answers::Empty, "ack hasty"),
        (Answers::Never, "ack missing"),
        (Answers::Unasked, "invented"),
        (Answers::Garbled, "corrupted"),
    ] {
        expect(&answering(wrong), &[], fault);
    }
}

#[test]
fn each_mistake_with_questions_is_found_for_its_own_reason() {
    for (wrong, fault) in [
        (Asks::Twice, "duplicated"),
        (Asks::Never, "lost"),
        (Asks::GivesUpEarly, "ack hasty"),
        (Asks::NeverGivesUp, "ack missing"),
        (Asks::Instead, "invented"),
    ] {
        expect(&asking(wrong), &["--ask", "--unanswered=5"], fault);
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    for (options, words) in [
        (
            &["--scenario=echo", "--ask"][..],
            "belong to a load of questions",
        ),
        (
            &["--scenario=acks", "--twice=2"],
            "about what the server asks",
        ),
        (
            &["--scenario=acks", "--drain=1s"],
            "--drain must be as long",
        ),
        (&["--scenario=acks", "--parser=raw"], "in JSON"),
    ] {
        let run = load_at("http://127.0.0.1:1", options);
        assert_eq!(run.code, 2, "{options:?} {}", run.complaints);
        assert!(run.complaints.contains(words), "{}", run.complaints);
    }
}
