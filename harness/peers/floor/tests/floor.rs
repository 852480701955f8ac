//! Both loops as programs: what they are asked to do, they do right, or their figures mean nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

/// A loop that ends with the test.
struct Floor {
    child: Child,
    port: u16,
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Floor {
    fn start(kind: &str, app: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_peer-floor"))
            .args([kind, "0", app])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        let port = lines.find_map(|line| line.strip_prefix("listening ")?.parse().ok());
        let port = port.expect("the loop listens");
        Self { child, port }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }

    /// A WebSocket whose handshake is over.
    fn open(&self) -> TcpStream {
        let mut stream = self.connect();
        let request = "GET /primus/?x=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        // The example of RFC 6455, section 1.3.
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        stream
    }
}

fn message(number: usize, bytes: usize, key: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = Vec::new();
    encode::message(Kind::Binary, &vec![number as u8; bytes], key, &mut out);
    out
}

fn expect(stream: &mut TcpStream, bytes: &[u8], who: &str) {
    let mut got = vec![0; bytes.len()];
    stream.read_exact(&mut got).unwrap();
    assert!(got == bytes, "{who} got something else");
}

fn say_goodbye(mut stream: TcpStream) {
    let mut goodbye = Vec::new();
    encode::close(None, "", Some([9; 4]), &mut goodbye);
    stream.write_all(&goodbye).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, [0x88, 0]);
}

#[test]
fn what_is_sent_comes_back_however_it_is_cut() {
    for kind in ["uring", "epoll"] {
        let floor = Floor::start(kind, "echo");
        let mut stream = floor.open();
        let sizes = [0, 1, 125, 126, 4090, 4096, 65_535, 65_536, 300_000];
        let (mut sent, mut expected) = (Vec::new(), Vec::new());
        for (number, bytes) in sizes.into_iter().enumerate() {
            sent.extend(message(number, bytes, Some([1, 2, 3, number as u8])));
            expected.extend(message(number, bytes, None));
        }
        for piece in sent.chunks(1777) {
            stream.write_all(piece).unwrap();
        }
        expect(&mut stream, &expected, kind);
        say_goodbye(stream);
    }
}

#[test]
fn who_reads_late_gets_everything() {
    const MESSAGES: usize = 400;
    const BYTES: usize = 60_000;
    for kind in ["uring", "epoll"] {
        let floor = Floor::start(kind, "echo");
        let mut stream = floor.open();
        let mut writer = stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || {
            for number in 0..MESSAGES {
                writer
                    .write_all(&message(number, BYTES, Some([7; 4])))
                    .unwrap();
            }
        });
        std::thread::sleep(Duration::from_millis(300));
        for number in 0..MESSAGES {
            expect(&mut stream, &message(number, BYTES, None), kind);
        }
        writing.join().unwrap();
        say_goodbye(stream);
    }
}

#[test]
fn everyone_gets_every_broadcast_in_order() {
    const CLIENTS: usize = 300;
    const MESSAGES: usize = 50;
    for kind in ["uring", "epoll"] {
        let floor = Floor::start(kind, "broadcast");
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| floor.open()).collect();
        let mut expected = Vec::new();
        for number in 0..MESSAGES {
            let publisher = &mut clients[number % 7];
            publisher
                .write_all(&message(number, 100, Some([8; 4])))
                .unwrap();
            let plain = message(number, 100, None);
            // The next publisher waits, so that the order is known.
            if number % 7 != (number + 1) % 7 {
                let next = &mut clients[(number + 1) % 7];
                let mut peeked = vec![0; expected.len() + plain.len()];
                while next.peek(&mut peeked).unwrap() < peeked.len() {
                    std::thread::yield_now();
                }
            }
            expected.extend(plain);
        }
        for client in &mut clients {
            expect(client, &expected, kind);
        }
        clients.into_iter().for_each(say_goodbye);
    }
}

#[test]
fn what_is_no_websocket_is_answered_or_cut_off_and_slots_are_used_again() {
    for kind in ["uring", "epoll"] {
        let floor = Floor::start(kind, "echo");
        for _ in 0..50 {
            let mut stream = floor.connect();
            stream
                .write_all(b"GET /primus/spec HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.contains(r#""pingInterval":false"#), "{answer}");
            let mut unmasked = floor.open();
            unmasked.write_all(&message(1, 5, None)).unwrap();
            assert_eq!(
                unmasked.read(&mut [0]).unwrap_or(0),
                0,
                "{kind} cuts it off"
            );
            drop(floor.connect());
        }
        let mut stream = floor.open();
        stream.write_all(&message(1, 5, Some([3; 4]))).unwrap();
        expect(&mut stream, &message(1, 5, None), kind);
    }
}

#[test]
fn a_wrong_command_line_is_misuse() {
    for arguments in [
        &["uring"][..],
        &["kqueue", "0", "echo"],
        &["epoll", "x", "echo"],
    ] {
        let program = env!("CARGO_BIN_EXE_peer-floor");
        let output = Command::new(program).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
    }
}
