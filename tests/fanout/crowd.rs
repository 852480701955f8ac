//! Many clients on one thread: the client machine on the engine's own epoll driver.

use std::net::SocketAddr;
use std::sync::Arc;

use allspark_client::core::{Client, ClientOptions, Event, Output, Outputs, Strategy};
use allspark_engine::io::{Completion, Driver, Epoll, EpollOptions, Op, Socket, Token, Wait};
use allspark_engine::memory::Slice;
use allspark_protocol::transformer::{Kind, Link};
use allspark_protocol::{Input, Instant};

/// One client.
pub(crate) struct Member {
    machine: Client,
    /// Its only one: nobody here reconnects.
    link: Link,
    socket: Option<Socket>,
    /// Not sent yet, because the connection is not there or the kernel took only a part.
    pending: Vec<u8>,
    stalled: bool,
    /// To be closed once nothing is pending.
    closing: bool,
    pub(crate) is_open: bool,
    pub(crate) is_gone: bool,
    pub(crate) leaving: bool,
    /// Every message, as JSON text.
    pub(crate) received: Vec<String>,
}

pub(crate) struct Crowd {
    driver: Epoll,
    server: SocketAddr,
    options: Arc<ClientOptions>,
    pub(crate) members: Vec<Member>,
    completions: Vec<Completion>,
    out: Outputs,
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let driver = Epoll::new(EpollOptions::default()).unwrap();
        let options = ClientOptions {
            strategy: Strategy::NONE,
            ..ClientOptions::default()
        };
        Self {
            driver,
            server,
            options: Arc::new(options),
            out: Outputs::default(),
            members: Vec::new(),
            completions: Vec::new(),
        }
    }

    /// Begins a connection and returns the number of the new member.
    pub(crate) fn join(&mut self) -> usize {
        let number = self.members.len();
        self.members.push(Member {
            machine: Client::new(Arc::clone(&self.options), number as u64),
            link: Link(0),
            socket: None,
            pending: Vec::new(),
            stalled: false,
            closing: false,
            is_open: false,
            is_gone: false,
            leaving: false,
            received: Vec::new(),
        });
        self.call(number, |machine, now, out| machine.open(now, out));
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
        let json = json.as_bytes();
        self.call(number, |machine, now, out| {
            machine.write(now, Kind::Text, json, out);
        });
    }

    /// Leaves, with a goodbye or, if `abrupt`, without.
    pub(crate) fn leave(&mut self, number: usize, abrupt: bool) {
        if abrupt {
            self.close(number);
        } else {
            self.members[number].leaving = true;
            self.call(number, |machine, now, out| machine.end(now, out));
        }
    }

    /// Turns until `done` says so, for two minutes at most.
    pub(crate) fn run_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let end = self.driver.now() + std::time::Duration::from_secs(120);
        while !done(self) {
            assert!(self.driver.now() < end, "not within two minutes: {what}");
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
        for completion in std::mem::take(&mut self.completions) {
            self.complete(completion);
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
        if member.closing && !member.stalled {
            self.close(number);
        }
    }

    /// Calls a member's machine and carries out what it wants.
    fn call(&mut self, number: usize, call: impl FnOnce(&mut Client, Instant, &mut Outputs)) {
        let mut out = std::mem::take(&mut self.out);
        let now = self.driver.now();
        let member = &mut self.members[number];
        call(&mut member.machine, now, &mut out);
        for output in out.list() {
            match output {
                Output::Connect(link) => {
                    member.link = *link;
                    self.driver.push(Op::Connect {
                        address: self.server,
                        token: token(number),
                    });
                }
                Output::Write(_, bytes) => {
                    member.pending.extend_from_slice(out.bytes(bytes.clone()));
                }
                Output::Close(_) => member.closing = true,
                Output::Event(event) => member.hear(event, &out),
            }
        }
        out.clear();
        self.out = out;
    }

    fn close(&mut self, number: usize) {
        let member = &mut self.members[number];
        member.is_gone = true;
        if let Some(socket) = member.socket.take() {
            let token = token(number);
            self.driver.push(Op::Close { socket, token });
        }
    }

    fn complete(&mut self, completion: Completion) {
        match completion {
            Completion::Connected { token, result } => {
                let socket = result.expect("the server accepts");
                self.members[token.index() as usize].socket = Some(socket);
                self.driver.push(Op::Receive { socket, token });
            }
            Completion::Received { token, mut buffer } => {
                let number = token.index() as usize;
                let link = self.members[number].link;
                let mut input = Input::new(&mut buffer);
                self.call(number, |machine, now, out| {
                    machine.receive(now, link, &mut input, out);
                });
            }
            Completion::ReceiveEnded { token, .. } | Completion::SendFailed { token, .. } => {
                let number = token.index() as usize;
                let link = self.members[number].link;
                self.call(number, |machine, now, out| machine.lost(now, link, out));
                self.close(number);
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
            | Completion::Unsent { .. }
            | Completion::Introduced { .. }
            | Completion::Held { .. }
            | Completion::Adopted { .. } => {}
        }
    }
}

impl Member {
    fn hear(&mut self, event: &Event, out: &Outputs) {
        match event {
            Event::Open => self.is_open = true,
            Event::Data { bytes, .. } => {
                let text = out.bytes(bytes.clone()).to_vec();
                self.received.push(String::from_utf8(text).unwrap());
            }
            Event::Close => self.is_open = false,
            _ => {}
        }
    }
}

fn token(number: usize) -> Token {
    Token::new(1, 0, number as u32)
}
