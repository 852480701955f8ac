//! Attacks by peers that take their time.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::attack::{Attack, scaled};
use crate::http::{Client, get, push};
use crate::server::Server;
use crate::stream::Stream;

/// How many of each kind attack.
const PEERS: usize = 25;

/// What each kind sends at once, and then again and again, a few bytes at a time.
const KINDS: [(&[u8], &[u8]); 6] = [
    (b"", b"\r\n"),
    (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\r\n"),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x"),
    (
        b"POST /primus/0/slow/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n",
        b"x",
    ),
    (
        b"POST /primus/0/slow/xhr_send HTTP/1.1\r\nHost: a\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n",
    ),
    // A message of 32 KiB, with a mask that changes nothing.
    (
        b"GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\
         \x81\xfe\x80\0\0\0\0\0",
        b"x",
    ),
];

/// Whoever holds a connection by a byte now and then, or reads nothing of what he asked for, has
/// his time and no more.
#[test]
fn peers_that_take_their_time_are_given_up() {
    PATIENT.play_together(take_time);
}

pub(crate) const PATIENT: Attack = Attack {
    // Longer than the honest clients here may stand still within a request.
    args: &[
        "--request-timeout",
        "4000",
        "--keep-alive-timeout",
        "4000",
        // No message has longer than two of them.
        "--ping-interval",
        "4000",
    ],
    ..Attack::USUAL
};

pub(crate) fn take_time(server: &Server) {
    let (mut drips, mut most) = (Vec::new(), 0);
    for (first, then) in KINDS {
        for _ in 0..scaled(PEERS) {
            let mut stream = server.connect();
            let sent = stream.write_all(first);
            sent.expect("the server takes it");
            drips.push((stream, then));
        }
        // Now, because a slow machine has given up the first of them before the last come.
        most = most.max(connections(server));
    }
    let unread: Vec<Stream> = (0..4).map(|_| ask_for_much(server)).collect();
    let before = drips.len() + unread.len();
    assert!(most > PEERS, "{before} were opened, {most} at a time");
    server.wait_until("they are given up", |server| {
        for (stream, then) in &mut drips {
            // The server may have closed it.
            let _ = stream.write(then);
        }
        // The witness, and who asks for this and has just done so before.
        connections(server) <= 4
    });
}

/// Asks for more than the kernels take, and reads nothing.
fn ask_for_much(server: &Server) -> Stream {
    let library = get("/primus/primus.js");
    let answer = Client::connect(server).ask(&library);
    let (_, body) = answer.expect("the server answers");
    let mut stream = server.connect_narrow();
    let requests = library.repeat(3 * 1024 * 1024 / body.len());
    push(
        &mut stream,
        &requests,
        Instant::now() + Duration::from_secs(2),
    );
    stream
}

fn connections(server: &Server) -> usize {
    let counts = Client::connect(server).ask(&get("/stats"));
    let (_, counts) = counts.expect("the server answers");
    let counts = String::from_utf8(counts).expect("it is JSON");
    let (_, rest) = counts
        .split_once(r#""connections":"#)
        .expect("they are counted");
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("a number")
}
