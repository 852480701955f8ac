//! Runs one client half over real sockets: one thread, which sleeps in `poll`.

use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{self, Duration};

use allspark_protocol::transformer::{
    ClientOutput, ClientOutputs, ClientTransport, End, Kind, Link,
};
use allspark_protocol::{Input, Instant};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a server may take for an answer on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// What the client half told.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Open,
    Message(Kind, Vec<u8>),
    Ended(End),
}

/// A connection in the sense of Primus.
pub(crate) struct Connection {
    server: SocketAddr,
    transport: Box<dyn ClientTransport>,
    outputs: ClientOutputs,
    sockets: BTreeMap<u32, Socket>,
    heard: VecDeque<Heard>,
    begun: time::Instant,
}

/// One of its TCP connections.
struct Socket {
    stream: TcpStream,
    unsent: Vec<u8>,
    /// It is closed once everything is sent, and nothing more is heard of it.
    is_closing: bool,
    is_shut: bool,
    is_lost: bool,
}

impl Connection {
    /// Begins a connection and waits until it is open.
    pub(crate) fn open(server: SocketAddr, transport: Box<dyn ClientTransport>) -> Self {
        let mut connection = Self {
            server,
            transport,
            outputs: ClientOutputs::default(),
            sockets: BTreeMap::new(),
            heard: VecDeque::new(),
            begun: time::Instant::now(),
        };
        connection.call(|transport, now, out| transport.start(now, out));
        assert_eq!(connection.hear(), Heard::Open);
        connection
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, text: &str) {
        self.call(|transport, now, out| transport.send(now, Kind::Text, text.as_bytes(), out));
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self) {
        self.call(|transport, now, out| transport.close(now, out));
    }

    /// Waits until the next thing is heard.
    pub(crate) fn hear(&mut self) -> Heard {
        let latest = self.now() + ANSWER_MAX;
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            assert!(self.now() < latest, "nothing heard within {ANSWER_MAX:?}");
            self.turn(latest);
        }
    }

    /// Waits for the next message that is text, and skips pings.
    pub(crate) fn text(&mut self) -> String {
        loop {
            match self.hear() {
                Heard::Message(Kind::Text, bytes) => {
                    let text = String::from_utf8(bytes).expect("a client half checks its text");
                    if !text.starts_with("\"primus::ping::") {
                        return text;
                    }
                }
                other => panic!("{other:?} where text was due"),
            }
        }
    }

    /// Lets what was closed come to its end.
    pub(crate) fn finish(mut self) {
        let latest = self.now() + ANSWER_MAX;
        while !self.sockets.is_empty() {
            assert!(self.now() < latest, "{} links are left", self.sockets.len());
            self.turn(latest);
        }
    }

    fn call(&mut self, call: impl FnOnce(&mut dyn ClientTransport, Instant, &mut ClientOutputs)) {
        let now = self.now();
        call(&mut *self.transport, now, &mut self.outputs);
        let outputs = std::mem::take(&mut self.outputs);
        for output in outputs.list() {
            self.carry_out(output, &outputs);
        }
        self.outputs = outputs;
        self.outputs.clear();
    }

    fn carry_out(&mut self, output: &ClientOutput, outputs: &ClientOutputs) {
        match output {
            ClientOutput::Connect(link) => {
                let socket = Socket::connect(self.server);
                let known = self.sockets.insert(link.0, socket);
                assert!(known.is_none(), "{link:?} is used again");
            }
            ClientOutput::Write(link, bytes) => {
                let socket = self.sockets.get_mut(&link.0);
                let socket = socket.unwrap_or_else(|| panic!("{link:?} is written to, but gone"));
                assert!(!socket.is_closing, "{link:?} is written to, but closed");
                socket
                    .unsent
                    .extend_from_slice(outputs.bytes(bytes.clone()));
            }
            ClientOutput::Close(link) => {
                if let Some(socket) = self.sockets.get_mut(&link.0) {
                    socket.is_closing = true;
                }
            }
            ClientOutput::Open => self.heard.push_back(Heard::Open),
            ClientOutput::Message { kind, bytes } => {
                let bytes = outputs.bytes(bytes.clone()).to_vec();
                self.heard.push_back(Heard::Message(*kind, bytes));
            }
            ClientOutput::Ended(end) => self.heard.push_back(Heard::Ended(end.clone())),
        }
    }

    /// Sends, waits until something happens or is due, and receives.
    fn turn(&mut self, latest: Instant) {
        self.sockets.values_mut().for_each(Socket::flush);
        self.wait(latest);
        for number in self.sockets.keys().copied().collect::<Vec<_>>() {
            self.receive(Link(number));
        }
        if self
            .transport
            .deadline()
            .is_some_and(|due| due <= self.now())
        {
            self.call(|transport, now, out| transport.expired(now, out));
        }
    }

    fn wait(&self, latest: Instant) {
        if self.sockets.values().any(|socket| socket.is_lost) {
            return;
        }
        let due = self
            .transport
            .deadline()
            .map_or(latest, |due| due.min(latest));
        let sleep = due.saturating_since(self.now());
        let interest = |socket: &Socket| match socket.unsent.is_empty() {
            true => PollFlags::IN,
            false => PollFlags::IN | PollFlags::OUT,
        };
        let sockets = self.sockets.values();
        let mut polled: Vec<_> = sockets
            .map(|socket| PollFd::new(&socket.stream, interest(socket)))
            .collect();
        let sleep = Timespec::try_from(sleep).expect("a wait of seconds");
        poll(&mut polled, Some(&sleep)).expect("poll");
    }

    /// Reads what a link has to say, unless a link before it had it closed.
    fn receive(&mut self, link: Link) {
        let Some(socket) = self.sockets.get_mut(&link.0) else {
            return;
        };
        let mut buffer = vec![0; 64 * 1024];
        let is_heard = !socket.is_closing;
        match socket.read(&mut buffer) {
            None => {}
            Some(0) => {
                self.sockets.remove(&link.0);
                if is_heard {
                    self.call(|transport, now, out| transport.lost(now, link, out));
                }
            }
            Some(count) if is_heard => self.call(|transport, now, out| {
                let mut input = Input::new(&mut buffer[..count]);
                transport.receive(now, link, &mut input, out);
                assert!(input.is_empty(), "{link:?}: {} bytes are left", input.len());
            }),
            Some(_) => {}
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.begun.elapsed()
    }
}

impl Socket {
    /// On loopback a connection is there at once, or refused.
    fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the server accepts");
        stream.set_nonblocking(true).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Self {
            stream,
            unsent: Vec::new(),
            is_closing: false,
            is_shut: false,
            is_lost: false,
        }
    }

    fn flush(&mut self) {
        while !self.unsent.is_empty() && !self.is_lost {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.is_lost = true,
            }
        }
        if self.is_closing && !self.is_shut {
            self.is_shut = true;
            // A peer that was faster has closed already.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }

    /// How much was read: nothing at the end, `None` if there is nothing yet.
    fn read(&mut self, buffer: &mut [u8]) -> Option<usize> {
        match self.stream.read(buffer) {
            Ok(count) => Some(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock && !self.is_lost => None,
            Err(_) => Some(0),
        }
    }
}
