//! Layers that are asked about openings, and about nothing else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::{Layer, LayerError, LayerRequest, Options, Verdict};

use crate::by_hand::ByHand;
use crate::stage::handshake;

const PAUSE: Duration = Duration::from_millis(50);

/// What the layer was asked about, and what sparks have of its answer.
type Asked = Arc<Mutex<Vec<String>>>;

/// Decides after a while: by the header `X-Name`, which it attaches.
fn judge(asked: &Asked, request: &LayerRequest<'_>) -> Verdict {
    let head = request.head();
    let name = head.header("x-name").unwrap_or_default().to_owned();
    asked.lock().unwrap().push(head.path().to_owned());
    let (mut ticket, pause) = (request.later(), request.executor().sleep(PAUSE));
    request.spawn(async move {
        pause.await;
        match &*name {
            "no" => ticket.fail(LayerError::new("not today").status(403)),
            "who" => ticket.fail("who are you?"),
            _ => {
                ticket.attach(name);
                ticket.next();
            }
        }
    });
    Verdict::Later
}

fn server(kind: TransformerKind) -> (ByHand, Asked) {
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    let stage = ByHand::serving(kind, 2, Options::default(), move |primus| {
        let judged = Arc::clone(&noted);
        let layer = Layer::new("doorkeeper", move |request| judge(&judged, request));
        primus.layers().add(layer.openings());
        primus.on_connection(move |spark| {
            let name = spark.attached::<String>().cloned().unwrap_or_default();
            noted.lock().unwrap().push(format!("{name} is there"));
        });
    });
    (stage, asked)
}

fn take(asked: &Asked) -> Vec<String> {
    std::mem::take(&mut *asked.lock().unwrap())
}

fn ask(stage: &mut ByHand, end: EndpointId, request: &str, name: &str, body: &str) -> String {
    let length = body.len();
    let text = format!(
        "{request} HTTP/1.1\r\nHost: x\r\nX-Name: {name}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stage.send_all(end, text.as_bytes());
    stage.run_for(2 * PAUSE);
    stage.read_all(end).0
}

#[test]
fn a_session_that_polls_is_asked_about_once() {
    let (mut stage, asked) = server(TransformerKind::EngineIo);
    let path = "/primus/?EIO=4&transport=polling";
    let end = stage.connect(0);
    let answer = ask(&mut stage, end, &format!("GET {path}"), "ada", "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(take(&asked), ["/primus/", "ada is there"]);
    let (_, sid) = answer.split_once("\"sid\":\"").unwrap();
    let own = format!("{path}&sid={}", sid.split_once('"').unwrap().0);
    // From the other shard, too.
    for shard in [0, 1] {
        let end = stage.connect(shard);
        let answer = ask(&mut stage, end, &format!("POST {own}"), "no", "4\"hello\"");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert_eq!(take(&asked), [""; 0]);
    // Who is refused may go on with his connection.
    let end = stage.connect(1);
    let answer = ask(&mut stage, end, &format!("GET {path}"), "no", "");
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.ends_with("{\"error\":\"not today\"}"), "{answer}");
    let answer = ask(&mut stage, end, &format!("GET {path}"), "ben", "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(take(&asked), ["/primus/", "/primus/", "ben is there"]);
    assert_eq!(stage.stats().sparks_opened, 2);
}

#[test]
fn a_session_whose_client_has_named_it_is_asked_about_where_it_would_live() {
    let (mut stage, asked) = server(TransformerKind::SockJs);
    for (number, shard) in [(1, 0), (2, 0), (3, 1), (4, 1)] {
        let path = format!("/primus/000/session-{number}/xhr");
        let end = stage.connect(shard);
        let answer = ask(&mut stage, end, &format!("POST {path}"), "no", "");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        let answer = ask(&mut stage, end, &format!("POST {path}"), "ada", "");
        assert!(answer.ends_with("o\n"), "{answer}");
        assert_eq!(take(&asked), [&*path, &*path, "ada is there"]);
        let end = stage.connect(1 - shard);
        ask(&mut stage, end, &format!("POST {path}"), "no", "");
        ask(&mut stage, end, "GET /primus/info", "no", "");
        assert_eq!(take(&asked), [""; 0], "it is there");
    }
}

#[test]
fn an_upgrade_is_refused_as_by_an_authorization() {
    let (mut stage, asked) = server(TransformerKind::WebSockets);
    for (name, answer) in [("ada", 101), ("no", 403), ("who", 401)] {
        let end = stage.connect(0);
        let request = handshake(&format!("X-Name: {name}\r\n"));
        stage.send_all(end, request.as_bytes());
        assert_eq!(stage.read_all(end).0, "", "nobody has decided");
        stage.run_for(2 * PAUSE);
        let (heard, _) = stage.read_all(end);
        assert!(heard.starts_with(&format!("HTTP/1.1 {answer} ")), "{heard}");
        let closes = heard.contains("\r\nConnection: close\r\n");
        assert_eq!(closes, answer != 101, "{heard}");
    }
    let all = ["/primus", "ada is there", "/primus", "/primus"];
    assert_eq!(take(&asked), all);
}

#[test]
fn nothing_is_left_of_a_client_that_goes_before_it_is_decided() {
    let (mut stage, _) = server(TransformerKind::WebSockets);
    for _ in 0..10 {
        let end = stage.connect(0);
        stage.send_all(end, handshake("").as_bytes());
        stage.net.close(end);
        stage.run_for(2 * PAUSE);
    }
    stage.seconds(10);
    let stats = stage.stats();
    assert_eq!(stats.sparks_opened, 0);
    assert_eq!(stats.connections_accepted, stats.connections_closed);
}
