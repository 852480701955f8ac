//! The two halves by themselves, and against each other over byte streams.

mod carried;
mod compression;
mod pairs;

use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::transformer::{
    Answer, Carrier, End, Event, Kind, Output, Outputs, Transformer, Wire,
};
use allspark_protocol::websocket::encode;
use allspark_protocol::{Input, Payload};

use super::streaming::Streaming;
use super::*;
use crate::CommonOptions;

const CARRIER: Carrier = Carrier(7);
const KEY: [u8; 4] = [1, 2, 3, 4];

fn session() -> Streaming {
    Streaming::new(8, Wire(0))
}

fn client(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

fn head(lines: &str) -> String {
    format!("GET /primus?a=b HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
}

/// What is answered to a request with these header lines.
fn response(lines: &str) -> (Response, Option<WebSocketSession>) {
    let head = head(lines);
    let request = Request {
        head: RequestHead::parse(head.as_bytes()).unwrap(),
        body: Payload::Owned(Vec::new()),
    };
    match WebSockets::new(&CommonOptions::default(), WebSocketsOptions::default()).request(&request)
    {
        Answer::Respond(response) => (response, None),
        Answer::Upgrade { response, session } => (response, Some(session)),
        other => panic!("{other:?}"),
    }
}

/// What was written, all on one carrier.
fn written(out: &Outputs) -> Vec<u8> {
    let bytes = |output: &Output| match output {
        Output::Write(CARRIER, range) | Output::Latest(CARRIER, range) => {
            out.bytes(range.clone()).to_vec()
        }
        other => panic!("{other:?}"),
    };
    out.list().iter().flat_map(bytes).collect()
}

#[test]
fn a_plain_request_is_told_to_upgrade() {
    let (response, session) = response("");
    assert!(session.is_none());
    assert_eq!(
        (response.status(), response.body_bytes()),
        (426, &b"Upgrade Required"[..])
    );
}

#[test]
fn an_upgrade_opens_a_session() {
    let (response, session) = response(
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
    );
    assert!(session.is_some());
    let mut out = Vec::new();
    response.encode(&mut out, true, false);
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{text}"
    );
    // The example of RFC 6455, 1.3.
    assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{text}");
}

#[test]
fn a_ping_is_answered_and_counts_as_alive() {
    let mut bytes = client(|out| encode::ping(b"hi", Some(KEY), out));
    let mut out = Outputs::default();
    let event = session().receive(CARRIER, &mut Input::new(&mut bytes), None, &mut out);
    assert!(matches!(event, Some(Event::Alive)));
    assert_eq!(written(&out), client(|out| encode::pong(b"hi", None, out)));
}

#[test]
fn a_goodbye_is_answered_in_its_own_words_once() {
    let code = allspark_protocol::websocket::CloseCode::new(4321);
    let goodbye = client(|out| encode::close(code, "bye", Some(KEY), out));
    let mut out = Outputs::default();
    let mut bytes = goodbye.clone();
    let event = session().receive(CARRIER, &mut Input::new(&mut bytes), None, &mut out);
    let Some(Event::Ended(end)) = event else {
        panic!()
    };
    assert_eq!(end, End::closed(code));
    assert_eq!(
        written(&out),
        client(|out| encode::close(code, "bye", None, out))
    );

    let (mut session, mut out) = (session(), Outputs::default());
    session.close(CARRIER, None, &mut out);
    assert_eq!(written(&out), [0x88, 0]);
    session.receive(
        CARRIER,
        &mut Input::new(&mut goodbye.clone()),
        None,
        &mut out,
    );
    assert_eq!(written(&out).len(), 2, "the goodbye is not said twice");
}

#[test]
fn a_message_over_the_limit_closes_with_1009() {
    let mut bytes = client(|out| encode::message(Kind::Text, b"123456789", Some(KEY), out));
    let mut out = Outputs::default();
    let event = session().receive(CARRIER, &mut Input::new(&mut bytes), None, &mut out);
    assert!(matches!(event, Some(Event::Ended(End::Violation(_)))));
    assert_eq!(written(&out)[2..4], 1009_u16.to_be_bytes());
}
