//! Values in rooms, against this repository's own plugin and against servers that break a rule.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use allspark_engine::io::DriverChoice;
use allspark_engine::{Handle, Options, Primus, Server, Spark, Value};
use allspark_plugins::rooms::{Rooms, RoomsOptions};
use allspark_protocol::options::Bounded;
use allspark_protocol::parser::{Json, Parser, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::{Run, load_at};

/// Something is done to the values of this key of each sender.
const CHOSEN: &str = ":3";

/// What a server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// It writes an older value behind a newer one to the publisher.
    GoesBackwards,
    /// It writes only the first value of a key to the publisher.
    LosesTheNewest,
    /// It writes a value to the publisher again.
    Twice,
    /// It writes to everyone.
    Everyone,
    /// It says another key.
    OtherKey,
}

struct App {
    wrong: Wrong,
    everyone: Handle,
    /// The value before, by key.
    before: Mutex<HashMap<String, Value>>,
}

impl App {
    fn data(&self, spark: &mut Spark<'_>, text: &str) {
        if let Some(rooms) = text.strip_prefix(r#"{"emit":["join","#) {
            let rooms = rooms.strip_suffix("]}").unwrap();
            for room in serde_json::from_str::<Vec<String>>(rooms).unwrap() {
                spark.join(&room).unwrap();
                spark.write(value(&format!(r#"{{"emit":["joinroom","{room}"]}}"#)));
            }
            return;
        }
        let rest = text.strip_prefix(r#"{"emit":["publish",""#).unwrap();
        let (room, rest) = rest.split_once("\",").unwrap();
        let (_, key) = rest.rsplit_once(",\"").unwrap();
        let key = key.strip_suffix("\"]}").unwrap();
        self.publish(spark, (room, key), text);
    }

    fn publish(&self, spark: &mut Spark<'_>, (room, key): (&str, &str), text: &str) {
        let new = value(text);
        let before = self
            .before
            .lock()
            .unwrap()
            .insert(key.to_owned(), new.clone());
        let wrong = key.ends_with(CHOSEN).then_some(self.wrong);
        let id = spark.id();
        let mut primus = spark.primus();
        let mut to = primus.room(room).latest(key);
        match (wrong, before) {
            (Some(Wrong::LosesTheNewest), Some(_)) => to.except([id]).write(new).unwrap(),
            (Some(Wrong::Everyone), _) => self.everyone.write(new).unwrap(),
            (Some(Wrong::OtherKey), _) => to.write(value(&text.replace(CHOSEN, ":4"))).unwrap(),
            (Some(Wrong::GoesBackwards), Some(before)) => {
                to.write(new).unwrap();
                spark.write(before);
            }
            (Some(Wrong::Twice), _) => {
                to.write(&new).unwrap();
                spark.write(new);
            }
            _ => to.write(new).unwrap(),
        }
    }
}

fn value(text: &str) -> Value {
    let mut scratch = Scratch::default();
    let value = Json.decode(Kind::Text, text.as_bytes(), &mut scratch);
    value.unwrap()
}

fn primus() -> Primus<AnyTransformer> {
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]).unwrap();
    let shards = Some(Bounded::of(2));
    Primus::new(Options::default(), any, shards, DriverChoice::Auto)
}

fn broken(wrong: Wrong) -> Server {
    let primus = primus();
    let app = App {
        wrong,
        everyone: primus.handle(),
        before: Mutex::default(),
    };
    primus.on_data(move |spark, data| {
        app.data(spark, std::str::from_utf8(data.encoded()).unwrap());
    });
    primus.start("127.0.0.1:0").unwrap()
}

fn with_plugin() -> Server {
    let primus = primus();
    let rooms = Rooms::with_options(RoomsOptions {
        join: vec!["latest:*".into()],
        publish: vec!["latest:*".into()],
        latest: vec!["latest:*".into()],
        joins_per_s: 100_000,
        publishes_per_s: 100_000,
        publish_bytes_max: 1 << 20,
        ..RoomsOptions::default()
    });
    primus.plugin(Arc::new(rooms)).unwrap();
    primus.start("127.0.0.1:0").unwrap()
}

fn conflation(server: &Server, options: &[&str]) -> Run {
    let url = format!("http://{}", server.address());
    load_at(&url, &[&["--scenario", "conflation"], options].concat())
}

#[test]
fn everybody_has_the_newest_values_in_the_end() {
    let server = with_plugin();
    for (transformer, members) in [
        ("websockets", "all"),
        ("websockets", "2-6"),
        ("engine.io", "all"),
        ("sockjs", "4"),
    ] {
        let options = [
            "--transformer",
            transformer,
            "--members",
            members,
            "--clients=20",
            "--publishers=5",
            "--rooms=8",
            "--slow-stall=50ms",
        ];
        let run = conflation(&server, &options);
        let case = (transformer, members);
        assert_eq!(run.code, 0, "{case:?} {} {}", run.report, run.complaints);
        let report = &run.report["conflation"];
        assert_eq!(
            (&report["keys"], &report["slow_clients"]),
            (&500.into(), &2.into())
        );
        assert!(report["stalls"].as_u64() > Some(0), "{case:?} {report}");
        assert!(report["arrived"].as_u64() > Some(0), "{case:?} {report}");
        assert!(
            run.output.contains("values        of 500 keys"),
            "{}",
            run.output
        );
        assert!(run.page.contains("Values"), "it is on the page");
    }
}

/// It does not read before the end, and more is published than the kernel holds for it. How long
/// that takes is a matter of the machine.
#[test]
fn who_does_not_read_gets_newer_values_instead() {
    let server = with_plugin();
    let replaced = |duration: &str| {
        let options = [
            "--clients=3",
            "--slow=1",
            "--keys=3",
            "--rate=300",
            "--message-bytes=131072",
            "--slow-stall=60m",
            "--drain=20s",
            "--duration",
            duration,
        ];
        let run = conflation(&server, &options);
        assert_eq!(run.code, 0, "{} {}", run.report, run.complaints);
        run.report["conflation"]["replaced_slow"].as_u64().unwrap()
    };
    assert!(
        ["3s", "12s", "48s"]
            .into_iter()
            .any(|duration| replaced(duration) > 0)
    );
}

#[test]
fn each_mistake_with_values_is_found_for_its_own_reason() {
    for (wrong, fault) in [
        (Wrong::GoesBackwards, "backwards"),
        (Wrong::LosesTheNewest, "lost"),
        (Wrong::Twice, "duplicated"),
        (Wrong::Everyone, "misdelivered"),
        (Wrong::OtherKey, "corrupted"),
    ] {
        let options = [
            "--clients=12",
            "--publishers=4",
            "--rooms=6",
            "--members=5",
            "--keys=8",
            "--rate=800",
            "--drain=300ms",
        ];
        let run = conflation(&broken(wrong), &options);
        let findings = &run.report["findings"];
        assert_eq!(run.code, 1, "{wrong:?}: {findings} {}", run.complaints);
        assert!(findings[fault].as_u64() > Some(0), "{wrong:?}: {findings}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    for (options, words) in [
        (
            &["--scenario=rooms", "--keys=3"][..],
            "belong to a load of values",
        ),
        (
            &["--scenario=conflation", "--others=3"],
            "--others belongs to",
        ),
        (&["--scenario=conflation", "--keys=0"], "needs keys"),
        (&["--scenario=conflation", "--slow=100"], "does not publish"),
    ] {
        let run = load_at("http://127.0.0.1:1", options);
        assert_eq!(run.code, 2, "{options:?} {}", run.complaints);
        assert!(run.complaints.contains(words), "{}", run.complaints);
    }
}
