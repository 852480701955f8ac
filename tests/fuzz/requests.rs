//! What the clients of every transformer could send: requests and frames, mostly sound.

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::{CloseCode, encode};
use allspark_transformers::TransformerKind;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::Rng;

use crate::{below, noise};

/// Something to send to a server of `kind`, for a session whose name is `sid`. Now and then it is
/// meant for another transport.
pub(crate) fn something(rng: &mut ChaCha12Rng, kind: TransformerKind, sid: &str) -> Vec<u8> {
    let own: &[usize] = match kind {
        TransformerKind::Any => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        TransformerKind::WebSockets | TransformerKind::Uws => &[0, 6, 6],
        TransformerKind::Faye => &[0, 5, 6, 6],
        TransformerKind::EngineIo => &[1, 2, 6, 8, 8, 8],
        TransformerKind::SockJs => &[3, 4, 6, 9, 9, 9],
        TransformerKind::BrowserChannel => &[10],
    };
    let chosen = match below(rng, 8) {
        0 => below(rng, 12),
        _ => own[below(rng, own.len())],
    };
    let version = version(rng);
    match chosen {
        0 => handshake("/primus", rng),
        1 => handshake(&format!("/primus/?EIO={version}&transport=websocket"), rng),
        2 => handshake(
            &format!("/primus/?EIO={version}&transport=websocket&sid={sid}"),
            rng,
        ),
        3 => handshake(&format!("/primus/000/{sid}/websocket"), rng),
        4 => handshake("/primus/websocket", rng),
        5 => hixie(rng),
        6 | 7 => frames(rng),
        8 => engine_io(rng, sid),
        9 => sockjs(rng, sid),
        10 => browserchannel(rng, sid),
        _ => request(
            "GET",
            pick(rng, &["/primus", "/primus/spec", "/primus/x", "/"]),
            "",
        ),
    }
}

fn pick<'a>(rng: &mut ChaCha12Rng, choices: &[&'a str]) -> &'a str {
    choices[below(rng, choices.len())]
}

fn version(rng: &mut ChaCha12Rng) -> &'static str {
    pick(rng, &["4", "4", "3", "5"])
}

fn request(method: &str, target: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = "Host: localhost\r\nContent-Type: text/plain\r\nOrigin: http://b.example\r\n";
    let forwarded = "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\n";
    format!("{method} {target} HTTP/1.1\r\n{head}{forwarded}Content-Length: {length}\r\n\r\n{body}")
        .into()
}

fn handshake(target: &str, rng: &mut ChaCha12Rng) -> Vec<u8> {
    let extensions = pick(
        rng,
        &[
            "",
            "Sec-WebSocket-Extensions: permessage-deflate\r\n",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9, x; \
             y=\"z\"\r\n",
        ],
    );
    let head = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    let mut bytes = format!("GET {target} HTTP/1.1\r\n{head}{extensions}\r\n").into_bytes();
    bytes.extend(frames(rng));
    bytes
}

/// The handshake of hixie-75 or hixie-76, and frames of theirs.
fn hixie(rng: &mut ChaCha12Rng) -> Vec<u8> {
    let keys = pick(
        rng,
        &[
            "",
            "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
             Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n",
        ],
    );
    let head =
        "Host: localhost\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://b\r\n";
    let mut bytes = format!("GET /primus HTTP/1.1\r\n{head}{keys}\r\n").into_bytes();
    if !keys.is_empty() {
        bytes.extend_from_slice(b"^n:ds[4U");
    }
    for _ in 0..below(rng, 5) {
        match below(rng, 4) {
            0 => bytes.extend_from_slice(&[0xff, 0x00]),
            1 => {
                // A frame of the draft's binary kind, whose length is in base 128.
                bytes.extend_from_slice(&[0x80, 0x81, 0x03]);
                bytes.extend(noise(rng, 140));
            }
            _ => {
                bytes.push(0x00);
                bytes.extend_from_slice(text(rng).as_bytes());
                bytes.push(0xff);
            }
        }
    }
    bytes
}

fn frames(rng: &mut ChaCha12Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..below(rng, 6) {
        let key = Some(rng.next_u32().to_le_bytes());
        match below(rng, 8) {
            0 => encode::ping(&noise(rng, 125), key, &mut bytes),
            1 => encode::pong(&noise(rng, 125), key, &mut bytes),
            2 => encode::close(CloseCode::new(1000), "bye", key, &mut bytes),
            3 => encode::message(Kind::Binary, &noise(rng, 300), key, &mut bytes),
            4 | 5 => compressed(rng, &mut bytes),
            _ => encode::message(Kind::Text, text(rng).as_bytes(), key, &mut bytes),
        }
    }
    bytes
}

/// A frame that says that it is compressed: it holds a stored block of deflate, or noise.
fn compressed(rng: &mut ChaCha12Rng, out: &mut Vec<u8>) {
    let payload = if below(rng, 4) == 0 {
        noise(rng, 200)
    } else {
        let text = text(rng).into_bytes();
        let [low, high] = u16::try_from(text.len())
            .expect("texts are short")
            .to_le_bytes();
        let mut block = vec![0, low, high, !low, !high];
        block.extend(text);
        // The head of the empty block, of which a sender leaves out the rest.
        block.push(0);
        block
    };
    let start = out.len();
    let key = Some(rng.next_u32().to_le_bytes());
    encode::message(Kind::Text, &payload, key, out);
    out[start] |= 0x40;
}

/// What any of the transports could find in a message.
fn text(rng: &mut ChaCha12Rng) -> String {
    match below(rng, 6) {
        0 => "1".repeat(below(rng, 1100)),
        1 => format!("[\"{}\"]", "x".repeat(below(rng, 40))),
        2 => "[\"a\",\"\\u2028\",\"\\ud800\"]".to_owned(),
        _ => pick(
            rng,
            &[
                "2probe",
                "5",
                "3",
                "2",
                "1",
                "4hello",
                "4",
                "b4AAEC",
                "\"a\"",
                "END",
                "BURST",
                "h",
                "é",
                "primus::id::",
                "primus::pong::1",
            ],
        )
        .to_owned(),
    }
}

fn engine_io(rng: &mut ChaCha12Rng, sid: &str) -> Vec<u8> {
    let version = version(rng);
    let extra = pick(rng, &["", "&j=0", "&j=x", "&b64=1"]);
    let open = format!("/primus/?EIO={version}&transport=polling{extra}");
    let target = format!("{open}&sid={sid}");
    match below(rng, 6) {
        0 | 1 => request("GET", &open, ""),
        2 | 3 => request("GET", &target, ""),
        4 => request("OPTIONS", &target, ""),
        _ => {
            let packet = text(rng);
            let body = match below(rng, 4) {
                0 => format!("{}:{packet}", packet.chars().count()),
                1 => format!("{packet}\x1e{}\x1ebAAEC", text(rng)),
                2 => format!("d={packet}"),
                _ => packet,
            };
            request("POST", &target, &body)
        }
    }
}

fn sockjs(rng: &mut ChaCha12Rng, sid: &str) -> Vec<u8> {
    let session = format!("/primus/000/{sid}");
    let receiving = [
        "xhr",
        "xhr_streaming",
        "eventsource",
        "htmlfile?c=f",
        "jsonp?c=f",
    ];
    match below(rng, 6) {
        0 => request(
            "GET",
            pick(rng, &["/primus/info", "/primus/iframe.html"]),
            "",
        ),
        1 => request("OPTIONS", &format!("{session}/xhr"), ""),
        2 | 3 => {
            let transport = pick(rng, &receiving);
            let method = if transport.starts_with("xhr") {
                "POST"
            } else {
                "GET"
            };
            request(method, &format!("{session}/{transport}"), "")
        }
        4 => request("POST", &format!("{session}/xhr_send"), &text(rng)),
        _ => request(
            "POST",
            &format!("{session}/jsonp_send"),
            &format!("d={}", text(rng)),
        ),
    }
}

fn browserchannel(rng: &mut ChaCha12Rng, sid: &str) -> Vec<u8> {
    let rid = below(rng, 6);
    let maps = format!(
        "count=2&ofs={}&req0_JSON=%22a%22&req1__S={}",
        below(rng, 4),
        text(rng)
    );
    let aid = below(rng, 6);
    match below(rng, 6) {
        0 => request("GET", "/primus/test?VER=8&MODE=init&t=1", ""),
        1 | 2 => request(
            "POST",
            &format!("/primus/bind?VER=8&RID={rid}&CVER=1&t=1"),
            &maps,
        ),
        3 => {
            let kind = pick(rng, &["xmlhttp", "html", "terminate"]);
            let target = format!("/primus/bind?VER=8&RID=rpc&SID={sid}&AID={aid}&CI=0&TYPE={kind}");
            request("GET", &target, "")
        }
        _ => {
            let target = format!("/primus/bind?VER=8&RID={rid}&SID={sid}&AID={aid}");
            request("POST", &target, &maps)
        }
    }
}
