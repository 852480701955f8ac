//! What it costs when connections change their shard: a proxy in front of polling sessions, which
//! sends the requests of several sessions over each of its connections, one after the other.
//!
//! ```text
//! allspark --shards 2 --app none --ping-interval off --transport disconnect_delay=600000
//! cargo run --release --example moves -- 127.0.0.1:8080 CONNECTIONS SESSIONS SECONDS
//! ```
//!
//! With one session per connection nothing moves after the first request. With many, and N shards,
//! N - 1 of N requests move the connection. Beside that a witness asks for something small ten
//! times per second on a connection of its own, which never moves. It prints requests per second,
//! and how long those of the proxy and of the witness took.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Between two requests of the witness.
const WITNESS_PAUSE: Duration = Duration::from_millis(100);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, connections, sessions, seconds] = args.as_slice() else {
        eprintln!("ADDRESS:PORT CONNECTIONS SESSIONS SECONDS");
        std::process::exit(2);
    };
    let address: SocketAddr = address.parse().expect("an address and a port");
    let number = |text: &String| text.parse::<usize>().expect("a number");
    let (connections, sessions) = (number(connections), number(sessions).max(1));
    let is_over = AtomicBool::new(false);
    let (mut proxy, mut witness) = (Vec::new(), Vec::new());
    thread::scope(|scope| {
        let is_over = &is_over;
        let proxies: Vec<_> = (0..connections)
            .map(|name| scope.spawn(move || forward(address, name, sessions, is_over)))
            .collect();
        let watching = scope.spawn(move || watch(address, is_over));
        thread::sleep(Duration::from_secs(number(seconds) as u64));
        is_over.store(true, Ordering::Relaxed);
        for thread in proxies {
            proxy.extend(thread.join().expect("it was answered"));
        }
        witness = watching.join().expect("it was answered");
    });
    println!(
        "{} requests per second",
        proxy.len() / number(seconds).max(1)
    );
    report("requests of the proxy", proxy);
    report("requests of the witness", witness);
}

/// One connection with the requests of several sessions in turn. Returns how long each took.
fn forward(
    address: SocketAddr,
    name: usize,
    sessions: usize,
    is_over: &AtomicBool,
) -> Vec<Duration> {
    let mut connection = Connection::open(address);
    let path = |session: usize| format!("/primus/0/moves{}-{name}-{session}", std::process::id());
    for session in 0..sessions {
        let answer = connection.ask(&post(&format!("{}/xhr", path(session)), ""));
        assert_eq!(answer, 200, "a session opens");
    }
    let mut times = Vec::new();
    let sends: Vec<String> = (0..sessions)
        .map(|session| post(&format!("{}/xhr_send", path(session)), "[\"1\"]"))
        .collect();
    for request in sends.iter().cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let begun = Instant::now();
        assert_eq!(connection.ask(request), 204, "see how to start the server");
        times.push(begun.elapsed());
    }
    times
}

fn watch(address: SocketAddr, is_over: &AtomicBool) -> Vec<Duration> {
    let mut connection = Connection::open(address);
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        connection.ask("GET /primus/spec HTTP/1.1\r\nHost: a\r\n\r\n");
        times.push(begun.elapsed());
        thread::sleep(WITNESS_PAUSE);
    }
    times
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n\
         {body}",
        body.len()
    )
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| {
        let index = (times.len() as f64 * part) as usize;
        times.get(index.min(times.len().saturating_sub(1)))
    };
    println!(
        "{what}: median {:?}, 99 % {:?}, longest {:?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        Self(BufReader::new(stream))
    }

    /// Sends a request and returns the status of its answer.
    fn ask(&mut self, request: &str) -> u16 {
        let sent = self.0.get_mut().write_all(request.as_bytes());
        sent.expect("the server lives");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("the server answers");
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().expect("a status");
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length");
            }
            if line == "\r\n" {
                let mut body = vec![0; length];
                self.0.read_exact(&mut body).expect("the server answers");
                return status;
            }
            assert!(!line.is_empty(), "the server closed the connection");
        }
    }
}
