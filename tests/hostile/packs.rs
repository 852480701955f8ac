//! Attacks on parsers other than JSON: lengths that lie, depth, sizes. The server only looks at
//! what it is sent, and echoes it.

use allspark_protocol::transformer::Kind;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::attack::{Attack, MIB, scaled};
use crate::http::{Client, get, post};

const PACKED: Attack = Attack {
    args: &["--parser", "msgpack"],
    memory_max: 64 * MIB,
    ..Attack::USUAL
};

const BINARY: Attack = Attack {
    args: &["--parser", "binary"],
    ..PACKED
};

const EJSON: Attack = Attack {
    args: &["--parser", "ejson"],
    ..PACKED
};

/// Bytes of the largest messages; 10 MiB are allowed.
const LARGE_BYTES: usize = 4_000_000;

/// What announces more than follows: strings, bytes, arrays, maps and extensions of 4 GiB, of 64
/// KiB, and of one more than there is.
const LIES: &[&[u8]] = &[
    &[0xdb, 255, 255, 255, 255, b'x'],
    &[0xc6, 255, 255, 255, 255, 1],
    &[0xdd, 255, 255, 255, 255, 0xc0],
    &[0xdf, 255, 255, 255, 255, 0xa0, 0xc0],
    &[0xc9, 255, 255, 255, 255, 1, 1],
    &[0xdc, 255, 255, 0x93, 1, 2],
    &[0xde, 255, 255, 0x81, 0xa1],
    &[0x92, 0xc0],
    &[0xa5, b'x'],
    &[0xc1],
    &[],
];

/// The spark stays whatever came before, and hears what it says.
fn assert_answers(client: &mut Client, message: &str) {
    client.write_message(message).expect("the server lives");
    while client.read_message().expect("the server answers") != message {}
}

#[test]
fn lengths_that_lie() {
    PACKED.play(|server| {
        let mut client = Client::open_websocket(server);
        for round in 0..scaled(500) {
            for lie in LIES {
                let sent = client.write_frame(Kind::Binary, lie);
                sent.expect("the server lives");
            }
            // What would be right as JSON is not right as text either.
            let sent = client.write_frame(Kind::Text, b"\"text\"");
            sent.expect("the server lives");
            if round % 100 == 0 {
                assert_answers(&mut client, "\"still here\"");
            }
        }
        assert_answers(&mut client, "\"and at the end\"");
    });
}

/// The same for the other types of text and bytes that `binary` has.
#[test]
fn lengths_that_lie_in_binary() {
    const LIES: &[&[u8]] = &[
        &[0xd9, 255, 255, 255, 255, b'x'],
        &[0xdb, 255, 255, 255, 255, 1],
        &[0xd8, 255, 255, b'x'],
        &[0xda, 255, 255, 1],
        &[0xdd, 255, 255, 255, 255, 0xc0],
        &[0xdf, 255, 255, 255, 255, 0xb0, 0xc0],
        &[0xdc, 255, 255, 0x93, 1, 2],
        &[0xb5, b'x'],
        &[0xc7, 255, 1],
        &[],
    ];
    BINARY.play_together(|server| {
        let mut client = Client::open_websocket(server);
        for _ in 0..scaled(200) {
            for lie in LIES {
                let sent = client.write_frame(Kind::Binary, lie);
                sent.expect("the server lives");
            }
        }
        assert_answers(&mut client, "\"still here\"");
    });
}

/// A few megabytes that are nested as deeply as they are long, announce a million of something at
/// each level, are a million keys, or one key; whole or cut off in the middle. `text` is what an
/// empty text is, `long` what begins one whose length has four bytes.
fn large(text: u8, long: u8) -> Vec<Vec<u8>> {
    let repeated = |unit: &[u8]| unit.repeat(LARGE_BYTES / unit.len());
    let count = (LARGE_BYTES / 3) as u32;
    let head = |kind: u8| [&[kind][..], &count.to_be_bytes()].concat();
    let key = [head(long), vec![b'k'; count as usize], vec![0xc0]].concat();
    let pair = [text | 1, b'k', 0xc0];
    vec![
        repeated(&[0x91]),
        repeated(&[0x81, text]),
        repeated(&[0xdd, 0, 15, 255, 255]),
        repeated(&[0xc1]),
        [head(0xdd), [0xc0].repeat(count as usize)].concat(),
        [head(0xdd), [0xc0].repeat(count as usize / 2)].concat(),
        [head(0xdf), pair.repeat(count as usize)].concat(),
        [head(0xdf), pair.repeat(count as usize / 2)].concat(),
        [&[0x81][..], &key].concat(),
        [&[0x82][..], &key].concat(),
    ]
}

fn survives(attack: &Attack, kind: Kind, messages: &[Vec<u8>]) {
    attack.play(|server| {
        let mut client = Client::open_websocket(server);
        for _ in 0..scaled(1) {
            for message in messages {
                let sent = client.write_frame(kind, message);
                sent.expect("the server lives");
                assert_answers(&mut client, "\"still here\"");
            }
        }
    });
}

#[test]
fn depth_and_size() {
    survives(&PACKED, Kind::Binary, &large(0xa0, 0xdb));
}

#[test]
fn depth_and_size_in_binary() {
    survives(&BINARY, Kind::Binary, &large(0xb0, 0xd9));
}

/// What EJSON has beyond JSON: objects that mean something else, within each other, with contents
/// that make no sense, or very long ones.
#[test]
fn depth_and_size_in_ejson() {
    let nested = |head: &str, tail: &str| {
        let depth = LARGE_BYTES / (head.len() + tail.len());
        (head.repeat(depth) + &tail.repeat(depth)).into_bytes()
    };
    let long = "A".repeat(LARGE_BYTES);
    let many = |unit: &str| unit.repeat(LARGE_BYTES / unit.len());
    let messages = [
        nested("[", "]"),
        nested(r#"{"$escape":"#, "}"),
        nested(r#"{"$type":"t","$value":"#, "}"),
        nested(r#"{"$date":"#, "}"),
        format!(r#"{{"$binary":"{long}"}}"#).into_bytes(),
        format!(r#"{{"$binary":"{long}=="}}"#).into_bytes(),
        format!(r#"{{"$date":{}}}"#, many("9")).into_bytes(),
        format!(r#"{{"{long}":1}}"#).into_bytes(),
        format!(r#"{{"a":1{}}}"#, many(r#","$date":1"#)).into_bytes(),
        format!(r#"[0{}]"#, many(r#",{"$InfNaN":1}"#)).into_bytes(),
    ];
    survives(&EJSON, Kind::Text, &messages);
}

/// The same as packets of engine.io, which has bytes in base64 where it polls.
#[test]
fn lengths_that_lie_in_base64() {
    let lie = |lie: &&[u8]| format!("b{}", STANDARD.encode(lie));
    let packets: Vec<String> = LIES.iter().map(lie).collect();
    let body = vec![packets.join("\u{1e}"); scaled(2_000)].join("\u{1e}");
    PACKED.play(|server| {
        let mut client = Client::connect(server);
        let path = "/primus/?EIO=4&transport=polling";
        let (_, open) = client.ask(&get(path)).expect("the server answers");
        let open = String::from_utf8(open).expect("the server sends text");
        let sid = open.split('"').nth(3).expect("it begins with the id");
        let path = format!("{path}&sid={sid}");
        let (status, _) = client
            .ask(&post(&path, "text/plain", body.as_bytes()))
            .expect("the server answers");
        assert_eq!(status, 200, "they are messages, if wrong ones");
    });
}
