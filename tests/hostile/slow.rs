//! Attacks by peers that take their time.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::attack::{Attack, scaled};
use crate::http::{Client, get, push};
use crate::server::Server;

/// How many of each kind attack.
const PEERS: usize = 25;

/// What each kind sends at once, and then again and again, a few bytes at a time.
const KINDS: [(&str, &str); 5] = [
    ("", "\r\n"),
    ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n"),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: ", "x"),
    (
        "POST /primus/0/slow/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n",
        "x",
    ),
    (
        "POST /primus/0/slow/xhr_send HTTP/1.1\r\nHost: a\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        "1\r\nx\r\n",
    ),
];

/// Whoever holds a connection by a byte now and then, or reads nothing of what he asked for, has
/// his time and no more.
#[test]
fn peers_that_take_their_time_are_given_up() {
    let attack = Attack {
        // Longer than the honest clients here may stand still within a request.
        args: &["--request-timeout", "4000", "--keep-alive-timeout", "4000"],
        ..Attack::default()
    };
    attack.play_together(|server| {
        let (mut drips, mut most) = (Vec::new(), 0);
        for (first, then) in KINDS {
            for _ in 0..scaled(PEERS) {
                let mut stream = server.connect();
                let sent = stream.write_all(first.as_bytes());
                sent.expect("the server takes it");
                drips.push((stream, then));
            }
            // Now, because a slow machine has given up the first of them before the last come.
            most = most.max(connections(server));
        }
        let unread: Vec<TcpStream> = (0..4).map(|_| ask_for_much(server)).collect();
        let before = drips.len() + unread.len();
        assert!(most > PEERS, "{before} were opened, {most} at a time");
        server.wait_until("they are given up", |server| {
            for (stream, then) in &mut drips {
                // The server may have closed it.
                let _ = stream.write(then.as_bytes());
            }
            // The witness, and who asks for this and has just done so before.
            connections(server) <= 4
        });
    });
}

/// Asks for more than the kernels take, and reads nothing.
fn ask_for_much(server: &Server) -> TcpStream {
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
