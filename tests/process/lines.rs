//! What the log says of a client: who came, by what, and why it is gone.

use std::io::{BufRead, BufReader, PipeReader, pipe};

use rustix::process::Signal;

use crate::server::{Client, Server};

/// A server and its log.
struct Rig {
    server: Server,
    log: BufReader<PipeReader>,
}

impl Rig {
    fn start(args: &[&str]) -> Self {
        let (reader, writer) = pipe().unwrap();
        Self {
            server: Server::start(args, writer),
            log: BufReader::new(reader),
        }
    }

    /// The next line with one of these words, and what was logged before it since the last one.
    fn await_line(&mut self, words: &str) -> (String, Vec<String>) {
        let mut before = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "{before:?}");
            if line.contains(words) {
                return (line, before);
            }
            before.push(line);
        }
    }

    fn connect(&mut self) -> Client {
        let client = self.server.connect();
        let (line, _) = self.await_line(": connection ");
        assert!(
            line.contains(&format!(" peer={} ", client.address())),
            "{line}"
        );
        assert!(line.contains(" transformer=websockets"), "{line}");
        client
    }

    /// Why the client that was connected last is gone.
    fn reason(&mut self) -> String {
        let (line, _) = self.await_line(": disconnection ");
        line.split_once("reason=").unwrap().1.trim_end().to_owned()
    }
}

#[test]
fn a_client_that_leaves() {
    let mut rig = Rig::start(&["--log", "debug"]);
    let mut client = rig.connect();
    client.send_frame(0x88, &4321_u16.to_be_bytes());
    assert_eq!(rig.reason(), "closed by the client with code 4321");
    rig.connect().send_frame(0x88, b"");
    assert_eq!(rig.reason(), "closed by the client");
    drop(rig.connect());
    assert_eq!(rig.reason(), "the connection ended without a goodbye");
}

#[test]
fn an_error_comes_before_the_end_that_it_causes() {
    let mut rig = Rig::start(&["--log", "debug"]);
    // There is no such opcode.
    rig.connect().send_frame(0x83, b"");
    let (line, before) = rig.await_line(": disconnection ");
    let reason = "reason=the client broke a rule of the transport\n";
    assert!(line.ends_with(reason), "{line}");
    let errors = before.iter().filter(|line| line.contains("spark error"));
    assert_eq!(errors.count(), 1, "{before:?}");
}

#[test]
fn a_client_that_is_silent() {
    let mut rig = Rig::start(&["--log", "debug", "--ping-interval", "50"]);
    let _mute = rig.connect();
    assert_eq!(rig.reason(), "no answer to a ping");
}

#[test]
fn a_server_that_ends() {
    let mut rig = Rig::start(&["--log", "debug"]);
    let client = rig.connect();
    rig.server.signal(Signal::TERM);
    assert_eq!(rig.reason(), "the server ends");
    drop(client);
    assert_eq!(rig.server.exit_code(), Some(0));
}

/// A million clients must not be two million lines.
#[test]
fn at_info_there_is_nothing_about_a_client() {
    let mut rig = Rig::start(&[]);
    for _ in 0..10 {
        rig.server.assert_serves();
    }
    let mut client = rig.server.connect();
    client.send_frame(0x83, b"");
    rig.server.signal(Signal::TERM);
    let (_, before) = rig.await_line("draining");
    assert_eq!(before.len(), 1, "{before:?}");
    assert!(before[0].contains("serving on"), "{before:?}");
}

/// What a program reads: an object for each event, whoever it is about.
#[test]
fn every_line_is_an_object_if_the_log_is_json() {
    let mut rig = Rig::start(&["--log", "debug", "--log-format", "json"]);
    let mut client = rig.server.connect();
    client.send_frame(0x88, &4321_u16.to_be_bytes());
    let (end, mut lines) = rig.await_line("\"disconnection\"");
    lines.push(end);
    rig.server.signal(Signal::TERM);
    let (last, before) = rig.await_line("\"ended\"");
    lines.extend(before);
    lines.push(last);
    let read = |line: &String| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    let objects: Vec<_> = lines.iter().map(read).collect();
    assert!(objects.iter().all(|object| object["time"].is_string()));
    let find = |message: &str| objects.iter().find(|object| object["message"] == message);
    let (begin, end) = (find("connection").unwrap(), find("disconnection").unwrap());
    assert_eq!(begin["peer"], client.address().to_string());
    assert_eq!(
        (&begin["level"], &begin["target"]),
        (&"debug".into(), &"allspark_engine::shard::events".into())
    );
    assert_eq!(end["reason"], "closed by the client with code 4321");
    assert_eq!(begin["spark"], end["spark"]);
    assert!(begin["shard"].is_u64());
}
