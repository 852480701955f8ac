//! A driver that does nothing: completions are put into its hand, and it counts what is sent. With
//! it a shard runs in memory alone, so what is seen is the shard's own work.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use allspark_engine::io::{Completion, Driver, DriverKind, Op, Socket, Token, Wait, Waker};
use allspark_engine::memory::BufferPool;
use allspark_protocol::Instant;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

/// What the test and the driver share.
pub(crate) struct Hand {
    pub(crate) pool: Rc<BufferPool>,
    pub(crate) incoming: VecDeque<Completion>,
    /// By socket.
    pub(crate) tokens: Vec<Token>,
    pub(crate) sends: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) now: Instant,
}

/// The driver.
pub(crate) struct Puppet(Rc<RefCell<Hand>>);

impl Puppet {
    pub(crate) fn new() -> (Self, Rc<RefCell<Hand>>) {
        let hand = Rc::new(RefCell::new(Hand {
            pool: BufferPool::new(1024, 4096),
            incoming: VecDeque::new(),
            tokens: Vec::new(),
            sends: 0,
            bytes_sent: 0,
            now: Instant::from_ms(1),
        }));
        (Self(Rc::clone(&hand)), hand)
    }
}

impl Hand {
    /// A client connects; it gets the next socket, counted from 0.
    pub(crate) fn connect(&mut self) {
        let socket = Socket(self.tokens.len() as u32);
        self.tokens.push(Token::from_u64(0));
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        self.incoming
            .push_back(Completion::Accepted { socket, peer });
    }

    /// Bytes come in from a client.
    pub(crate) fn receive(&mut self, socket: usize, bytes: &[u8]) {
        let buffer = self
            .pool
            .lend_copy(bytes)
            .expect("the test leaves enough buffers");
        self.incoming.push_back(Completion::Received {
            token: self.tokens[socket],
            buffer,
        });
    }
}

impl Driver for Puppet {
    fn kind(&self) -> DriverKind {
        DriverKind::Sim
    }

    fn now(&self) -> Instant {
        self.0.borrow().now
    }

    fn unix_ms(&self) -> u64 {
        1
    }

    fn push(&mut self, op: Op) {
        let mut hand = self.0.borrow_mut();
        match op {
            Op::Receive { socket, token } => hand.tokens[socket.0 as usize] = token,
            Op::Send { bytes, .. } => {
                hand.sends += 1;
                hand.bytes_sent += bytes.len() as u64;
            }
            Op::SendMany { slices, .. } => {
                hand.sends += 1;
                hand.bytes_sent += slices.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
            }
            Op::Close { token, .. } => hand.incoming.push_back(Completion::Closed { token }),
            _ => {}
        }
    }

    fn turn(&mut self, _wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        completions.extend(self.0.borrow_mut().incoming.drain(..));
        Ok(())
    }

    fn waker(&self) -> Waker {
        Waker::idle()
    }
}

/// A client's handshake.
pub(crate) const HANDSHAKE: &[u8] =
    b"GET /primus HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// A client's frame of a text message.
pub(crate) fn frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode::message(Kind::Text, text.as_bytes(), Some([1, 2, 3, 4]), &mut out);
    out
}
