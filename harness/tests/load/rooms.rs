//! Clients in rooms, against this repository's own engine and against servers that break a rule.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use allspark_engine::io::DriverChoice;
use allspark_engine::{Data, Handle, Options, Primus, Server, Spark, Value};
use allspark_protocol::options::Bounded;
use allspark_protocol::parser::{Json, Parser, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::{Run, found, has_received, lively, load_at};

/// More than one, so that messages to rooms cross from shard to shard.
const SHARDS: u64 = 2;

/// Something is done to one of so many messages to rooms.
const MISTAKE_EVERY: u32 = 5;

/// How long a message is held back whose place another one is to take.
const SWAP_DELAY: Duration = Duration::from_millis(5);

/// How the server treats rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    Right,
    /// It writes to the publisher again.
    Twice,
    /// It leaves the publisher out.
    Forgets,
    /// It writes to everyone.
    Everyone,
    /// It writes a message to the publisher after the next one.
    Swaps,
    /// It lets nobody join some rooms, and says so.
    Refuses,
}

/// The convention of `allspark serve` with `[plugins.rooms]` and the app mixed.
struct App {
    conduct: Conduct,
    everyone: Handle,
    published: AtomicU32,
}

impl App {
    fn data(&self, spark: &mut Spark<'_>, data: &Data<'_>) {
        let text = std::str::from_utf8(data.encoded()).unwrap();
        if let Some(rooms) = text.strip_prefix(r#"{"emit":["join","#) {
            self.join(spark, rooms.strip_suffix("]}").unwrap());
        } else if let Some(rest) = text.strip_prefix(r#"{"emit":["publish",""#) {
            let (room, _) = rest.split_once("\",").unwrap();
            self.publish(spark, room, &value(text));
        } else if text.starts_with(r#"["all","#) {
            self.everyone.write(data).unwrap();
        } else {
            spark.write(data);
        }
    }

    fn join(&self, spark: &mut Spark<'_>, rooms: &str) {
        let rooms: Vec<String> = serde_json::from_str(rooms).unwrap();
        for room in rooms {
            let event = match self.conduct == Conduct::Refuses && room.ends_with('2') {
                true => "roomserror",
                false => "joinroom",
            };
            if event == "joinroom" {
                spark.join(&room).unwrap();
            }
            spark.write(value(&format!(r#"{{"emit":["{event}","{room}"]}}"#)));
        }
    }

    fn publish(&self, spark: &mut Spark<'_>, room: &str, value: &Value) {
        let count = self.published.fetch_add(1, Ordering::Relaxed);
        let conduct = match count % MISTAKE_EVERY {
            1 => self.conduct,
            _ => Conduct::Right,
        };
        let id = spark.id();
        let mut primus = spark.primus();
        let mut room = primus.room(room);
        match conduct {
            Conduct::Forgets => room.except([id]).write(value).unwrap(),
            Conduct::Everyone => self.everyone.write(value).unwrap(),
            Conduct::Swaps => {
                room.except([id]).write(value).unwrap();
                // The next message comes first.
                let value = value.clone();
                spark.after(SWAP_DELAY, move |spark| {
                    spark.write(&value);
                });
            }
            Conduct::Twice => {
                room.write(value).unwrap();
                spark.write(value);
            }
            Conduct::Right | Conduct::Refuses => room.write(value).unwrap(),
        }
    }
}

fn value(text: &str) -> Value {
    let mut scratch = Scratch::default();
    let value = Json.decode(Kind::Text, text.as_bytes(), &mut scratch);
    value.unwrap()
}

fn start(conduct: Conduct) -> Server {
    let options = Options::default();
    let any = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]).unwrap();
    let shards = Some(Bounded::of(SHARDS));
    let primus = Primus::new(options, any, shards, DriverChoice::Auto);
    let app = Arc::new(App {
        conduct,
        everyone: primus.handle(),
        published: AtomicU32::new(0),
    });
    primus.on_data(move |spark, data| app.data(spark, &data));
    primus.start("127.0.0.1:0").unwrap()
}

fn rooms(server: &Server, options: &[&str]) -> Run {
    let url = format!("http://{}", server.address());
    load_at(&url, &[&["--scenario", "rooms"], options].concat())
}

#[test]
fn messages_reach_who_is_in_their_room_and_nothing_is_wrong() {
    let server = start(Conduct::Right);
    for (transformer, members, others) in [
        ("websockets", "1-6", "0"),
        ("websockets", "all", "0"),
        ("websockets", "4", "8"),
        ("engine.io", "1-6", "4"),
        ("sockjs", "3", "0"),
    ] {
        let options = [
            "--transformer",
            transformer,
            "--members",
            members,
            "--others",
            others,
            "--clients=30",
            "--publishers=30",
            "--rooms=150",
        ];
        let run = lively(has_received, || rooms(&server, &options));
        let case = (transformer, members, others);
        let report = &run.report["rooms"];
        assert_eq!(report["rooms"], 150, "{case:?}");
        assert!(run.output.contains("150 rooms with"), "{}", run.output);
    }
}

#[test]
fn each_mistake_with_rooms_is_found_for_its_own_reason() {
    for (conduct, fault) in [
        (Conduct::Twice, "duplicated"),
        (Conduct::Forgets, "lost"),
        (Conduct::Everyone, "misdelivered"),
        (Conduct::Swaps, "reordered"),
        (Conduct::Refuses, "refused"),
    ] {
        let server = start(conduct);
        let options = [
            "--clients=12",
            "--publishers=12",
            "--rooms=20",
            "--members=5",
            "--drain=300ms",
            "--depth=2",
        ];
        let run = found(fault, || rooms(&server, &options));
        let findings = &run.report["findings"];
        assert_eq!(run.code, 1, "{conduct:?}: {findings} {}", run.complaints);
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    for (options, words) in [
        (
            &["--scenario=echo", "--rooms=3"][..],
            "belong to a load of rooms",
        ),
        (
            &["--scenario=rooms", "--members=200"],
            "can't have 200 of 100",
        ),
        (&["--scenario=rooms", "--parser=raw"], "in JSON"),
    ] {
        let run = load_at("http://127.0.0.1:1", options);
        assert_eq!(run.code, 2, "{options:?} {}", run.complaints);
        assert!(run.complaints.contains(words), "{}", run.complaints);
    }
}
