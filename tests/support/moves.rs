//! What it costs when connections change their shard: a proxy in front of polling sessions sends
//! the requests of several sessions over each of its connections, one after the other.
//!
//! ```text
//! cargo run --release --example moves [auto|uring|epoll] [CONNECTIONS] [SECONDS] [SHARDS]
//! ```
//!
//! It starts a server, of two shards by default, in its own process and plays three scenes of some
//! seconds each:
//!
//! - *stays*: each connection has one session, so nothing moves after its first request.
//! - *moves*: each has sixteen, so every second request moves it (of four shards, three of four).
//!   There are as many requests as before, so what they cost more, divided by the moves, is the
//!   price of a move: processor time of both shards together, the kernel's included.
//! - *hurries*: the same, but the next request comes with the last answer, and the bound for moves
//!   ([`MOVES_PER_SECOND_MAX`](allspark_engine::limits::MOVES_PER_SECOND_MAX)) is reached.
//!
//! In each of them a witness asks for something small ten times per second, on a connection of its
//! own which never moves. Each shard needs a processor, and the clients another one, or they wait
//! for each other; processor time is counted all the same, a little too high.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use allspark::{DriverChoice, Primus};

/// Sessions of a connection that moves: enough that neither shard has almost all of them.
const SESSIONS: usize = 16;

/// Between two requests of a connection that does not hurry: with half of them it moves 250 times
/// per second, a quarter of what it may.
const PAUSE: Duration = Duration::from_millis(2);

/// Between two requests of the witness.
const WITNESS_PAUSE: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let argument = |index: usize, default| args.get(index).map_or(default, String::as_str);
    let driver: DriverChoice = argument(0, "auto").parse()?;
    let connections = argument(1, "8").parse()?;
    let time = Duration::from_secs(argument(2, "10").parse()?);
    let shards = argument(3, "2").parse()?;

    let primus = Primus::builder()
        .transformer("sockjs")
        .transport("disconnect_delay", "600000")
        .ping_interval_ms(None)
        .shards(shards)
        .driver(driver)
        .build()?;
    let server = primus.start("127.0.0.1:0")?;
    let driver = server.driver();
    println!("{driver:?}, {connections} connections, {shards} shards");
    let stage = Stage {
        primus: &primus,
        address: server.address(),
        connections,
        time,
    };
    let stays = stage.play("stays", 1, PAUSE);
    let moves = stage.play("moves", SESSIONS, PAUSE);
    stage.play("hurries", SESSIONS, Duration::ZERO);
    println!("a move costs {:?} of both shards", moves.of_a_move(&stays));
    Ok(())
}

/// Where scenes are played.
struct Stage<'a> {
    primus: &'a Primus,
    address: SocketAddr,
    connections: usize,
    time: Duration,
}

/// What a scene cost.
struct Cost {
    requests: u32,
    moves: u32,
    processor: Duration,
}

impl Cost {
    /// Beyond what as many requests cost in a scene in which nothing moves.
    fn of_a_move(&self, stays: &Self) -> Duration {
        let without_moves = stays.processor / stays.requests.max(1) * self.requests;
        self.processor.saturating_sub(without_moves) / self.moves.max(1)
    }
}

impl Stage<'_> {
    fn play(&self, name: &str, sessions: usize, pause: Duration) -> Cost {
        let is_over = AtomicBool::new(false);
        let (mut proxy, mut witness) = (Vec::new(), Vec::new());
        let mut cost = None;
        thread::scope(|scope| {
            let is_over = &is_over;
            let mut proxies = Vec::new();
            for number in 0..self.connections {
                // Opened one after the other, before the scene begins.
                let mut part = Proxy::open(self.address, &format!("{name}{number}"), sessions);
                proxies.push(move || part.forward(pause, is_over));
            }
            let before = (self.moves(), processor_time());
            let proxies: Vec<_> = proxies.into_iter().map(|part| scope.spawn(part)).collect();
            let watching = scope.spawn(|| watch(self.address, is_over));
            thread::sleep(self.time);
            is_over.store(true, Ordering::Relaxed);
            for thread in proxies {
                proxy.extend(thread.join().expect("it was answered"));
            }
            witness = watching.join().expect("it was answered");
            cost = Some(Cost {
                requests: proxy.len() as u32,
                moves: (self.moves() - before.0) as u32,
                processor: processor_time() - before.1,
            });
        });
        let cost = cost.expect("the scene is over");
        println!(
            "{name}: {} requests, {} moves, {:?} of the shards' processor time",
            cost.requests, cost.moves, cost.processor
        );
        report("requests of the proxy", proxy);
        report("requests of the witness", witness);
        cost
    }

    fn moves(&self) -> u64 {
        self.primus.stats().connections_adopted
    }
}

/// What the threads of the shards have used, and those of the kernel that work for a ring.
fn processor_time() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("the kernel lists threads");
    let times = tasks.filter_map(|task| {
        let task = task.ok()?.path();
        let name = fs::read_to_string(task.join("comm")).ok()?;
        let is_shard = name.starts_with("shard-") || name.starts_with("iou-");
        let times = fs::read_to_string(task.join("schedstat")).ok()?;
        let time = times.split_whitespace().next()?.parse().ok()?;
        is_shard.then_some(Duration::from_nanos(time))
    });
    times.sum()
}

/// One connection with the requests of several sessions in turn.
struct Proxy {
    connection: Connection,
    requests: Vec<String>,
}

impl Proxy {
    fn open(address: SocketAddr, name: &str, sessions: usize) -> Self {
        let mut connection = Connection::open(address);
        let requests = (0..sessions).map(|session| {
            let path = format!("/primus/0/{name}-{session}");
            let answer = connection.ask(&post(&format!("{path}/xhr"), ""));
            assert_eq!(answer, 200, "a session opens");
            post(&format!("{path}/xhr_send"), "[\"1\"]")
        });
        let requests = requests.collect();
        Self {
            connection,
            requests,
        }
    }

    /// Sends requests until it is over. Returns how long each took.
    fn forward(&mut self, pause: Duration, is_over: &AtomicBool) -> Vec<Duration> {
        let mut times = Vec::new();
        let mut due = Instant::now();
        for request in self.requests.iter().cycle() {
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            let begun = Instant::now();
            assert_eq!(self.connection.ask(request), 204, "it is delivered");
            times.push(begun.elapsed());
            due += pause;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        times
    }
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
        let time = times.get(index.min(times.len().saturating_sub(1)));
        time.copied().unwrap_or_default()
    };
    println!(
        "  {what}: median {:?}, 99 % {:?}, longest {:?}",
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
