//! The two ends, and what brings them together.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection};

use super::super::channel::Channel;
use super::super::session;
use super::certificates::{Identity, identity, server_name};
use crate::io::sim::{EndpointId, SimDriver, SimNet};
use crate::io::{Completion, Driver, Op, Secure, Socket, Tls, TlsAcceptor, TlsFault, Token, Wait};
use crate::memory::Slice;

const LATENCY: Duration = Duration::from_millis(1);

/// Turns after which everything is over that is going to happen.
const TURNS_MAX: usize = 20_000;

pub(super) fn token(number: u32) -> Token {
    Token::new(1, 0, number)
}

/// What a shard would be: it queues what the driver does not take, and sends once per turn.
#[derive(Default)]
pub(super) struct Host {
    pub(super) socket: Option<Socket>,
    pub(super) received: Vec<u8>,
    /// Waits to be sent.
    pub(super) queue: VecDeque<u8>,
    pub(super) is_blocked: bool,
    pub(super) ended: Option<Result<(), String>>,
    pub(super) secure: Option<Secure>,
    pub(super) held: u32,
    pub(super) is_closed: bool,
    /// Sends in slices of so many bytes.
    pub(super) slice_bytes: Option<usize>,
}

impl Host {
    /// One turn of a driver.
    pub(super) fn turn(&mut self, driver: &mut Tls<SimDriver>) {
        self.send(driver);
        let mut completions = Vec::new();
        driver.turn(Wait::No, &mut completions).unwrap();
        for completion in completions {
            self.complete(completion, driver);
        }
    }

    /// Closes the connection; nothing is left of it then.
    pub(super) fn close(&mut self, driver: &mut Tls<SimDriver>) {
        let (socket, token) = (self.socket.unwrap(), token(7));
        driver.push(Op::Close { socket, token });
        self.turn(driver);
        assert!(self.is_closed);
        assert!(driver.connections.is_empty(), "nothing is left");
    }

    fn send(&mut self, driver: &mut Tls<SimDriver>) {
        let Some(socket) = self
            .socket
            .filter(|_| !self.is_blocked && !self.queue.is_empty())
        else {
            return;
        };
        let bytes: Vec<u8> = self.queue.drain(..).collect();
        driver.push(match self.slice_bytes {
            None => Op::Send {
                socket,
                bytes: Slice::copy_of(&bytes),
            },
            Some(len) => Op::SendMany {
                socket,
                slices: bytes.chunks(len).map(Slice::copy_of).collect(),
            },
        });
    }

    pub(super) fn complete(&mut self, completion: Completion, driver: &mut Tls<SimDriver>) {
        assert!(
            !self.is_closed,
            "nothing comes after the last word: {completion:?}"
        );
        match completion {
            Completion::Accepted { socket, .. }
            | Completion::Connected {
                result: Ok(socket), ..
            } => {
                self.socket = Some(socket);
                let token = token(7);
                driver.push(Op::Receive { socket, token });
            }
            Completion::Received { token: t, buffer } => {
                assert_eq!((t, self.ended.is_some()), (token(7), false));
                assert!(!buffer.is_empty() && self.secure.is_some());
                self.received.extend_from_slice(&buffer);
            }
            Completion::ReceiveEnded { result, .. } => {
                assert!(self.ended.is_none(), "there is one end");
                if let Err(error) = &result {
                    assert!(TlsFault::of(error).is_some() || error.raw_os_error().is_none());
                }
                self.ended = Some(result.map_err(|error| error.to_string()));
            }
            Completion::SendStalled { rest, .. } => {
                if !std::mem::replace(&mut self.is_blocked, true) {
                    let socket = self.socket.unwrap();
                    driver.push(Op::AwaitWritable { socket });
                }
                for byte in rest.iter().rev() {
                    self.queue.push_front(*byte);
                }
            }
            Completion::Writable { .. } => self.is_blocked = false,
            Completion::Introduced { about, .. } => self.secure = about.secure,
            Completion::Held { bytes, .. } => self.held = bytes,
            Completion::Closed { .. } => self.is_closed = true,
            Completion::SendFailed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A server, and a client of it.
pub(super) struct Stage {
    pub(super) net: SimNet,
    pub(super) driver: Tls<SimDriver>,
    pub(super) host: Host,
    pub(super) end: EndpointId,
    pub(super) client: ClientConnection,
    /// What the client got.
    pub(super) answer: Vec<u8>,
    pub(super) client_ended: bool,
    pub(super) failure: Option<rustls::Error>,
    /// The client does not read.
    pub(super) is_deaf: bool,
    /// Encrypted, and not sent yet.
    pub(super) out: Vec<u8>,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::with(identity(None))
    }

    pub(super) fn with(Identity { server, client }: Identity) -> Self {
        Self::of(&TlsAcceptor::new(server), Arc::new(client))
    }

    pub(super) fn of(acceptor: &TlsAcceptor, client: Arc<ClientConfig>) -> Self {
        let net = SimNet::default();
        let mut driver = Tls::server(SimDriver::new(&net), vec![Some(acceptor.clone())]);
        driver.push(Op::Accept);
        driver.turn(Wait::No, &mut Vec::new()).unwrap();
        let end = net.connect(0, LATENCY).unwrap();
        Self {
            net,
            driver,
            host: Host::default(),
            end,
            client: talkative(client),
            answer: Vec::new(),
            client_ended: false,
            failure: None,
            is_deaf: false,
            out: Vec::new(),
        }
    }

    /// Bytes that the driver holds for the connection.
    pub(super) fn held(&mut self) -> usize {
        let key = self.driver.connections.next_from(0).unwrap();
        self.driver.session_mut(key).unwrap().held_bytes()
    }

    /// One turn of the driver.
    pub(super) fn turn(&mut self) {
        self.host.turn(&mut self.driver);
    }

    /// The channel of the client, as far as the server's has got.
    pub(super) fn mirrored(&mut self) -> Channel {
        let key = self.driver.connections.next_from(0).unwrap();
        match &self.driver.session_mut(key).unwrap().stage {
            session::Stage::Open(channel) => channel.mirrored(),
            _ => panic!("it is open"),
        }
    }

    /// The client reads and writes what it can.
    pub(super) fn play_client(&mut self) {
        while !self.is_deaf && !self.client_ended {
            match self.net.receive(self.end, 1 << 20) {
                None => self.client_ended = true,
                Some(bytes) if bytes.is_empty() => break,
                Some(bytes) => self.feed(&bytes),
            }
        }
        while self.client.wants_write() {
            self.client.write_tls(&mut self.out).unwrap();
        }
        let sent = self.net.send(self.end, &self.out).unwrap_or(0);
        self.out.drain(..sent);
    }

    fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.failure.is_none() {
            self.client.read_tls(&mut bytes).unwrap();
            match self.client.process_new_packets() {
                Ok(_) => {
                    let mut plain = Vec::new();
                    // It blocks when there is nothing more for now.
                    let _ = self.client.reader().read_to_end(&mut plain);
                    self.answer.extend(plain);
                }
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// Sends raw bytes in the place of the client.
    pub(super) fn send_raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn say(&mut self, bytes: &[u8]) {
        self.client.writer().write_all(bytes).unwrap();
    }

    /// Lets things happen until this is so.
    pub(super) fn until(&mut self, mut is_so: impl FnMut(&Self) -> bool) {
        for _ in 0..TURNS_MAX {
            if is_so(self) {
                return;
            }
            self.step();
        }
        panic!(
            "it never came: received {}, answered {}, queued {}, ended {:?}, failure {:?}",
            self.host.received.len(),
            self.answer.len(),
            self.host.queue.len(),
            self.host.ended,
            self.failure
        );
    }

    pub(super) fn step(&mut self) {
        self.play_client();
        self.turn();
        self.advance();
    }

    /// The time goes on.
    pub(super) fn advance(&mut self) {
        // The client looks for itself.
        while self.net.next_client_notice().is_some() {}
        if let Some(next) = self.net.next_event() {
            self.net.advance_to(next);
        }
    }

    /// Lets everything happen that will.
    pub(super) fn settle(&mut self) {
        for _ in 0..60 {
            self.step();
        }
    }

    /// Shakes hands.
    pub(super) fn shaken(mut self) -> Self {
        self.until(|stage| stage.host.secure.is_some() && !stage.client.is_handshaking());
        self
    }

    /// The host closes; everything is gone then.
    pub(super) fn close(&mut self) {
        self.host.close(&mut self.driver);
    }
}

/// A client that is given as much to say as anybody likes.
fn talkative(config: Arc<ClientConfig>) -> ClientConnection {
    let mut client = ClientConnection::new(config, server_name()).unwrap();
    client.set_buffer_limit(None);
    client
}
