//! Many clients on one thread: the client machine on the engine's own epoll driver.

use std::net::SocketAddr;

use allspark_client::{Client, ClientOptions, Event};
use allspark_engine::io::{Completion, Driver, Epoll, EpollOptions, Op, Socket, Token, Wait};
use allspark_engine::memory::Slice;
use allspark_protocol::transformer::Kind;
use allspark_protocol::{Input, Instant};

/// One client.
pub(crate) struct Member {
    machine: Client,
    socket: Option<Socket>,
    /// Not sent yet, because the connection is not there or the kernel took only a part.
    pending: Vec<u8>,
    stalled: bool,
    pub(crate) is_open: bool,
    pub(crate) is_gone: bool,
    pub(crate) leaving: bool,
    /// Every message, as JSON text.
    pub(crate) received: Vec<String>,
}

pub(crate) struct Crowd {
    driver: Epoll,
    server: SocketAddr,
    pub(crate) members: Vec<Member>,
    completions: Vec<Completion>,
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let driver = Epoll::new(EpollOptions::default()).unwrap();
        Self {
            driver,
            server,
            members: Vec::new(),
            completions: Vec::new(),
        }
    }

    /// Begins a connection and returns the number of the new member.
    pub(crate) fn join(&mut self) -> usize {
        let number = self.members.len();
        let mut pending = Vec::new();
        let machine =
            Client::connect(&ClientOptions::default(), number as u64, &mut pending).unwrap();
        self.members.push(Member {
            machine,
            socket: None,
            pending,
            stalled: false,
            is_open: false,
            is_gone: false,
            leaving: false,
            received: Vec::new(),
        });
        let token = Token::new(1, 0, number as u32);
        self.driver.push(Op::Connect {
            address: self.server,
            token,
        });
        number
    }

    /// Connects so many members and waits until all are open.
    pub(crate) fn gather(&mut self, count: usize) {
        for _ in 0..count {
            self.join();
        }
        self.run_until("all are open", |crowd| {
            crowd.members.iter().all(|member| member.is_open)
        });
    }

    /// Writes a message, given as JSON text.
    pub(crate) fn write(&mut self, number: usize, json: &str) {
        let member = &mut self.members[number];
        member
            .machine
            .write(Kind::Text, json.as_bytes(), &mut member.pending);
    }

    /// Leaves, with a goodbye or, if `abrupt`, without.
    pub(crate) fn leave(&mut self, number: usize, abrupt: bool) {
        let member = &mut self.members[number];
        if abrupt {
            if let Some(socket) = member.socket.take() {
                member.is_gone = true;
                self.driver.push(Op::Close {
                    socket,
                    token: Token::new(1, 0, number as u32),
                });
            }
        } else {
            member.leaving = true;
            member.machine.end(&mut member.pending);
        }
    }

    /// Turns until `done` says so, for 30 s at most.
    pub(crate) fn run_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = self.driver.now() + std::time::Duration::from_secs(30);
        while !done(self) {
            assert!(self.driver.now() < end, "not within 30 s: {what}");
            self.turn();
        }
    }

    fn turn(&mut self) {
        for number in 0..self.members.len() {
            self.flush(number);
        }
        let soon = self.driver.now() + std::time::Duration::from_millis(5);
        self.driver
            .turn(Wait::Until(soon), &mut self.completions)
            .unwrap();
        let now = self.driver.now();
        for completion in std::mem::take(&mut self.completions) {
            self.complete(now, completion);
        }
    }

    fn flush(&mut self, number: usize) {
        let member = &mut self.members[number];
        if let Some(socket) = member.socket
            && !member.pending.is_empty()
            && !member.stalled
        {
            let bytes = Slice::copy_of(&std::mem::take(&mut member.pending));
            self.driver.push(Op::Send { socket, bytes });
        }
    }

    fn complete(&mut self, now: Instant, completion: Completion) {
        match completion {
            Completion::Connected { token, result } => {
                let socket = result.expect("the server accepts");
                self.members[token.index() as usize].socket = Some(socket);
                self.driver.push(Op::Receive { socket, token });
            }
            Completion::Received { token, mut buffer } => {
                self.members[token.index() as usize].read(now, &mut buffer);
            }
            Completion::ReceiveEnded { token, .. } | Completion::SendFailed { token, .. } => {
                let member = &mut self.members[token.index() as usize];
                member.is_gone = true;
                if let Some(socket) = member.socket.take() {
                    self.driver.push(Op::Close { socket, token });
                }
            }
            Completion::SendStalled { token, rest } => {
                let member = &mut self.members[token.index() as usize];
                member.pending.splice(0..0, rest.iter().copied());
                member.stalled = true;
                if let Some(socket) = member.socket {
                    self.driver.push(Op::AwaitWritable { socket });
                }
            }
            Completion::Writable { token } => {
                self.members[token.index() as usize].stalled = false;
            }
            Completion::Closed { .. }
            | Completion::Accepted { .. }
            | Completion::AcceptFailed { .. }
            | Completion::Released { .. }
            | Completion::Adopted { .. } => {}
        }
    }
}

impl Member {
    fn read(&mut self, now: Instant, bytes: &mut [u8]) {
        let mut input = Input::new(bytes);
        while let Some(event) = self.machine.receive(now, &mut input, &mut self.pending) {
            match event {
                Event::Open => self.is_open = true,
                Event::Data { payload, .. } => {
                    self.received
                        .push(String::from_utf8(payload.to_vec()).unwrap());
                }
                Event::Ping | Event::Id(_) => {}
                Event::Closed { .. } => self.is_open = false,
            }
        }
    }
}
