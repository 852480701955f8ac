//! Large messages that are written back, to clients that read whenever they like: every byte comes
//! back once and in order, although the receive buffers from which they are sent are few.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use allspark::{Destroy, DriverChoice, Primus};
use allspark_protocol::Dice;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

const CLIENTS: u64 = 6;

/// What each client sends, in bytes.
const BYTES: usize = 4 * 1024 * 1024;

const HANDSHAKE: &[u8] = b"GET /primus HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn with_epoll() {
    echoes(DriverChoice::Epoll);
}

#[test]
fn with_the_best_driver() {
    echoes(DriverChoice::Auto);
}

fn echoes(driver: DriverChoice) {
    // A ping would come among the echoes.
    let builder = Primus::builder().ping_interval_ms(None);
    let primus = builder.shards(1).driver(driver).build().unwrap();
    primus.on_data(|spark, data| {
        spark.write(data);
    });
    let server = primus.start("127.0.0.1:0").unwrap();
    let address = server.address();
    thread::scope(|scope| {
        for seed in 0..CLIENTS {
            scope.spawn(move || client(address, seed));
        }
    });
    let stats = primus.handle().stats();
    assert_eq!(stats.sparks_overflowed, 0);
    primus.handle().destroy(Destroy::default());
    server.join().unwrap();
}

/// Writes messages and reads them back, each side at its own pace.
fn client(address: SocketAddr, seed: u64) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(HANDSHAKE).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    let mut dice = Dice::new(seed);
    while sent.len() < BYTES {
        let bytes = [5, 1000, 3000, 20_000, 65_534, 65_536, 100_000][dice.index(7)];
        let letter = b'a' + dice.below(26) as u8;
        let text = format!("\"{}\"", char::from(letter).to_string().repeat(bytes));
        let key = (dice.roll() as u32).to_le_bytes();
        encode::message(Kind::Text, text.as_bytes(), Some(key), &mut sent);
        encode::message(Kind::Text, text.as_bytes(), None, &mut expected);
    }
    let mut writing = stream.try_clone().unwrap();
    let writer = thread::spawn(move || writing.write_all(&sent).unwrap());
    let mut at = 0;
    let mut part = vec![0; 256 * 1024];
    while at < expected.len() {
        let bytes = 1 + dice.index(part.len());
        let count = stream.read(&mut part[..bytes]).unwrap();
        assert!(count > 0, "the server has closed after {at} bytes");
        assert_same(&expected[at..], &part[..count], at);
        at += count;
        // Now and then it reads nothing until its window is full.
        if dice.once_in(20) {
            thread::yield_now();
        }
    }
    writer.join().unwrap();
}

/// The bytes that were read at this place are those that were sent.
fn assert_same(expected: &[u8], read: &[u8], at: usize) {
    if expected.starts_with(read) {
        return;
    }
    let same = std::iter::zip(expected, read);
    let same = same.take_while(|(one, other)| one == other).count();
    let found = String::from_utf8_lossy(&read[same..read.len().min(same + 40)]);
    panic!("byte {} is not what was sent: {found:?}", at + same);
}
