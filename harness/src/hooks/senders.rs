//! The clients: WebSockets that send at a fixed rate, each from a thread of its own, and wait where
//! the server does not listen to them. Nothing is made up for that time.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::plan::Plan;

/// How often each client sends what is due.
const TICK: Duration = Duration::from_millis(20);

/// How long one of them may not be listened to: longer than any silence that is worth playing.
const UNHEARD_MAX: Duration = Duration::from_secs(600);

/// A goodbye (RFC 6455, 5.5.1), masked with zeros as all that is sent here.
const CLOSE: &[u8] = &[0x88, 0x80, 0, 0, 0, 0];

/// See above.
pub(super) struct Senders {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<io::Result<TcpStream>>>,
    /// Of those that send no more.
    streams: Vec<TcpStream>,
    go: Arc<Barrier>,
}

struct Shared {
    clock: Instant,
    has_stopped: AtomicBool,
    sent: Vec<AtomicU64>,
    message_bytes: usize,
    /// Messages per second of one client.
    rate: f64,
}

impl Senders {
    /// # Errors
    /// One of them can't connect.
    pub(super) fn connect(plan: &Plan, clock: Instant) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            clock,
            has_stopped: AtomicBool::new(false),
            sent: (0..plan.clients).map(|_| AtomicU64::new(0)).collect(),
            message_bytes: plan.message_bytes,
            rate: f64::from(plan.rate) / f64::from(plan.clients),
        });
        let go = Arc::new(Barrier::new(plan.clients as usize + 1));
        let mut threads = Vec::new();
        for client in 0..plan.clients {
            let stream = connect(plan.server, client)?;
            let (shared, go) = (Arc::clone(&shared), Arc::clone(&go));
            let thread = thread::Builder::new().stack_size(256 * 1024);
            threads.push(thread.spawn(move || {
                go.wait();
                shared.send(client, stream)
            })?);
        }
        Ok(Self {
            shared,
            threads,
            streams: Vec::new(),
            go,
        })
    }

    /// They begin.
    pub(super) fn go(&self) {
        self.go.wait();
    }

    /// They send no more. Those that are not listened to wait until they are.
    pub(super) fn stop(&mut self) {
        self.shared.has_stopped.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            self.streams.extend(thread.join().ok().and_then(Result::ok));
        }
    }

    /// How many messages were sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.each_sent().iter().sum()
    }

    /// By each of them.
    pub(super) fn each_sent(&self) -> Vec<u64> {
        let sent = self.shared.sent.iter();
        sent.map(|sent| sent.load(Ordering::Acquire)).collect()
    }

    /// They say goodbye. Returns how many the server had ended before.
    pub(super) fn leave(self) -> u64 {
        let mut ended = (self.shared.sent.len() - self.streams.len()) as u64;
        for mut stream in self.streams {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let is_closed = stream.write_all(CLOSE).is_err();
            ended += u64::from(is_closed || stream.read_to_end(&mut Vec::new()).is_err());
        }
        ended
    }
}

impl Shared {
    fn send(&self, client: u32, mut stream: TcpStream) -> io::Result<TcpStream> {
        let sent = &self.sent[client as usize];
        let (mut frames, mut number) = (Vec::new(), 0);
        let mut tick = Instant::now();
        let mut due = 0.0;
        while !self.has_stopped.load(Ordering::Relaxed) {
            let at_us = self.clock.elapsed().as_micros() as u64;
            due += self.rate * TICK.as_secs_f64();
            frames.clear();
            while due >= 1.0 {
                due -= 1.0;
                number += 1;
                add_frame(&mut frames, client, number, at_us, self.message_bytes);
            }
            stream.write_all(&frames)?;
            sent.store(number, Ordering::Release);
            tick = (tick + TICK).max(Instant::now());
            thread::sleep(tick.saturating_duration_since(Instant::now()));
        }
        Ok(stream)
    }
}

/// A message as a masked frame (RFC 6455, 5.2); a mask of zeros leaves it as it is.
fn add_frame(frames: &mut Vec<u8>, client: u32, number: u64, at_us: u64, bytes: usize) {
    let mut text =
        format!("{{\"client\":{client},\"number\":{number},\"at_us\":{at_us},\"pad\":\"");
    let pad = bytes.saturating_sub(text.len() + 2);
    text.extend(std::iter::repeat_n('x', pad));
    text.push_str("\"}");
    frames.push(0x81);
    match u8::try_from(text.len()) {
        Ok(length @ 0..=125) => frames.push(0x80 | length),
        _ => {
            let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
            frames.push(0x80 | 126);
            frames.extend_from_slice(&length.to_be_bytes());
        }
    }
    frames.extend_from_slice(&[0; 4]);
    frames.extend_from_slice(text.as_bytes());
}

fn connect(server: SocketAddr, client: u32) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(UNHEARD_MAX))?;
    let request = format!(
        "GET /primus/?client={client} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    // Nothing follows until somebody writes, so the reader takes nothing that is not for it.
    let mut lines = BufReader::with_capacity(1, &stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    if !first.starts_with("HTTP/1.1 101") {
        return Err(io::Error::other(format!("the server answered {first:?}")));
    }
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    drop(lines);
    Ok(stream)
}
