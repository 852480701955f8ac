//! Everything that happens to a spark is logged, while somebody wants to know.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::limits::TRACED_LINES_PER_S;
use allspark_engine::{Options, SparkId, TraceTarget};

use crate::by_hand::ByHand;
use crate::memory_log::MemoryLog;
use crate::stage::handshake;

const HOUR: Duration = Duration::from_secs(3_600);

/// `"secret"` as a client sends it, in a frame without a mask worth the name.
const MESSAGE: &[u8] = b"\x81\x88\0\0\0\0\"secret\"";

struct Rig {
    stage: ByHand,
    ids: Arc<Mutex<Vec<SparkId>>>,
    log: MemoryLog,
}

impl Rig {
    /// An echo.
    fn new() -> Self {
        let log = MemoryLog::start();
        let ids = Arc::new(Mutex::new(Vec::new()));
        let known = Arc::clone(&ids);
        let stage = ByHand::serving(
            TransformerKind::WebSockets,
            2,
            Options::default(),
            |attach| {
                attach.on_connection(move |spark| known.lock().unwrap().push(spark.id()));
                attach.on_data(|spark, data| {
                    spark.write(data);
                });
            },
        );
        Self { stage, ids, log }
    }

    fn connect(&mut self, from: &str) -> EndpointId {
        let end = self.stage.net.connect(1, Duration::ZERO).unwrap();
        let address = format!("{from}:4000").parse().unwrap();
        self.stage.net.set_address(end, address);
        self.stage.run_for(Duration::ZERO);
        self.stage.send(end, handshake("").as_bytes());
        self.stage.read_all(end);
        end
    }

    fn say(&mut self, end: EndpointId) {
        self.stage.net.send(end, MESSAGE);
        self.stage.run_for(Duration::ZERO);
        while self
            .stage
            .net
            .receive(end, usize::MAX)
            .is_some_and(|part| !part.is_empty())
        {}
    }

    fn trace(&mut self, target: TraceTarget) {
        self.stage.handle().trace(target, HOUR);
        self.stage.run_for(Duration::ZERO);
    }

    /// What was logged about traced sparks since the last time.
    fn logged(&self) -> Vec<String> {
        let lines = self.log.take().into_iter();
        let traced = lines.filter_map(|line| {
            let (_, traced) = line.split_once("allspark::traced: ")?;
            Some(traced.to_owned())
        });
        traced.collect()
    }
}

/// Whether the lines begin with these words, one after the other.
fn assert_lines(lines: &[String], words: &[&str]) {
    let fits = lines
        .iter()
        .zip(words)
        .all(|(line, word)| line.starts_with(word));
    assert!(fits && lines.len() == words.len(), "{lines:?}");
}

#[test]
fn a_spark_that_is_traced_tells_what_happens_to_it_but_not_what_is_said() {
    let mut rig = Rig::new();
    let (end, other) = (rig.connect("192.0.2.1"), rig.connect("192.0.2.1"));
    let id = rig.ids.lock().unwrap()[0];
    rig.say(end);
    assert_lines(&rig.logged(), &[]);
    rig.trace(TraceTarget::Spark(id));
    rig.say(end);
    rig.say(other);
    let lines = rig.logged();
    assert_lines(&lines, &["message in", "message out"]);
    assert!(
        lines
            .iter()
            .all(|line| line.contains(&format!("spark={id} "))),
        "{lines:?}"
    );
    assert!(lines[0].contains("kind=Text bytes=8"), "{lines:?}");
    rig.stage.handle().write("to all").unwrap();
    rig.stage.run_for(Duration::ZERO);
    assert_lines(&rig.logged(), &["broadcast out"]);
    rig.stage.net.send(end, b"\x81\x81\0\0\0\0{");
    rig.stage.run_for(Duration::ZERO);
    assert_lines(&rig.logged(), &["message in", "error"]);
    rig.stage.seconds(31);
    assert!(rig.logged().iter().any(|line| line.starts_with("ping")));
    rig.stage.net.close(end);
    rig.stage.seconds(1);
    let lines = rig.logged();
    assert_lines(&lines, &["end: the connection ended without a goodbye"]);
    assert!(lines[0].contains("reason=\"gone\""), "{lines:?}");
}

#[test]
fn an_address_is_traced_with_those_who_are_there_and_those_who_come() {
    let mut rig = Rig::new();
    let (there, other) = (rig.connect("192.0.2.1"), rig.connect("192.0.2.2"));
    let target = TraceTarget::Address("192.0.2.1".parse().unwrap());
    rig.trace(target);
    rig.say(there);
    rig.say(other);
    assert_lines(&rig.logged(), &["message in", "message out"]);
    let came = rig.connect("192.0.2.1");
    rig.connect("192.0.2.2");
    let lines = rig.logged();
    assert_lines(&lines, &["connection"]);
    assert!(lines[0].contains("peer=192.0.2.1:4000"), "{lines:?}");
    rig.stage.handle().untrace(target);
    rig.stage.run_for(Duration::ZERO);
    rig.say(there);
    rig.say(came);
    rig.connect("192.0.2.1");
    assert_lines(&rig.logged(), &[]);
}

#[test]
fn tracing_ends_by_itself() {
    let mut rig = Rig::new();
    let end = rig.connect("192.0.2.1");
    let id = rig.ids.lock().unwrap()[0];
    let short = Duration::from_secs(5);
    rig.stage.handle().trace(TraceTarget::Spark(id), short);
    rig.stage.seconds(4);
    rig.say(end);
    assert_lines(&rig.logged(), &["message in", "message out"]);
    rig.stage.seconds(2);
    rig.say(end);
    assert_lines(&rig.logged(), &[]);
}

#[test]
fn a_client_that_is_busy_does_not_fill_the_log() {
    let mut rig = Rig::new();
    let end = rig.connect("192.0.2.1");
    rig.trace(TraceTarget::Address("192.0.2.1".parse().unwrap()));
    for _ in 0..TRACED_LINES_PER_S {
        rig.say(end);
    }
    assert_eq!(rig.logged().len(), TRACED_LINES_PER_S as usize);
    rig.stage.seconds(1);
    rig.say(end);
    let lines = rig.logged();
    let unlogged = format!("unlogged={TRACED_LINES_PER_S}");
    assert!(
        lines.iter().any(|line| line.contains(&unlogged)),
        "{lines:?}"
    );
}
