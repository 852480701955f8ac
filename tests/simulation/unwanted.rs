//! Bodies that nobody wants: what a request gets is decided by its head.

use allspark_engine::Options;
use allspark_transformers::CommonOptions;
use allspark_transformers::sockjs::{SockJs, SockJsOptions};

use crate::stage::Stage;

const BODY_BYTES: usize = 10_000_000;

fn sockjs() -> Stage<SockJs> {
    let common = CommonOptions::default();
    let transformer = SockJs::new(&common, SockJsOptions::default());
    Stage::new(Options::default(), transformer, |_| {})
}

fn post(path: &str, more: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n\r\n")
}

#[test]
fn a_long_body_that_nobody_wants_is_not_gathered() {
    let length = format!("Content-Length: {BODY_BYTES}");
    let framings = [&*length, "Transfer-Encoding: chunked\r\n\r\n20000\r\n"];
    for framing in framings {
        for (path, status) in [("/elsewhere", "404"), ("/primus/spec", "200")] {
            let mut stage = sockjs();
            let mut client = stage.dial();
            client.say(post(path, framing).as_bytes());
            let mut held = 0;
            for _ in 0..10 {
                client.say(&[b'x'; 10_000]);
                stage.turn();
                held = held.max(stage.primus.stats().bytes_held);
            }
            assert!(client.has_heard(&format!("HTTP/1.1 {status} ")), "{path}");
            assert!(client.has_heard("Connection: close"), "{path}");
            assert!(held < 20_000, "{held} bytes held for {path}");
            client.end();
            stage.turns(4);
            assert_eq!(stage.shard.connections(), 0, "{path}");
        }
    }
}

#[test]
fn a_short_one_is_awaited_and_the_connection_stays() {
    let mut stage = sockjs();
    let mut client = stage.connect(post("/elsewhere", "Content-Length: 5").as_bytes());
    assert_eq!(client.read(), 0, "its body is still to come");
    client.say(b"12345");
    stage.turns(4);
    assert!(client.has_heard("HTTP/1.1 404 "));
    assert!(!client.has_heard("Connection: close"));
    client.heard.clear();
    client.say(b"GET /primus/spec HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stage.turns(4);
    assert!(client.has_heard("HTTP/1.1 200 "));
}
