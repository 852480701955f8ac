//! A driver that does nothing: completions are put into its hand, and it counts what is sent. With
//! it a shard runs in memory alone, so what is seen is the shard's own work.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use allspark_engine::io::{Completion, Driver, DriverKind, Op, Socket, Token, Wait, Waker};
use allspark_engine::memory::{BufferPool, Slice};
use allspark_protocol::Instant;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

pub(crate) const BUFFERS: u16 = 1024;
const BUFFER_BYTES: usize = 4096;

/// What the test and the driver share.
pub(crate) struct Hand {
    pub(crate) pool: Rc<BufferPool>,
    pub(crate) incoming: VecDeque<Completion>,
    /// By socket.
    pub(crate) tokens: Vec<Token>,
    pub(crate) sends: u64,
    pub(crate) bytes_sent: u64,
    /// Bytes that were sent from where they were received.
    pub(crate) bytes_in_place: u64,
    /// What was sent, if that is to be kept.
    pub(crate) sent: Option<Vec<u8>>,
    /// How much the kernel takes of each of the next sends; of those after them everything.
    pub(crate) takes: VecDeque<usize>,
    pub(crate) now: Instant,
}

/// The driver.
pub(crate) struct Puppet(Rc<RefCell<Hand>>);

impl Puppet {
    pub(crate) fn new() -> (Self, Rc<RefCell<Hand>>) {
        let hand = Rc::new(RefCell::new(Hand {
            pool: BufferPool::new(BUFFERS, BUFFER_BYTES),
            incoming: VecDeque::new(),
            tokens: Vec::new(),
            sends: 0,
            bytes_sent: 0,
            bytes_in_place: 0,
            sent: None,
            takes: VecDeque::new(),
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
        self.incoming.push_back(Completion::Accepted {
            socket,
            peer,
            listener: 0,
        });
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

impl Hand {
    /// The kernel is offered bytes. Reports of which slices it leaves what, the last one first.
    fn send(&mut self, socket: Socket, slices: &[Slice]) {
        self.sends += 1;
        let mut room = self.takes.pop_front().unwrap_or(usize::MAX);
        let reported = self.incoming.len();
        for bytes in slices {
            let taken = bytes.len().min(room);
            room -= taken;
            self.count(&bytes[..taken]);
            if taken < bytes.len() {
                let (token, rest) = (self.tokens[socket.0 as usize], bytes.clone().skip(taken));
                let stalled = Completion::SendStalled { token, rest };
                self.incoming.insert(reported, stalled);
            }
        }
    }

    fn count(&mut self, taken: &[u8]) {
        self.bytes_sent += taken.len() as u64;
        let buffers = self.pool.address(0).addr()..;
        let last = self.pool.address(BUFFERS - 1).addr() + BUFFER_BYTES;
        if buffers.contains(&taken.as_ptr().addr()) && taken.as_ptr().addr() < last {
            self.bytes_in_place += taken.len() as u64;
        }
        if let Some(sent) = &mut self.sent {
            sent.extend_from_slice(taken);
        }
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
            Op::Send { socket, bytes } => hand.send(socket, &[bytes]),
            Op::SendMany { socket, slices } => hand.send(socket, &slices),
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
