//! Upgrades from origins that may not connect, on every transport that has a WebSocket.

use std::time::Duration;

use allspark_engine::Options;
use allspark_engine::io::sim::SimNet;
use allspark_engine::sim::SimServer;
use allspark_protocol::http::{Cors, CorsOptions};
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::one_server::OneServer;

const TODAY: &str = "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n";
const HIXIE_76: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
const HIXIE_75: &str = "";

/// Where each transformer opens a WebSocket, and by which drafts.
const UPGRADES: [(TransformerKind, &str, &[&str]); 6] = [
    (TransformerKind::WebSockets, "", &[TODAY]),
    (TransformerKind::Faye, "", &[TODAY, HIXIE_76, HIXIE_75]),
    (TransformerKind::Uws, "", &[TODAY]),
    (
        TransformerKind::EngineIo,
        "/?EIO=4&transport=websocket",
        &[TODAY],
    ),
    (
        TransformerKind::SockJs,
        "/0/s/websocket",
        &[TODAY, HIXIE_76, HIXIE_75],
    ),
    (TransformerKind::SockJs, "/websocket", &[TODAY]),
];

/// A server of one shard.
fn world(kind: TransformerKind, cors: &CorsOptions) -> OneServer {
    let net = SimNet::default();
    let options = Options {
        cors: Cors::new(cors).expect("the test's options are right"),
        ..Options::default()
    };
    let transformer = AnyTransformer::new(kind, &CommonOptions::default(), &[]);
    let transformer = transformer.expect("there are no options");
    let server = SimServer::new(&net, options, &transformer, 1, 7, |_| {});
    OneServer::new(net, server)
}

fn upgrade(path: &str, draft: &str, origin: &str) -> String {
    // The last bytes of hixie-76 come behind the head.
    let rest = if draft == HIXIE_76 { "^n:ds[4U" } else { "" };
    format!(
        "GET /primus{path} HTTP/1.1\r\nHost: chat.example\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\n{draft}{origin}\r\n{rest}"
    )
}

fn listed() -> CorsOptions {
    CorsOptions {
        origins: "https://chat.example".to_owned(),
        ..CorsOptions::default()
    }
}

const FRIEND: &str = "Origin: https://chat.example\r\n";
const FOE: &str = "Origin: http://evil.example\r\n";

#[test]
fn listed_origins_are_asked_of_every_transport() {
    for (kind, path, drafts) in UPGRADES {
        for kind in [kind, TransformerKind::Any] {
            let mut world = world(kind, &listed());
            for draft in drafts {
                let mut status = |origin| world.ask(0, &upgrade(path, draft, origin)).0;
                let name = kind.name();
                for origin in [FRIEND, ""] {
                    let answer = status(origin);
                    assert!(
                        answer.starts_with("HTTP/1.1 101 "),
                        "{name} {path}: {answer}"
                    );
                }
                let answer = status(FOE);
                assert!(
                    answer.starts_with("HTTP/1.1 403 "),
                    "{name} {path}: {answer}"
                );
            }
        }
    }
}

/// What a proxy takes for the bytes of a WebSocket must not be read as requests.
#[test]
fn a_refused_upgrade_is_the_last_word_on_its_connection() {
    for (kind, path, drafts) in UPGRADES {
        let mut world = world(kind, &listed());
        for draft in drafts {
            let smuggled = "GET /primus/spec HTTP/1.1\r\nHost: a\r\n\r\n";
            let (answer, is_closed) = world.ask(0, &(upgrade(path, draft, FOE) + smuggled));
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
            assert!(answer.contains("Connection: close\r\n"), "{answer}");
            assert!(is_closed, "{} {path}", kind.name());
        }
        world.pass(Duration::from_secs(30));
        assert_eq!(world.server.connections(), 0);
        assert_eq!(world.net.open_endpoints(), 0);
    }
}

#[test]
fn everybody_may_upgrade_by_default_and_where_it_is_asked_for() {
    let as_in_primus = CorsOptions {
        upgrades: false,
        ..listed()
    };
    for (kind, path, drafts) in UPGRADES {
        for cors in [&CorsOptions::default(), &as_in_primus] {
            let mut world = world(kind, cors);
            for draft in drafts {
                let (answer, _) = world.ask(0, &upgrade(path, draft, FOE));
                assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
            }
        }
    }
}

/// A session that a friend began by polling is not moved to a WebSocket by somebody else.
#[test]
fn a_session_is_not_upgraded_from_elsewhere() {
    let mut world = world(TransformerKind::EngineIo, &listed());
    let poll = format!(
        "GET /primus/?EIO=4&transport=polling HTTP/1.1\r\nHost: chat.example\r\n{FRIEND}\r\n"
    );
    let (answer, _) = world.ask(0, &poll);
    let (_, rest) = answer
        .split_once("\"sid\":\"")
        .expect("a session was opened");
    let (sid, _) = rest.split_once('"').expect("a name ends");
    let path = format!("/?EIO=4&transport=websocket&sid={sid}");
    let (answer, is_closed) = world.ask(0, &upgrade(&path, TODAY, FOE));
    assert!(answer.starts_with("HTTP/1.1 403 ") && is_closed, "{answer}");
    let (answer, _) = world.ask(0, &upgrade(&path, TODAY, FRIEND));
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
}

/// Requests for scripts and for pages in iframes, which browsers send without an `Origin`.
#[test]
fn scripts_are_for_pages_of_listed_origins() {
    const ASKED: [(TransformerKind, &str, bool); 8] = [
        (
            TransformerKind::EngineIo,
            "/?EIO=4&transport=polling&j=0",
            true,
        ),
        (
            TransformerKind::EngineIo,
            "/?EIO=4&transport=polling",
            false,
        ),
        (TransformerKind::SockJs, "/0/s/jsonp?c=c", true),
        (TransformerKind::SockJs, "/0/t/htmlfile?c=c", true),
        (TransformerKind::SockJs, "/iframe.html", true),
        (TransformerKind::SockJs, "/info", false),
        (
            TransformerKind::BrowserChannel,
            "/test?VER=8&TYPE=html",
            true,
        ),
        (TransformerKind::BrowserChannel, "/test?VER=8", false),
    ];
    for (kind, path, is_script) in ASKED {
        for kind in [kind, TransformerKind::Any] {
            let status = |cors: &CorsOptions, referer: &str| {
                let mut world = world(kind, cors);
                let head = format!("GET /primus{path} HTTP/1.1\r\nHost: own.example:80");
                let (answer, _) = world.ask(0, &format!("{head}\r\n{referer}\r\n"));
                answer["HTTP/1.1 ".len()..][..3].to_owned()
            };
            for referer in [
                "",
                "Referer: https://chat.example/room?x\r\n",
                "Referer: http://own.example:80/primus/iframe.html\r\n",
            ] {
                assert_eq!(status(&listed(), referer), "200", "{path} {referer}");
            }
            let foe = "Referer: http://evil.example/https://chat.example\r\n";
            let expected = if is_script { "403" } else { "200" };
            assert_eq!(status(&listed(), foe), expected, "{path}");
            assert_eq!(status(&CorsOptions::default(), foe), "200", "{path}");
        }
    }
}

/// The header of an answer that says who may frame it.
fn framed_by(answer: &str) -> Option<&str> {
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head ends");
    let mut lines = head.lines();
    lines.find_map(|line| line.strip_prefix("Content-Security-Policy: "))
}

/// Pages that are there to be framed: by those that are listed, and by each other.
#[test]
fn pages_are_framed_by_listed_origins() {
    const ASKED: [(TransformerKind, &str, bool); 7] = [
        (TransformerKind::SockJs, "/iframe.html", true),
        (TransformerKind::SockJs, "/iframe-0.1.html", true),
        (TransformerKind::SockJs, "/0/t/htmlfile?c=c", true),
        (
            TransformerKind::BrowserChannel,
            "/test?VER=8&TYPE=html",
            true,
        ),
        // What is no page is shown by no frame but as text.
        (TransformerKind::SockJs, "/0/s/jsonp?c=c", false),
        (TransformerKind::SockJs, "/iframe.js", false),
        (
            TransformerKind::EngineIo,
            "/?EIO=4&transport=polling&j=0",
            false,
        ),
    ];
    for (kind, path, is_page) in ASKED {
        for kind in [kind, TransformerKind::Any] {
            let ask = |cors: &CorsOptions, header: &str| {
                let mut world = world(kind, cors);
                let head = format!("GET /primus{path} HTTP/1.1\r\nHost: own.example");
                world.ask(0, &format!("{head}\r\n{header}\r\n")).0
            };
            let answer = ask(&listed(), "");
            assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
            let expected = is_page.then_some("frame-ancestors 'self' https://chat.example");
            assert_eq!(framed_by(&answer), expected, "{path}");
            // Caches that have the page from before are told, too.
            if let Some((_, tag)) = answer.split_once("ETag: ").filter(|_| is_page) {
                let tag = tag.lines().next().expect("a line ends");
                let answer = ask(&listed(), &format!("If-None-Match: {tag}\r\n"));
                assert!(answer.starts_with("HTTP/1.1 304 "), "{path}: {answer}");
                assert_eq!(framed_by(&answer), expected, "{path}");
            }
            assert_eq!(framed_by(&ask(&CorsOptions::default(), "")), None, "{path}");
        }
    }
}
