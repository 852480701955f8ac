//! What an operator says about the log while the server runs.

use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::server::{NEVER, Server, allspark};

const KEY: &str = "the-key-of-a-test-that-is-long-enough";

struct Rig {
    server: Server,
    log: BufReader<PipeReader>,
}

impl Rig {
    fn start() -> Self {
        let (reader, writer) = pipe().unwrap();
        let mut command = allspark(&["--shards", "2"]);
        command.env("ALLSPARK_API_KEYS", KEY);
        Self {
            server: Server::start_with(&mut command, writer),
            log: BufReader::new(reader),
        }
    }

    /// Asks the API. Returns the status and the body.
    fn ask(&self, key: &str, method: &str, path: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(NEVER)).unwrap();
        let request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    /// The next line with these words.
    fn await_line(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "{words}");
            if line.contains(words) {
                return line;
            }
        }
    }
}

#[test]
fn an_operator_traces_the_sparks_of_an_address_and_sets_the_level() {
    let mut rig = Rig::start();
    let (status, _) = rig.ask(
        "another-key-of-a-test-that-is-long-enough",
        "PUT",
        "/traces/127.0.0.1",
    );
    assert_eq!(status, 401);
    assert_eq!(rig.ask(KEY, "PUT", "/traces/nobody").0, 400);
    assert_eq!(rig.ask(KEY, "PUT", "/traces/127.0.0.1?seconds=0").0, 400);
    assert_eq!(
        rig.ask(KEY, "PUT", "/traces/127.0.0.1"),
        (200, json!({"ok": true}))
    );
    rig.server.assert_serves();
    let line = rig.await_line("message in");
    assert!(line.contains("bytes=7"), "{line}");
    rig.await_line("end: ");
    let (_, list) = rig.ask(KEY, "GET", "/traces");
    let trace = &list["traces"][0];
    assert_eq!(trace["target"], "127.0.0.1");
    assert!((1..=600).contains(&trace["seconds"].as_u64().unwrap()));
    assert_eq!(rig.ask(KEY, "DELETE", "/traces/127.0.0.1").0, 200);
    assert_eq!(rig.ask(KEY, "GET", "/traces").1, json!({"traces": []}));

    assert_eq!(
        rig.ask(KEY, "GET", "/log-level").1,
        json!({"level": "info"})
    );
    assert_eq!(rig.ask(KEY, "PUT", "/log-level?level=loud").0, 400);
    assert_eq!(rig.ask(KEY, "PUT", "/log-level?level=debug").0, 200);
    rig.server.assert_serves();
    rig.await_line("disconnection");
}
