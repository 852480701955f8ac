//! A driver, its listener, and the means to wait for what it reports.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use allspark_engine::io::{
    Buffers, Completion, Detached, Driver, DriverKind, Epoll, EpollOptions, Op, RingSize, Socket,
    Token, Uring, UringOptions, Wait, Waker, bind,
};
use allspark_protocol::Dice;

/// How long a test waits for something that must happen. Never reached by a test that passes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a test can choose about its driver.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) buffers: u16,
    pub(crate) buffer_bytes: usize,
    pub(crate) send_buffer_bytes: Option<usize>,
    /// Only for io_uring.
    pub(crate) sockets_per_ring: u32,
    /// Only for io_uring.
    pub(crate) sockets_max: u32,
    /// Entries of the submission queue; only for io_uring, whose completion queue is twice that.
    pub(crate) submissions: Option<u32>,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            buffers: 256,
            buffer_bytes: 4096,
            send_buffer_bytes: None,
            sockets_per_ring: 1 << 16,
            sockets_max: 1 << 20,
            submissions: None,
        }
    }
}

pub(crate) trait TestDriver: Driver {
    fn make(listener: TcpListener, size: Size) -> Self;
    fn stale(&self) -> u64;
}

impl TestDriver for Epoll {
    fn make(listener: TcpListener, size: Size) -> Self {
        Self::new(EpollOptions {
            listeners: vec![listener.into()],
            buffers: size.buffers,
            buffer_bytes: size.buffer_bytes,
        })
        .unwrap()
    }

    fn stale(&self) -> u64 {
        self.stale_completions()
    }
}

impl TestDriver for Uring {
    fn make(listener: TcpListener, size: Size) -> Self {
        uring(listener, size, true)
    }

    fn stale(&self) -> u64 {
        self.stale_completions()
    }
}

/// The driver on `io_uring` as it is before Linux 6.12: a receive uses up a whole buffer.
pub(crate) struct WholeBuffers(Uring);

impl TestDriver for WholeBuffers {
    fn make(listener: TcpListener, size: Size) -> Self {
        Self(uring(listener, size, false))
    }

    fn stale(&self) -> u64 {
        self.0.stale_completions()
    }
}

impl Driver for WholeBuffers {
    fn kind(&self) -> DriverKind {
        self.0.kind()
    }

    fn now(&self) -> allspark_protocol::Instant {
        self.0.now()
    }

    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }

    fn push(&mut self, op: Op) {
        self.0.push(op);
    }

    fn turn(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        self.0.turn(wait, completions)
    }

    fn has_more(&self) -> bool {
        self.0.has_more()
    }

    fn give_back(&mut self) {
        self.0.give_back();
    }

    fn waker(&self) -> Waker {
        self.0.waker()
    }
}

fn uring(listener: TcpListener, size: Size, is_incremental: bool) -> Uring {
    let buffers = Buffers {
        count: size.buffers,
        bytes: size.buffer_bytes,
    };
    // A receive uses up a whole one, so there are none as large as the others may be.
    let parts = buffers.bytes.div_ceil(4096);
    let whole = Buffers {
        count: buffers.count * parts as u16,
        bytes: buffers.bytes / parts,
    };
    let ring = |ring: RingSize| RingSize {
        incremental: is_incremental.then_some(buffers),
        whole,
        submissions: size.submissions.unwrap_or(ring.submissions),
        completions: size.submissions.map_or(ring.completions, |count| count * 2),
    };
    Uring::new(UringOptions {
        listeners: vec![listener.into()],
        main: ring(RingSize::MAIN),
        further: ring(RingSize::FURTHER),
        sockets_per_ring: size.sockets_per_ring,
        sockets_max: size.sockets_max,
    })
    .unwrap()
}

pub(crate) struct Rig<D> {
    pub(crate) driver: D,
    pub(crate) address: SocketAddr,
    pending: VecDeque<Completion>,
    tokens: u32,
}

/// An accepted connection and the peer's end of it.
pub(crate) struct Connection {
    pub(crate) peer: TcpStream,
    pub(crate) socket: Socket,
    pub(crate) token: Token,
}

impl<D: TestDriver> Rig<D> {
    pub(crate) fn new() -> Self {
        Self::sized(Size::default())
    }

    pub(crate) fn sized(size: Size) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), size)
    }

    pub(crate) fn at(address: SocketAddr, size: Size) -> Self {
        let listener = bind(address, 1).unwrap().remove(0);
        if let Some(bytes) = size.send_buffer_bytes {
            socket2::SockRef::from(&listener)
                .set_send_buffer_size(bytes)
                .unwrap();
        }
        let address = listener.local_addr().unwrap();
        let mut rig = Self {
            driver: D::make(listener, size),
            address,
            pending: VecDeque::new(),
            tokens: 0,
        };
        rig.driver.push(Op::Accept);
        rig
    }

    pub(crate) fn token(&mut self) -> Token {
        self.tokens += 1;
        Token::new(9, self.tokens % 7, self.tokens)
    }

    /// One turn; what it reports is kept for [`Rig::next`] and returned by [`Rig::drain`].
    pub(crate) fn turn(&mut self, wait: Wait) {
        let mut completions = Vec::new();
        self.driver.turn(wait, &mut completions).unwrap();
        self.pending.extend(completions);
    }

    /// Turns until nothing more is reported for a while. Used before asserting that something did
    /// not happen, so being too short can only hide a failure, never make one.
    pub(crate) fn settle(&mut self) {
        let mut silent = 0;
        while silent < 4 {
            let before = self.pending.len();
            let until = self.driver.now() + Duration::from_millis(5);
            self.turn(Wait::Until(until));
            silent = if self.pending.len() == before {
                silent + 1
            } else {
                0
            };
        }
    }

    /// Turns until so many completions were reported and not asked for, and then nothing more is
    /// reported for a while.
    pub(crate) fn settle_with(&mut self, count: usize) {
        let start = Instant::now();
        while self.pending.len() < count {
            let waited = start.elapsed();
            assert!(waited < PATIENCE, "not {count}, but {:?}", self.pending);
            let until = self.driver.now() + Duration::from_millis(100);
            self.turn(Wait::Until(until));
        }
        self.settle();
    }

    /// How many completions were reported and not asked for yet.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Everything that was reported and not asked for yet.
    pub(crate) fn drain(&mut self) -> Vec<Completion> {
        self.pending.drain(..).collect()
    }

    /// The first completion that `select` takes, if it was reported already. Others stay.
    pub(crate) fn reported<T>(
        &mut self,
        mut select: impl FnMut(Completion) -> Result<T, Completion>,
    ) -> Option<T> {
        let mut selected = None;
        for completion in std::mem::take(&mut self.pending) {
            match selected {
                Some(_) => self.pending.push_back(completion),
                None => match select(completion) {
                    Ok(found) => selected = Some(found),
                    Err(other) => self.pending.push_back(other),
                },
            }
        }
        selected
    }

    /// The first completion that `select` takes, as soon as it is reported. Others stay.
    pub(crate) fn next<T>(
        &mut self,
        what: &str,
        mut select: impl FnMut(Completion) -> Result<T, Completion>,
    ) -> T {
        let start = Instant::now();
        loop {
            if let Some(selected) = self.reported(&mut select) {
                return selected;
            }
            let waited = start.elapsed();
            assert!(waited < PATIENCE, "no {what}; {:?}", self.pending);
            let until = self.driver.now() + Duration::from_millis(100);
            self.turn(Wait::Until(until));
        }
    }

    /// Accepts one connection without receiving on it.
    pub(crate) fn accept(&mut self) -> (TcpStream, Socket) {
        let peer = TcpStream::connect(self.address).unwrap();
        let from = peer.local_addr().unwrap();
        let socket = self.accepted(from);
        (peer, socket)
    }

    pub(crate) fn accepted(&mut self, from: SocketAddr) -> Socket {
        self.next("Accepted", |completion| match completion {
            Completion::Accepted { socket, peer, .. } if peer == from => Ok(socket),
            other => Err(other),
        })
    }

    /// Accepts one connection and starts to receive on it.
    pub(crate) fn open(&mut self) -> Connection {
        let (peer, socket) = self.accept();
        let token = self.token();
        self.driver.push(Op::Receive { socket, token });
        Connection {
            peer,
            socket,
            token,
        }
    }

    /// Receives until `count` bytes of one connection are in, and not one more.
    pub(crate) fn receive(&mut self, token: Token, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let mut part = self.next("Received", |completion| match completion {
                Completion::Received { token: t, buffer } if t == token => Ok(buffer.to_vec()),
                other => Err(other),
            });
            bytes.append(&mut part);
        }
        assert_eq!(bytes.len(), count);
        bytes
    }

    pub(crate) fn receive_end(&mut self, token: Token) -> std::io::Result<()> {
        self.next("ReceiveEnded", |completion| match completion {
            Completion::ReceiveEnded { token: t, result } if t == token => Ok(result),
            other => Err(other),
        })
    }

    pub(crate) fn close(&mut self, socket: Socket, token: Token) {
        self.driver.push(Op::Close { socket, token });
        self.closed(token);
    }

    pub(crate) fn release(&mut self, socket: Socket, token: Token) -> std::io::Result<Detached> {
        self.driver.push(Op::Release { socket, token });
        self.released(token)
    }

    pub(crate) fn released(&mut self, token: Token) -> std::io::Result<Detached> {
        self.next("Released", |completion| match completion {
            Completion::Released { token: t, result } if t == token => Ok(result),
            other => Err(other),
        })
    }

    pub(crate) fn adopt(&mut self, socket: Detached) -> std::io::Result<Socket> {
        let token = self.token();
        self.driver.push(Op::Adopt { socket, token });
        self.next("Adopted", |completion| match completion {
            Completion::Adopted { token: t, result } if t == token => Ok(result),
            other => Err(other),
        })
    }

    pub(crate) fn closed(&mut self, token: Token) {
        self.next("Closed", |completion| match completion {
            Completion::Closed { token: t } if t == token => Ok(()),
            other => Err(other),
        });
    }
}

/// Bytes of which every part is different, so that loss and disorder show.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    Dice::new(1).bytes(len)
}
