//! Real sockets: a server on the loopback, and clients on the engine's own epoll driver.

use std::net::SocketAddr;
use std::time::Duration;

use allspark_engine::io::{
    Completion, Driver, DriverChoice, Epoll, EpollOptions, Op, Socket, Token, Wait,
};
use allspark_engine::memory::Slice;
use allspark_engine::{Destroy, Handle, Primus, Server};
use allspark_protocol::Instant;
use allspark_transformers::contract::Setup;

use crate::app::{Log, options};
use crate::net::{Incoming, Net, Wire};
use crate::subjects::Subject;

/// More than one, so that requests reach shards that do not have their sessions.
const SHARDS: usize = 2;

/// How long a turn lasts at most: what the application writes down wakes nobody here.
const TURN_MAX: Duration = Duration::from_millis(2);

pub(crate) struct Sockets {
    driver: Epoll,
    handle: Handle,
    /// Until it was ended.
    server: Option<Server>,
    address: SocketAddr,
    pipes: Vec<Pipe>,
    completions: Vec<Completion>,
}

/// The client's end of a connection.
#[derive(Default)]
struct Pipe {
    /// Once it is connected, until it is closed.
    socket: Option<Socket>,
    unsent: Vec<u8>,
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

impl Sockets {
    pub(crate) fn new(subject: &Subject, setup: &Setup, choice: DriverChoice, log: &Log) -> Self {
        let primus = Primus::new(options(setup), subject.transformer(setup), SHARDS, choice);
        let (opened, ended) = (log.clone(), log.clone());
        primus.on_connection(move |spark| opened.connected(spark));
        primus.on_disconnection(move |spark| ended.disconnected(spark));
        let server = primus.start("127.0.0.1:0").expect("the server starts");
        Self {
            driver: Epoll::new(EpollOptions::default()).expect("epoll works"),
            handle: server.handle(),
            address: server.address(),
            server: Some(server),
            pipes: Vec::new(),
            completions: Vec::new(),
        }
    }

    fn flush(&mut self, wire: Wire) {
        let pipe = &mut self.pipes[wire.0];
        if let Some(socket) = pipe.socket
            && !pipe.is_full
            && !pipe.unsent.is_empty()
        {
            let bytes = Slice::copy_of(&std::mem::take(&mut pipe.unsent));
            self.driver.push(Op::Send { socket, bytes });
        }
    }

    fn complete(&mut self, completion: Completion, incoming: &mut Vec<Incoming>) {
        match completion {
            Completion::Connected { token, result } => self.connected(wire_of(token), result.ok()),
            Completion::Received { token, buffer } => {
                let wire = wire_of(token);
                self.arrived(wire, Incoming::Bytes(wire, buffer.to_vec()), incoming);
            }
            Completion::ReceiveEnded { token, .. } | Completion::SendFailed { token, .. } => {
                let wire = wire_of(token);
                self.arrived(wire, Incoming::Lost(wire), incoming);
            }
            Completion::SendStalled { token, rest } => {
                let pipe = &mut self.pipes[wire_of(token).0];
                pipe.unsent.splice(0..0, rest.iter().copied());
                pipe.is_full = true;
                if let Some(socket) = pipe.socket {
                    self.driver.push(Op::AwaitWritable { socket });
                }
            }
            Completion::Writable { token } => self.pipes[wire_of(token).0].is_full = false,
            _ => {}
        }
    }

    fn connected(&mut self, wire: Wire, socket: Option<Socket>) {
        let socket = socket.expect("the server accepts");
        let pipe = &mut self.pipes[wire.0];
        pipe.socket = Some(socket);
        if pipe.is_over {
            self.shut(wire);
        } else {
            let is_stalled = pipe.is_stalled;
            // Of who is stalled, too: it tells the driver by which token it knows the socket.
            let token = token_of(wire);
            self.driver.push(Op::Receive { socket, token });
            if is_stalled {
                self.driver.push(Op::StopReceive { socket });
            }
        }
    }

    fn arrived(&mut self, wire: Wire, what: Incoming, incoming: &mut Vec<Incoming>) {
        let is_lost = matches!(what, Incoming::Lost(_));
        let pipe = &mut self.pipes[wire.0];
        if pipe.is_over {
            return;
        }
        if pipe.is_closing {
            if is_lost {
                self.shut(wire);
            }
        } else if pipe.is_stalled {
            pipe.held.push(what);
        } else {
            if is_lost {
                self.shut(wire);
            }
            incoming.push(what);
        }
    }

    /// Closes the socket now.
    fn shut(&mut self, wire: Wire) {
        let pipe = &mut self.pipes[wire.0];
        pipe.is_over = true;
        pipe.unsent.clear();
        if let Some(socket) = pipe.socket.take() {
            let token = token_of(wire);
            self.driver.push(Op::Close { socket, token });
        }
    }
}

fn token_of(wire: Wire) -> Token {
    Token::new(1, 0, wire.0 as u32)
}

fn wire_of(token: Token) -> Wire {
    Wire(token.index() as usize)
}

impl Net for Sockets {
    const PATIENCE: Duration = Duration::from_secs(60);

    fn now(&self) -> Instant {
        self.driver.now()
    }

    fn server(&self) -> Handle {
        self.handle.clone()
    }

    fn connect(&mut self) -> Wire {
        let wire = Wire(self.pipes.len());
        self.pipes.push(Pipe::default());
        self.driver.push(Op::Connect {
            address: self.address,
            token: token_of(wire),
        });
        wire
    }

    fn write(&mut self, wire: Wire, bytes: &[u8]) {
        self.pipes[wire.0].unsent.extend_from_slice(bytes);
    }

    fn close(&mut self, wire: Wire) {
        self.pipes[wire.0].is_closing = true;
    }

    fn cut(&mut self, wire: Wire) {
        self.shut(wire);
    }

    fn stall(&mut self, wire: Wire, stalled: bool) {
        let pipe = &mut self.pipes[wire.0];
        pipe.is_stalled = stalled;
        if let Some(socket) = pipe.socket {
            let token = token_of(wire);
            self.driver.push(match stalled {
                true => Op::StopReceive { socket },
                false => Op::Receive { socket, token },
            });
        }
    }

    fn turn(&mut self, deadline: Option<Instant>) -> Vec<Incoming> {
        let mut incoming = Vec::new();
        let wires = (0..self.pipes.len()).map(Wire);
        for wire in wires.clone() {
            self.flush(wire);
            if !self.pipes[wire.0].is_stalled {
                for what in std::mem::take(&mut self.pipes[wire.0].held) {
                    self.arrived(wire, what, &mut incoming);
                }
            }
        }
        let soon = self.driver.now() + TURN_MAX;
        let until = deadline.map_or(soon, |deadline| deadline.min(soon));
        let mut completions = std::mem::take(&mut self.completions);
        let result = self.driver.turn(Wait::Until(until), &mut completions);
        result.expect("the driver of the clients works");
        for completion in completions.drain(..) {
            self.complete(completion, &mut incoming);
        }
        self.completions = completions;
        for wire in wires {
            let pipe = &self.pipes[wire.0];
            let is_sent = pipe.socket.is_some() && pipe.unsent.is_empty();
            if pipe.is_closing && is_sent && !pipe.is_over {
                self.shut(wire);
            }
        }
        incoming
    }

    fn finish(&mut self) {
        if let Some(server) = self.server.take() {
            self.handle.destroy(Destroy::default());
            server.join();
        }
        let panicked = self.handle.stats().handlers_panicked;
        assert_eq!(panicked, 0, "a handler panicked");
    }
}

impl Drop for Sockets {
    /// A case that failed leaves its server; the shards end by themselves.
    fn drop(&mut self) {
        if self.server.is_some() {
            self.handle.destroy(Destroy::default());
        }
    }
}
