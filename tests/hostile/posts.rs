//! Attacks by one legal POST: what does a body of a few megabytes cost?

use crate::attack::{Attack, MIB};
use crate::http::{Client, get, post};
use crate::server::Server;

/// What a body may cost: itself, a copy, and what comes of it in one turn.
const POST: Attack = Attack {
    args: &[],
    memory_max: 64 * MIB,
    wait_max: std::time::Duration::from_secs(2),
};

/// Bytes of a body; every transport takes so much by default.
const BODY_BYTES: usize = 9_000_000;

/// An array of as many such elements as fit into a body.
fn array(element: &str) -> String {
    let count = (BODY_BYTES - 2) / (element.len() + 1);
    let mut body = String::with_capacity(BODY_BYTES);
    body.push('[');
    for _ in 0..count {
        body.push_str(element);
        body.push(',');
    }
    body.pop();
    body.push(']');
    body
}

fn send(server: &Server, request: &[u8]) -> (u16, Vec<u8>) {
    let mut client = Client::connect(server);
    // Who refuses a body need not read it to its end.
    let _ = client.send(request);
    client.read_answer().unwrap_or_default()
}

#[test]
fn of_sockjs() {
    for element in [r#""a""#, r#""""#, "\"\\u0061\""] {
        let body = array(element);
        POST.play(|server| {
            send(server, &post("/primus/0/posts/xhr", "text/plain", b""));
            let path = "/primus/0/posts/xhr_send";
            send(server, &post(path, "text/plain", body.as_bytes()));
        });
    }
}

#[test]
fn of_engine_io() {
    for packet in ["4a", "4", "2"] {
        let body = vec![packet; BODY_BYTES / (packet.len() + 1)].join("\u{1e}");
        POST.play(|server| {
            let path = "/primus/?EIO=4&transport=polling";
            let (_, open) = send(server, &get(path));
            let open = String::from_utf8(open).expect("the server sends text");
            let sid = open.split('"').nth(3).expect("it begins with the id");
            send(
                server,
                &post(&format!("{path}&sid={sid}"), "text/plain", body.as_bytes()),
            );
        });
    }
}

#[test]
fn of_browserchannel() {
    let form = "0_a=1&".repeat(BODY_BYTES / 6);
    let json = array("1");
    let maps = format!("{{\"ofs\":0,\"data\":{}}}", array("{\"a\":1}"));
    for (content_type, body) in [
        ("application/json", json.as_str()),
        ("application/json", maps.as_str()),
        (
            "application/x-www-form-urlencoded",
            &format!("count=9&ofs=0&{form}"),
        ),
    ] {
        POST.play(|server| {
            let open = post(
                "/primus/bind?VER=8&RID=1&CVER=3",
                "application/x-www-form-urlencoded",
                b"count=0",
            );
            let (_, answer) = send(server, &open);
            let answer = String::from_utf8(answer).expect("the server sends text");
            let sid = answer.split('"').nth(3).expect("the id follows \"c\"");
            let path = format!("/primus/bind?VER=8&SID={sid}&RID=2&AID=0");
            send(server, &post(&path, content_type, body.as_bytes()));
        });
    }
}
