//! Many TCP connections to one server on one thread, on the engine's own epoll driver.

use std::net::SocketAddr;

use allspark_engine::io::{Completion, Driver, Epoll, EpollOptions, Op, Socket, Token, Wait};
use allspark_engine::memory::Slice;
use allspark_protocol::Instant;

/// A connection, by number, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cable(pub(crate) usize);

/// What comes from the server.
pub(crate) enum Incoming {
    /// Bytes came.
    Bytes(Cable, Vec<u8>),
    /// The server has closed the connection, or it broke. Said once, and not of a cable that was
    /// closed on this side.
    Lost(Cable),
}

pub(crate) struct Pipes {
    driver: Epoll,
    address: SocketAddr,
    pipes: Vec<Pipe>,
    /// Descriptors in use.
    sockets: usize,
    /// Those that may have something to send or are to be closed; each in it at most once.
    touched: Vec<Cable>,
    /// What came from those that were stalled and are not any more.
    released: Vec<Incoming>,
    completions: Vec<Completion>,
}

/// This end of a connection.
#[derive(Default)]
struct Pipe {
    /// Once it is connected, until it is closed.
    socket: Option<Socket>,
    unsent: Vec<u8>,
    is_touched: bool,
    /// The kernel takes nothing more for now.
    is_full: bool,
    is_stalled: bool,
    /// What came while it was stalled.
    held: Vec<Incoming>,
    /// To be closed once everything is sent.
    is_closing: bool,
    /// Nothing more is heard of it.
    is_over: bool,
}

impl Pipes {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            driver: Epoll::new(EpollOptions::default()).expect("epoll works"),
            address,
            pipes: Vec::new(),
            sockets: 0,
            touched: Vec::new(),
            released: Vec::new(),
            completions: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.driver.now()
    }

    /// How many descriptors the connections have.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets
    }

    /// Begins to connect. What is written meanwhile is sent later.
    pub(crate) fn connect(&mut self) -> Cable {
        let cable = Cable(self.pipes.len());
        self.pipes.push(Pipe::default());
        self.sockets += 1;
        self.driver.push(Op::Connect {
            address: self.address,
            token: token_of(cable),
        });
        cable
    }

    pub(crate) fn write(&mut self, cable: Cable, bytes: &[u8]) {
        self.pipes[cable.0].unsent.extend_from_slice(bytes);
        self.touch(cable);
    }

    /// Closes a cable, after what was written is sent.
    pub(crate) fn close(&mut self, cable: Cable) {
        self.pipes[cable.0].is_closing = true;
        self.touch(cable);
    }

    /// Closes a cable at once: what was not sent is lost.
    pub(crate) fn cut(&mut self, cable: Cable) {
        let pipe = &mut self.pipes[cable.0];
        pipe.is_over = true;
        pipe.unsent = Vec::new();
        pipe.held = Vec::new();
        if let Some(socket) = pipe.socket.take() {
            let token = token_of(cable);
            self.driver.push(Op::Close { socket, token });
        }
    }

    /// Nothing is read from a cable any more, or again.
    pub(crate) fn stall(&mut self, cable: Cable, stalled: bool) {
        let pipe = &mut self.pipes[cable.0];
        pipe.is_stalled = stalled;
        if let Some(socket) = pipe.socket {
            let token = token_of(cable);
            self.driver.push(match stalled {
                true => Op::StopReceive { socket },
                false => Op::Receive { socket, token },
            });
        }
        if !stalled {
            let held = std::mem::take(&mut pipe.held);
            let mut released = std::mem::take(&mut self.released);
            for what in held {
                self.arrived(cable, what, &mut released);
            }
            self.released = released;
        }
    }

    /// Lets something happen, before `until`. May return without anything.
    pub(crate) fn turn(&mut self, until: Instant) -> Vec<Incoming> {
        let mut incoming = std::mem::take(&mut self.released);
        let touched = std::mem::take(&mut self.touched);
        for cable in &touched {
            self.pipes[cable.0].is_touched = false;
            self.flush(*cable);
        }
        let wait = match incoming.is_empty() {
            true => Wait::Until(until),
            false => Wait::No,
        };
        let mut completions = std::mem::take(&mut self.completions);
        let result = self.driver.turn(wait, &mut completions);
        result.expect("the driver of the clients works");
        for completion in completions.drain(..) {
            self.complete(completion, &mut incoming);
        }
        self.completions = completions;
        for cable in touched {
            self.close_if_sent(cable);
        }
        incoming
    }

    /// It is looked at in the next turn.
    fn touch(&mut self, cable: Cable) {
        let pipe = &mut self.pipes[cable.0];
        if !std::mem::replace(&mut pipe.is_touched, true) {
            self.touched.push(cable);
        }
    }

    fn flush(&mut self, cable: Cable) {
        let pipe = &mut self.pipes[cable.0];
        if let Some(socket) = pipe.socket
            && !pipe.is_full
            && !pipe.unsent.is_empty()
        {
            let bytes = Slice::copy_of(&std::mem::take(&mut pipe.unsent));
            self.driver.push(Op::Send { socket, bytes });
        }
    }

    /// What the kernel did not take is known after the turn that sent it.
    fn close_if_sent(&mut self, cable: Cable) {
        let pipe = &self.pipes[cable.0];
        let is_sent = pipe.socket.is_some() && pipe.unsent.is_empty();
        if pipe.is_closing && is_sent && !pipe.is_over {
            self.cut(cable);
        }
    }

    fn complete(&mut self, completion: Completion, incoming: &mut Vec<Incoming>) {
        match completion {
            Completion::Connected { token, result } => {
                self.connected(cable_of(token), result.expect("the server accepts"));
            }
            Completion::Received { token, buffer } => {
                let cable = cable_of(token);
                self.arrived(cable, Incoming::Bytes(cable, buffer.to_vec()), incoming);
            }
            Completion::ReceiveEnded { token, .. } | Completion::SendFailed { token, .. } => {
                let cable = cable_of(token);
                self.arrived(cable, Incoming::Lost(cable), incoming);
            }
            Completion::SendStalled { token, rest } => {
                let pipe = &mut self.pipes[cable_of(token).0];
                pipe.unsent.splice(0..0, rest.iter().copied());
                pipe.is_full = true;
                if let Some(socket) = pipe.socket {
                    self.driver.push(Op::AwaitWritable { socket });
                }
            }
            Completion::Writable { token } => {
                self.pipes[cable_of(token).0].is_full = false;
                self.touch(cable_of(token));
            }
            Completion::Closed { .. } => self.sockets -= 1,
            _ => {}
        }
    }

    fn connected(&mut self, cable: Cable, socket: Socket) {
        let pipe = &mut self.pipes[cable.0];
        pipe.socket = Some(socket);
        if pipe.is_over {
            return self.cut(cable);
        }
        let is_stalled = pipe.is_stalled;
        // Of who is stalled, too: it tells the driver by which token it knows the socket.
        let token = token_of(cable);
        self.driver.push(Op::Receive { socket, token });
        if is_stalled {
            self.driver.push(Op::StopReceive { socket });
        }
        self.touch(cable);
    }

    fn arrived(&mut self, cable: Cable, what: Incoming, incoming: &mut Vec<Incoming>) {
        let is_lost = matches!(what, Incoming::Lost(_));
        let pipe = &mut self.pipes[cable.0];
        if pipe.is_over {
            return;
        }
        if pipe.is_closing {
            if is_lost {
                self.cut(cable);
            }
        } else if pipe.is_stalled {
            pipe.held.push(what);
        } else {
            if is_lost {
                self.cut(cable);
            }
            incoming.push(what);
        }
    }
}

fn token_of(cable: Cable) -> Token {
    Token::new(1, 0, cable.0 as u32)
}

fn cable_of(token: Token) -> Cable {
    Cable(token.index() as usize)
}
