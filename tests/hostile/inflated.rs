//! Attacks by compressed messages that become a thousand times as much.

use std::io::{Read, Write};

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::{Deflater, Effort, WindowBits};
use allspark_protocol::websocket::encode;

use crate::attack::{Attack, MIB, scaled};
use crate::server::Server;
use crate::stream::Stream;

/// The witness waits for the first message of everybody, and for shares of what follows, which is
/// 0.03 to 0.07 of all. Were all of a receive read at once, it would be 0.6 to 1.
const WORK_MAX: f64 = 0.15;

const PEERS: usize = 48;

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// Opens a spark that compresses.
fn open(server: &Server) -> Stream {
    let mut stream = server.connect();
    let request = "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .expect("the server lives");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the server answers");
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    assert!(head.contains("permessage-deflate"), "{head}");
    stream
}

/// Arrays of numbers, which cost most to check, in 32 kB: 32 MB of messages.
fn bombs() -> Vec<u8> {
    let text = format!("[{}0]", "0,".repeat(100_000));
    let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, false);
    let (mut scratch, mut said) = (Vec::new(), Vec::new());
    let compressed = deflater.message(text.as_bytes(), &mut scratch);
    let compressed = compressed.expect("it shrinks");
    while said.len() < 32_000 {
        encode::compressed(Kind::Text, compressed, MASK, &mut said);
    }
    said
}

#[test]
fn compressed_messages_do_not_hold_a_shard() {
    let (attack, run) = bombardment();
    attack.play(run);
}

pub(crate) fn bombardment() -> (Attack, impl Fn(&Server)) {
    let attack = Attack {
        // These peers answer no ping: on a busy machine the last would be given up as silent.
        args: &["--compression", "--ping-interval", "off"],
        memory_max: 64 * MIB,
        work_max: Some(WORK_MAX),
        ..Attack::default()
    };
    let bombs = bombs();
    let run = move |server: &Server| {
        let mut peers: Vec<Stream> = (0..PEERS).map(|_| open(server)).collect();
        for _ in 0..scaled(1) {
            for peer in &mut peers {
                peer.write_all(&bombs).expect("the server lives");
            }
        }
        // Each of them is served to the end.
        for mut peer in peers {
            peer.end().expect("it is open");
            let mut answers = Vec::new();
            peer.read_to_end(&mut answers).expect("the server answers");
            assert!(answers.len() > 20_000, "{}", answers.len());
        }
    };
    (attack, run)
}
