//! Attacks by clients that do not read what they are sent.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

use crate::attack::{Attack, scaled};
use crate::http::{Client, push};
use crate::server::Server;
use crate::stream::Stream;

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// Opens a spark whose kernel takes hardly anything that is not read.
fn open_narrow(server: &Server) -> Stream {
    let mut stream = server.connect_narrow();
    let request = "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
                   Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .expect("the server lives");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("the server answers");
    assert_eq!(&head, b"HTTP/1.1 101");
    stream
}

/// Whatever one may ask as often as one likes, and reads no answer to: what waits stays small, and
/// who asks is not listened to any more, or the server ends him.
#[test]
fn answers_that_nobody_reads_are_bounded() {
    Attack::default().play(read_no_answers);
}

pub(crate) fn read_no_answers(server: &Server) {
    let mut said = Vec::new();
    for _ in 0..scaled(100_000) {
        encode::ping(&[7; 125], MASK, &mut said);
        encode::message(Kind::Text, b"\"primus::id::\"", MASK, &mut said);
    }
    let end = Instant::now() + Duration::from_secs(20);
    thread::scope(|scope| {
        for _ in 0..4 {
            // Until nothing is taken any more.
            scope.spawn(|| push(&mut open_narrow(server), &said, end));
        }
    });
}

/// Many clients that have stopped reading share what waits for them.
#[test]
fn broadcasts_to_clients_that_do_not_read_are_kept_once() {
    let attack = Attack {
        args: &["--transformer", "any", "--ping-interval", "off"],
        memory_max: 96 * crate::attack::MIB,
        ..Attack::default()
    };
    attack.play(|server| {
        let peers: Vec<Stream> = (0..200).map(|_| open_narrow(server)).collect();
        let mut publisher = Client::open_websocket(server);
        let message = format!("[\"all\",\"{}\"]", "x".repeat(10_000));
        for _ in 0..scaled(1_500) {
            publisher.write_message(&message).expect("the server lives");
            while publisher.read_message().expect("the server lives") != message {}
        }
        drop(peers);
    });
}
