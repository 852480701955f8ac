//! Attacks by one POST: what does a body of a few megabytes cost? Those of tiny elements have more
//! messages than any transport takes in one request; the others are the worst that is legal.

use allspark_protocol::limits::{BROWSERCHANNEL_MAPS_MAX, REQUEST_MESSAGES_MAX};

use crate::attack::{Attack, MIB};
use crate::http::{Client, get, post};
use crate::server::Server;

/// What a body may cost: itself, a copy, and what comes of it in one turn. Its session is there
/// until it comes, however long the machine takes to send it.
const POST: Attack = Attack {
    args: &[
        "--transport",
        "disconnect_delay=600000",
        "--transport",
        "sessionTimeoutInterval=600000",
        "--transport",
        "pingTimeout=600000",
    ],
    memory_max: 64 * MIB,
    ..Attack::USUAL
};

/// Bytes of a body; every transport takes so much by default.
const BODY_BYTES: usize = 9_000_000;

/// Bytes of a string of which a body has as many as one request may bring.
const STRING_BYTES: usize = BODY_BYTES / REQUEST_MESSAGES_MAX - 3;

/// The same for browserchannel.
const MAP_BYTES: usize = BODY_BYTES / BROWSERCHANNEL_MAPS_MAX - 3;

const FORM: &str = "application/x-www-form-urlencoded";

/// An array of as many such elements as fit into a body.
fn array(element: &str) -> String {
    array_of((BODY_BYTES - 2) / (element.len() + 1), element)
}

fn array_of(count: usize, element: &str) -> String {
    let body = format!("[{}]", vec![element; count].join(","));
    assert!(body.len() <= BODY_BYTES, "{} bytes", body.len());
    body
}

/// A message of digits, which is JSON, in quotes.
fn quoted(bytes: usize) -> String {
    format!("\"{}\"", "1".repeat(bytes))
}

/// The answer to what every server answers.
fn ask(server: &Server, request: &[u8]) -> (u16, String) {
    let answer = Client::connect(server).ask(request);
    let (status, body) = answer.expect("the server answers");
    (status, String::from_utf8(body).expect("it sends text"))
}

/// The status of the answer to a body. `None` if there is none: who refuses one need not read it to
/// its end, and a connection that is closed so may lose the answer.
fn send(server: &Server, request: &[u8]) -> Option<u16> {
    let mut client = Client::connect(server);
    let _ = client.send(request);
    client.read_answer().ok().map(|(status, _)| status)
}

/// Posts a body into a session of its own.
fn post_to_sockjs(server: &Server, body: &str) -> Option<u16> {
    let (status, frame) = ask(server, &post("/primus/0/posts/xhr", "text/plain", b""));
    assert_eq!((status, &*frame), (200, "o\n"));
    let path = "/primus/0/posts/xhr_send";
    send(server, &post(path, "text/plain", body.as_bytes()))
}

/// Returns the path of the session, too.
fn post_to_engine_io(server: &Server, body: &str) -> (Option<u16>, String) {
    let path = "/primus/?EIO=4&transport=polling";
    let (status, open) = ask(server, &get(path));
    assert_eq!(status, 200, "{open}");
    let sid = open.split('"').nth(3).expect("it begins with the id");
    let path = format!("{path}&sid={sid}");
    let status = send(server, &post(&path, "text/plain", body.as_bytes()));
    (status, path)
}

fn post_to_browserchannel(server: &Server, content_type: &str, body: &str) -> Option<u16> {
    let open = post("/primus/bind?VER=8&RID=1&CVER=3", FORM, b"count=0");
    let (status, answer) = ask(server, &open);
    assert_eq!(status, 200, "{answer}");
    let sid = answer.split('"').nth(3).expect("the id follows \"c\"");
    let path = format!("/primus/bind?VER=8&SID={sid}&RID=2&AID=0");
    send(server, &post(&path, content_type, body.as_bytes()))
}

/// Of what is legal nothing is refused.
fn assert_taken(status: Option<u16>, expected: u16) {
    assert_eq!(status, Some(expected));
}

/// Of what is not, nothing is taken.
fn assert_refused(status: Option<u16>) {
    assert!(status.is_none_or(|status| status >= 400), "{status:?}");
}

#[test]
fn of_sockjs() {
    for element in [r#""a""#, r#""""#, "\"\\u0061\""] {
        let body = array(element);
        POST.play(|server| assert_refused(post_to_sockjs(server, &body)));
    }
}

#[test]
fn of_sockjs_with_as_many_messages_as_it_may_have() {
    let (attack, run) = worst_of_sockjs();
    attack.play(run);
}

pub(crate) fn worst_of_sockjs() -> (Attack, impl Fn(&Server)) {
    let body = array_of(REQUEST_MESSAGES_MAX, &quoted(STRING_BYTES));
    (POST, move |server: &Server| {
        assert_taken(post_to_sockjs(server, &body), 204);
    })
}

#[test]
fn of_engine_io() {
    for packet in ["4a", "4", "2"] {
        let body = vec![packet; BODY_BYTES / (packet.len() + 1)].join("\u{1e}");
        POST.play(|server| {
            // As in npm's server the answer is the same, but the session has ended.
            let (_, path) = post_to_engine_io(server, &body);
            assert_eq!(ask(server, &get(&path)).0, 400);
        });
    }
}

#[test]
fn of_engine_io_with_as_many_packets_as_it_may_have() {
    let packet = format!("4{}", "1".repeat(STRING_BYTES));
    let body = vec![&*packet; REQUEST_MESSAGES_MAX].join("\u{1e}");
    POST.play(|server| assert_taken(post_to_engine_io(server, &body).0, 200));
}

#[test]
fn of_browserchannel() {
    let json = array("1");
    let maps = format!("{{\"ofs\":0,\"data\":{}}}", array("{\"a\":1}"));
    let form = format!("count=9&ofs=0&{}", "0_a=1&".repeat(BODY_BYTES / 6));
    for (content_type, body) in [
        ("application/json", json),
        ("application/json", maps),
        (FORM, form),
    ] {
        POST.play(|server| assert_refused(post_to_browserchannel(server, content_type, &body)));
    }
}

#[test]
fn of_browserchannel_with_as_many_maps_as_it_may_have() {
    let array = array_of(BROWSERCHANNEL_MAPS_MAX, &quoted(MAP_BYTES));
    let json = format!("{{\"ofs\":0,\"data\":{array}}}");
    let text = "1".repeat(MAP_BYTES - "&req4095__S=".len());
    let pairs = (0..BROWSERCHANNEL_MAPS_MAX).map(|map| format!("&req{map}__S={text}"));
    let pairs: String = pairs.collect();
    let form = format!("count={BROWSERCHANNEL_MAPS_MAX}&ofs=0{pairs}");
    for (content_type, body) in [("application/json", json), (FORM, form)] {
        POST.play(|server| {
            assert_taken(post_to_browserchannel(server, content_type, &body), 200);
        });
    }
}
