use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::{CloseCode, encode};
use futures_lite::future::{block_on, poll_once};

use super::*;
use crate::service::App;

const UPGRADE: &str = "GET /primus/?_primuscb=1 HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

const KEY: Option<[u8; 4]> = Some([7, 77, 177, 250]);

/// What a client sends.
fn sent(text: &str) -> Vec<u8> {
    frame(|out| encode::message(Kind::Text, text.as_bytes(), KEY, out))
}

/// What a server sends.
fn received(text: &str) -> Vec<u8> {
    frame(|out| encode::message(Kind::Text, text.as_bytes(), None, out))
}

fn frame(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// One read, and what it led to.
fn read(connection: &mut Connection, bytes: &[u8]) -> (Vec<u8>, Turn) {
    let mut out = Vec::new();
    let turn = connection.receive(&mut bytes.to_vec(), &mut out);
    (out, turn)
}

fn upgraded(service: &Rc<Service>) -> (Connection, Option<Feed>) {
    let mut connection = Connection::new(service);
    let (out, turn) = read(&mut connection, UPGRADE.as_bytes());
    let out = String::from_utf8(out).expect("an answer is text");
    assert!(
        out.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{out}"
    );
    assert!(!turn.is_over);
    (connection, turn.feed)
}

fn next(feed: &mut Feed) -> Option<Vec<u8>> {
    let next = block_on(poll_once(feed.next()));
    next.map(|bytes| bytes.expect("the feed goes on").to_vec())
}

#[test]
fn what_arrived_together_comes_back_together() {
    let (mut connection, feed) = upgraded(&Service::new(App::Echo));
    assert!(feed.is_none());
    let (out, turn) = read(&mut connection, &[sent("1"), sent("\"two\"")].concat());
    assert_eq!(out, [received("1"), received("\"two\"")].concat());
    assert!(!turn.is_over);
}

#[test]
fn reads_may_end_anywhere() {
    let close = frame(|out| encode::close(Some(CloseCode::NORMAL), "", KEY, out));
    let farewell = frame(|out| encode::close(Some(CloseCode::NORMAL), "", None, out));
    let bytes = [UPGRADE.as_bytes(), &sent("[1]"), &sent("{}"), &close].concat();
    for size in 1..bytes.len() {
        let mut connection = Connection::new(&Service::new(App::Echo));
        let (mut all, mut is_over) = (Vec::new(), false);
        for part in bytes.chunks(size) {
            assert!(!is_over, "it ends with the last byte");
            let (out, turn) = read(&mut connection, part);
            all.extend(out);
            is_over = turn.is_over;
        }
        let expected = [received("[1]"), received("{}"), farewell.clone()].concat();
        assert!(all.ends_with(&expected), "in parts of {size}");
        assert!(is_over, "in parts of {size}");
    }
}

#[test]
fn everyone_gets_a_broadcast_and_answers_keep_their_place() {
    let service = Service::new(App::Broadcast);
    let (mut one, feed_of_one) = upgraded(&service);
    let (_two, feed_of_two) = upgraded(&service);
    let (mut feed_of_one, mut feed_of_two) = feed_of_one.zip(feed_of_two).expect("both listen");
    let ping = frame(|out| encode::ping(b"!", KEY, out));
    let pong = frame(|out| encode::pong(b"!", None, out));
    let (out, turn) = read(&mut one, &[sent("1"), ping].concat());
    assert_eq!((out.len(), turn.is_over), (0, false));
    assert_eq!(next(&mut feed_of_one), Some([received("1"), pong].concat()));
    assert_eq!(next(&mut feed_of_two), Some(received("1")));
    assert_eq!(next(&mut feed_of_two), None);
}

#[test]
fn a_goodbye_is_answered_and_ends_the_feed() {
    let (mut connection, feed) = upgraded(&Service::new(App::Broadcast));
    let mut feed = feed.expect("it listens");
    let close = frame(|out| encode::close(None, "", KEY, out));
    assert!(read(&mut connection, &close).1.is_over);
    let farewell = frame(|out| encode::close(None, "", None, out));
    assert_eq!(next(&mut feed), Some(farewell));
    assert_eq!(block_on(feed.next()), None);
    let (out, turn) = read(&mut connection, &sent("1"));
    assert!(
        out.is_empty() && turn.is_over,
        "nothing is read after the end"
    );
}

#[test]
fn primus_is_answered_and_nonsense_is_not() {
    let (mut connection, _) = upgraded(&Service::new(App::Echo));
    let (out, _) = read(&mut connection, &sent("\"primus::id::\""));
    let id = String::from_utf8(out[2..].to_vec()).expect("an id is text");
    assert!(
        id.starts_with("\"primus::id::") && id.len() == 14 + 21,
        "{id}"
    );
    for silent in ["\"primus::pong::1\"", "no json"] {
        let (out, turn) = read(&mut connection, &sent(silent));
        assert!(out.is_empty() && !turn.is_over, "{silent}");
    }
}

#[test]
fn who_breaks_a_rule_is_told_and_closed() {
    let (mut connection, _) = upgraded(&Service::new(App::Echo));
    let (out, turn) = read(&mut connection, &received("unmasked"));
    let protocol_error = CloseCode::PROTOCOL_ERROR;
    assert_eq!(
        out,
        frame(|out| encode::close(Some(protocol_error), "", None, out))
    );
    assert!(turn.is_over);
}

#[test]
fn other_requests_get_answers_on_the_same_connection() {
    let mut connection = Connection::new(&Service::new(App::Echo));
    for (request, status, is_over) in [
        ("GET / HTTP/1.1\r\nHost: here\r\n\r\n", "404", false),
        ("GET /primus/ HTTP/1.1\r\nHost: here\r\n\r\n", "426", false),
        ("nonsense\r\n\r\n", "400", true),
    ] {
        let (out, turn) = read(&mut connection, request.as_bytes());
        let head = format!("HTTP/1.1 {status} ");
        assert!(out.starts_with(head.as_bytes()), "{request}");
        assert_eq!(turn.is_over, is_over, "{request}");
    }
}
