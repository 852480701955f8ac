//! Listeners with purposes of their own, and what is known of connections that came in there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_engine::{Attach, Layer, Options, Place, ProxyProtocol, Response, Routes, Verdict};
use allspark_protocol::options::Bounded;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::one_server::OneServer;

const PUBLIC: u8 = 0;
const INTERNAL: u8 = 1;
const REDIRECT: u8 = 2;

/// A server whose listeners are a public one, an internal one and a redirect.
fn world() -> OneServer {
    world_of(options())
}

fn options() -> Options {
    Options {
        routes: routes("/open"),
        internal_routes: routes("/metrics"),
        fallback: Some(Arc::new(|_| Response::text(200, "fallback\n"))),
        ..Options::default()
    }
}

fn world_of(options: Options) -> OneServer {
    let net = SimNet::default();
    let transformer = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]);
    let transformer = transformer.expect("there are no options");
    let server = SimServer::new(&net, options, &transformer, 1, 7, |_| {});
    let server = server.with_listeners([
        Place::from("public"),
        Place::from("internal").internal(),
        Place::from("redirect").redirect_to_https(443),
    ]);
    OneServer::new(net, server)
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
    let mut world = world();
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

/// Who runs the server can ask a full one how it is; nobody else gets in.
#[test]
fn an_internal_listener_lets_in_whoever_comes_when_the_server_is_full() {
    let mut world = world_of(Options {
        connections_max: Bounded::of(2),
        ..options()
    });
    for _ in 0..2 {
        let end = world.net.connect_to(0, PUBLIC, Duration::ZERO);
        assert!(end.is_some(), "the server listens");
    }
    world.pass(Duration::from_secs(1));
    let (answer, _) = world.ask(PUBLIC, &get("/open"));
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    let (answer, _) = world.ask(INTERNAL, &get("/metrics"));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let stats = world.server.handle().stats();
    assert_eq!(
        (stats.connections_accepted, stats.connections_refused),
        (3, 1)
    );
}

/// Bodies have the bounds of the routes that the listener serves.
#[test]
fn a_body_for_the_wrong_listener_is_not_gathered() {
    let mut world = world();
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
    let mut world = world();
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

/// What a spark and a layer know of the connection behind a proxy.
type Seen = Arc<Mutex<Vec<String>>>;

/// Two shards behind a proxy that says whom connections come from.
fn proxied() -> (OneServer, Seen) {
    let (net, seen) = (SimNet::default(), Seen::default());
    let sparks = Arc::clone(&seen);
    let attach = |attach: &Attach| {
        attach.on_connection(move |spark| {
            let host = spark.authority().unwrap_or("-").to_owned();
            let version = spark.secure().map_or("-", |secure| secure.version.name());
            let line = format!("{} {host} {version}", spark.address());
            sparks.lock().unwrap().push(line);
        });
        attach.layers().add(Layer::new("who", |request| {
            let host = request.authority().unwrap_or("-");
            let who = format!("{} {host} {}", request.address(), request.is_secure());
            match request.head().path() {
                "/primus/who" => Verdict::Answer(Response::text(200, &who)),
                _ => Verdict::Next,
            }
        }));
    };
    let transformer = AnyTransformer::new(TransformerKind::Any, &CommonOptions::default(), &[]);
    let transformer = transformer.expect("there are no options");
    let server = SimServer::new(&net, Options::default(), &transformer, 2, 7, attach);
    let proxies = "10.0.0.0/8".parse().expect("a network");
    let place = Place::from("proxied").proxy_protocol(ProxyProtocol::Required(proxies));
    let server = server.with_listeners([place]);
    (OneServer::new(net, server), seen)
}

/// From 192.0.2.2, over TLS 1.3 and to the host `a.b`.
const BLOCK: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x24\xc0\0\x02\x02\xc6\x33\x64\x01\x12\x67\x01\xbb\
    \x20\0\x0f\x01\0\0\0\0\x21\0\x07TLSv1.3\x02\0\x03a.b";

/// A connection to this shard that begins so, in pieces of so many bytes.
fn begin(world: &mut OneServer, shard: usize, bytes: &[u8], piece: usize) -> EndpointId {
    let end = world.net.connect(shard, Duration::ZERO);
    let end = end.expect("the server listens");
    for piece in bytes.chunks(piece) {
        world.net.send(end, piece);
        world.pass(Duration::from_millis(1));
    }
    end
}

fn exchange(world: &mut OneServer, end: EndpointId, request: &str) -> String {
    world.net.send(end, request.as_bytes());
    world.pass(Duration::from_secs(1));
    world.read(end).0
}

/// A session lives on one shard; a request for it comes to the other one, behind a header.
#[test]
fn what_a_proxy_says_goes_along_to_another_shard() {
    for piece in [1, 7, 1000] {
        let (mut world, seen) = proxied();
        let first = begin(&mut world, 0, BLOCK, piece);
        let open = get("/primus/?EIO=4&transport=polling");
        let answer = exchange(&mut world, first, &open);
        let (_, rest) = answer
            .split_once("\"sid\":\"")
            .expect("a session is opened");
        let sid = rest.split('"').next().expect("it has a name");
        let said = "192.0.2.2:4711 a.b TLSv1.3".to_owned();
        assert_eq!(*seen.lock().unwrap(), [said]);

        let second = begin(&mut world, 1, BLOCK, piece);
        let who = get("/primus/who");
        let known = "192.0.2.2:4711 a.b true";
        assert!(exchange(&mut world, second, &who).ends_with(known));
        let post = format!(
            "POST /primus/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: a\r\n\
             Content-Length: 4\r\n\r\n4\"x\""
        );
        assert!(exchange(&mut world, second, &post).ends_with("ok"));
        let stats = world.server.handle().stats();
        assert_eq!((stats.connections_adopted, stats.proxies_refused), (1, 0));
        assert!(exchange(&mut world, second, &who).ends_with(known));
        world.net.close(first);
        world.net.close(second);
        world.pass(Duration::from_secs(600));
        assert_eq!(world.server.connections(), 0);
    }
}

/// Whoever brings half a header, a wrong one or none holds a connection no longer than one who
/// brings half a request.
#[test]
fn who_does_not_end_a_header_is_closed_in_time() {
    let (mut world, seen) = proxied();
    let never = begin(&mut world, 0, &BLOCK[..20], 1);
    let wrong = begin(&mut world, 0, b"PROXY TCP4 x\r\n", 100);
    let none = begin(&mut world, 1, get("/primus/who").as_bytes(), 100);
    world.pass(Duration::from_secs(1));
    for end in [wrong, none] {
        assert_eq!(world.read(end), (String::new(), true));
    }
    assert_eq!(world.read(never), (String::new(), false));
    assert_eq!(world.server.handle().stats().proxies_refused, 2);
    for byte in &BLOCK[20..] {
        world.pass(Duration::from_secs(5));
        world.net.send(never, &[*byte]);
    }
    world.pass(Duration::from_secs(10));
    assert!(
        world.read(never).1,
        "a byte every five seconds is no header"
    );
    for end in [never, wrong, none] {
        world.net.close(end);
    }
    world.pass(Duration::from_secs(60));
    assert_eq!(world.server.connections(), 0);
    assert!(seen.lock().unwrap().is_empty());
}
