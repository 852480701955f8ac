//! Listeners with purposes of their own, and what is known of connections that came in there.

use std::sync::Arc;
use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_engine::{Options, Purpose, Response, Routes};
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

/// A server in virtual time whose listeners are a public one, an internal one and a redirect.
struct World {
    net: SimNet,
    server: SimServer<AnyTransformer>,
}

const PUBLIC: u8 = 0;
const INTERNAL: u8 = 1;
const REDIRECT: u8 = 2;

impl World {
    fn new() -> Self {
        let net = SimNet::default();
        let options = Options {
            routes: routes("/open"),
            internal_routes: routes("/metrics"),
            fallback: Some(Arc::new(|_| Response::text(200, "fallback\n"))),
            ..Options::default()
        };
        let transformer = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]);
        let transformer = transformer.expect("there are no options");
        let server = SimServer::new(&net, options, &transformer, 1, 7, |_| {});
        let mut server = server.with_purposes([
            Purpose::Public,
            Purpose::Internal,
            Purpose::Redirect { port: 443 },
        ]);
        server.settle();
        Self { net, server }
    }

    /// What a request gets through a listener, and whether the connection is closed then.
    fn ask(&mut self, listener: u8, request: &str) -> (String, bool) {
        let end = self.net.connect_to(0, listener, Duration::ZERO);
        let end = end.expect("the server listens");
        self.net.send(end, request.as_bytes());
        self.pass(Duration::from_secs(1));
        let answer = self.read(end);
        self.net.close(end);
        self.pass(Duration::from_secs(1));
        answer
    }

    fn pass(&mut self, time: Duration) {
        let end = self.net.now() + time;
        loop {
            self.server.settle();
            while self.net.next_client_notice().is_some() {}
            let events = [self.net.next_event(), self.server.next_deadline()];
            match events.into_iter().flatten().min() {
                Some(next) if next <= end => self.net.advance_to(next),
                _ => return self.net.advance_to(end),
            }
        }
    }

    fn read(&self, end: EndpointId) -> (String, bool) {
        let mut answer = Vec::new();
        loop {
            match self.net.receive(end, 4096) {
                Some(bytes) if !bytes.is_empty() => answer.extend_from_slice(&bytes),
                rest => return (String::from_utf8(answer).expect("text"), rest.is_none()),
            }
        }
    }
}

fn routes(path: &str) -> Arc<Routes> {
    let mut routes = Routes::new();
    let name = path.to_owned();
    routes
        .add_with_body("*", path, 1 << 20, move |_| {
            Response::text(200, &name).into()
        })
        .expect("a path");
    Arc::new(routes)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a.example:80\r\n\r\n")
}

const UPGRADE: &str = "GET /primus HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn an_internal_listener_serves_internal_routes_and_nothing_else_does() {
    let mut world = World::new();
    let mut status = |listener, path| {
        let (answer, is_closed) = world.ask(listener, &get(path));
        assert!(!is_closed, "{path}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head ends");
        (head["HTTP/1.1 ".len()..][..3].to_owned(), body.to_owned())
    };
    let ok = |body: &str| ("200".to_owned(), body.to_owned());
    assert_eq!(status(PUBLIC, "/open"), ok("/open"));
    assert_eq!(status(PUBLIC, "/metrics"), ok("fallback\n"));
    assert_eq!(status(INTERNAL, "/metrics"), ok("/metrics"));
    for path in ["/open", "/primus/spec", "/primus/primus.js", "/primus", "/"] {
        assert_eq!(status(INTERNAL, path).0, "404", "{path}");
    }
    let (answer, _) = world.ask(INTERNAL, UPGRADE);
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let (answer, _) = world.ask(PUBLIC, UPGRADE);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert_eq!(world.server.handle().stats().sparks_opened, 1);
}

/// Bodies have the bounds of the routes that the listener serves.
#[test]
fn a_body_for_the_wrong_listener_is_not_gathered() {
    let mut world = World::new();
    let post = "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n";
    let (answer, is_closed) = world.ask(PUBLIC, post);
    assert!(answer.starts_with("HTTP/1.1 200 ") && is_closed, "{answer}");
    let (answer, _) = world.ask(INTERNAL, post);
    assert_eq!(answer, "", "the rest of the body is waited for");
    let open = post.replace("/metrics", "/open");
    let (answer, is_closed) = world.ask(INTERNAL, &open);
    assert!(answer.starts_with("HTTP/1.1 404 ") && is_closed, "{answer}");
}

#[test]
fn a_redirect_answers_everything_with_https_and_closes() {
    let mut world = World::new();
    for path in ["/", "/primus/spec", "/open?x", "/metrics"] {
        let (answer, is_closed) = world.ask(REDIRECT, &get(path));
        assert!(answer.starts_with("HTTP/1.1 301 ") && is_closed, "{answer}");
        let location = format!("Location: https://a.example{path}\r\n");
        assert!(answer.contains(&location), "{answer}");
    }
    let (answer, is_closed) = world.ask(REDIRECT, UPGRADE);
    assert!(answer.starts_with("HTTP/1.1 301 ") && is_closed, "{answer}");
    let post = "POST /primus HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n";
    let (answer, is_closed) = world.ask(REDIRECT, post);
    assert!(answer.starts_with("HTTP/1.1 308 ") && is_closed, "{answer}");
    world.pass(Duration::from_secs(30));
    assert_eq!(world.server.connections(), 0);
}
