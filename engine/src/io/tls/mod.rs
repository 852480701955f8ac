//! TLS, as a decorator of a driver: the shard above it sees bytes as if there were none, and the
//! driver below it sees records.
//!
//! Handshakes are rustls's. When one is done, the keys are taken out of it and rustls is dropped;
//! from then on records are ours. They are opened where the kernel put them, in the buffer that is
//! lent to the shard, and sealed into blocks of which one send takes several records.
//!
//! | file | what it does |
//! |---|---|
//! | here | [`Tls`]: the operations, connections, and what a turn does |
//! | [`receiving`] | what comes in: handshakes, records |
//! | [`sending`], [`flight`] | what goes out, and what becomes of what the kernel does not take |
//! | [`session`] | what is kept of a connection, and what records mean |
//! | [`handshake`], [`secrets`], [`acceptor`] | rustls |
//! | [`hello`] | what rustls does not say of a client's hello |
//! | [`channel`], [`keys`] | records and keys |
//! | [`fault`] | what can go wrong, and what the peer is told |
//!
//! # Invariants
//! - The contract of a driver ([`super::driver`]) holds above and below: one send per connection
//!   and turn, `Closed` and `Released` last.
//! - The shard counts what waits. Of a send that the kernel takes in part, records that were not
//!   begun are given back as they were; only the rest of one that was begun stays here.
//! - What came in and finds no room keeps its receive buffer, so that the inner driver stops.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use allspark_protocol::Instant;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::room::Room;
use super::{Completion, Detached, Driver, DriverKind, Op, Socket, Token, Wait, Waker};
use crate::memory::{Arena, BlockPool, GiveBack, Key};

mod acceptor;
mod channel;
mod fault;
mod flight;
mod handshake;
mod hello;
mod keys;
mod receiving;
mod secrets;
mod sending;
mod session;
#[cfg(test)]
mod tests;

pub use acceptor::TlsAcceptor;
pub use fault::TlsFault;
use flight::{Flight, Plain};
use keys::Keys;
use secrets::Tap;
use session::{Connection, Flags, Session, Stage};

/// The kind of tokens that name a connection to the inner driver.
const CONNECTION: u8 = 0xf5;

/// Records that came in parts are put together in buffers of this size, so many at most.
const BUFFER_BYTES: usize = 128 * 1024;
const BUFFERS: u16 = 4;

/// A driver whose connections are encrypted, those that its listeners want it for.
pub struct Tls<D> {
    inner: D,
    /// By the listener's number; who has none is plain.
    acceptors: Vec<Option<TlsAcceptor>>,
    client: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    connections: Arena<Connection>,
    keys: Keys,
    blocks: BlockPool,
    room: Room,
    /// Sends of this turn.
    flights: Vec<Flight>,
    /// One of them is followed by something, so the inner driver must not sleep on it: it says
    /// nothing of a send that succeeds.
    is_awaited: bool,
    /// Connections that have something to be sent beside what the shard sends.
    to_send: Vec<Key>,
    /// Connections whose handshakes wait for their turn.
    to_shake: VecDeque<Key>,
    /// Connections for whose records there was no room.
    stuck: VecDeque<Key>,
    /// What came for them since.
    backlog: VecDeque<Completion>,
    /// What the shard is to be told in the next turn.
    reports: Vec<Completion>,
    raw: Vec<Completion>,
    /// Counts turns; wraps.
    turn: u32,
}

impl<D: Driver> Tls<D> {
    /// `acceptors` has one place for each listener of the driver.
    pub fn server(inner: D, acceptors: Vec<Option<TlsAcceptor>>) -> Self {
        Self {
            inner,
            acceptors,
            client: None,
            connections: Arena::default(),
            keys: Keys::default(),
            blocks: BlockPool::default(),
            room: Room::new(BUFFERS, BUFFER_BYTES),
            flights: Vec::new(),
            is_awaited: false,
            to_send: Vec::new(),
            to_shake: VecDeque::new(),
            stuck: VecDeque::new(),
            backlog: VecDeque::new(),
            reports: Vec::new(),
            raw: Vec::new(),
            turn: 1,
        }
    }

    /// All connections that the driver opens are to a server of this name. One that it adopts is
    /// as it was.
    pub fn client(inner: D, mut config: ClientConfig, name: ServerName<'static>) -> Self {
        config.enable_secret_extraction = true;
        config.enable_early_data = false;
        config.key_log = Tap::into(config.key_log);
        Self {
            client: Some((Arc::new(config), name)),
            ..Self::server(inner, Vec::new())
        }
    }

    /// Who encrypts the connections of each listener from now on.
    pub(crate) fn set_acceptors(&mut self, acceptors: Vec<Option<TlsAcceptor>>) {
        self.acceptors = acceptors;
    }

    /// The driver that is decorated.
    pub fn inner(&self) -> &D {
        &self.inner
    }

    /// The same, to be changed.
    pub(crate) fn inner_mut(&mut self) -> &mut D {
        &mut self.inner
    }

    /// Whether the next turn has something to do, whatever happens below.
    pub fn has_own_work(&self) -> bool {
        !self.to_send.is_empty()
            || !self.to_shake.is_empty()
            || !self.stuck.is_empty()
            || !self.reports.is_empty()
    }

    fn insert(&mut self, socket: Socket, token: Token, session: Option<Box<Session>>) -> Key {
        self.connections.insert(Connection {
            socket,
            token,
            answer: token,
            is_leaving: false,
            session,
        })
    }

    /// A session of who connects, if that is what this driver is for.
    fn client_session(&self) -> Option<Box<Session>> {
        let is_client = self.client.is_some();
        is_client.then(|| Session::new(Stage::Fresh(None), Flags::CLIENT))
    }

    fn receive(&mut self, key: Key, token: Token) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let socket = connection.socket;
        connection.token = token;
        let Some(session) = &mut connection.session else {
            return self.inner.push(Op::Receive { socket, token });
        };
        if session.flags.has(Flags::INPUT_OVER) {
            // Whoever had it before knows it, but perhaps not who has it now.
            let result = Ok(());
            return self
                .reports
                .push(Completion::ReceiveEnded { token, result });
        }
        let token = inner_token(key);
        self.inner.push(Op::Receive { socket, token });
        self.begin_as_client(key);
    }

    fn shut_down(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let socket = connection.socket;
        match &mut connection.session {
            None => self.inner.push(Op::Shutdown { socket }),
            Some(session) => {
                session.flags.set(Flags::SHUT);
                self.queue_send(key);
            }
        }
    }

    fn await_writable(&mut self, key: Key) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let socket = connection.socket;
        let Some(session) = &mut connection.session else {
            return self.inner.push(Op::AwaitWritable { socket });
        };
        session.flags.set(Flags::AWAITS);
        if matches!(session.stage, Stage::Open(_)) && session.out.is_empty() {
            self.poll(key);
        }
    }

    /// Has the inner driver say when there is room.
    fn poll(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && let Some(session) = &mut connection.session
            && !session.flags.has(Flags::POLLING)
        {
            session.flags.set(Flags::POLLING);
            let socket = connection.socket;
            self.inner.push(Op::AwaitWritable { socket });
        }
    }

    /// The shard lets go of a connection; the answer goes to `answer`.
    fn leave(&mut self, key: Key, answer: Token, leave: impl FnOnce(Socket, Token) -> Op) {
        // An alert is a farewell.
        self.send_own(key);
        if let Some(connection) = self.connections.get_mut(key) {
            connection.answer = answer;
            connection.is_leaving = true;
            let op = leave(connection.socket, inner_token(key));
            self.inner.push(op);
        }
    }

    fn close(&mut self, key: Key, answer: Token) {
        if let Some(session) = self.session_mut(key) {
            // Or the peer would have to take it for an accident.
            session.flags.set(Flags::SHUT);
        }
        self.leave(key, answer, |socket, token| Op::Close { socket, token });
        if let Some(session) = self.session_mut(key) {
            // What it holds is of no use any more.
            session.stage = Stage::Failed;
            (session.partial, session.out) = (Vec::new(), Vec::new());
            self.keys.forget(key);
        }
    }

    fn adopt(&mut self, socket: Detached, token: Token) {
        let (socket, luggage) = socket.without_luggage();
        let mut session = luggage.and_then(|luggage| luggage.downcast::<Session>().ok());
        if let Some(session) = &mut session {
            session.arrive(self.turn);
        }
        let key = self.insert(Socket(u32::MAX), token, session);
        let token = inner_token(key);
        self.inner.push(Op::Adopt { socket, token });
    }

    /// Hands on what came for connections that were stuck, in its order.
    fn work_off(&mut self, completions: &mut Vec<Completion>) {
        for _ in 0..self.stuck.len() {
            let key = self.stuck.pop_front().expect("counted above");
            if let Some(session) = self.session_mut(key) {
                session.flags.take(Flags::STUCK);
                self.open_partial(key, completions);
            }
        }
        for _ in 0..self.backlog.len() {
            let completion = self.backlog.pop_front().expect("counted above");
            self.complete(completion, completions);
        }
    }

    fn session_mut(&mut self, key: Key) -> Option<&mut Session> {
        self.connections.get_mut(key)?.session.as_deref_mut()
    }

    /// Translates what the inner driver says. What is for plain connections mostly carries the
    /// shard's own names.
    fn complete(&mut self, completion: Completion, completions: &mut Vec<Completion>) {
        match completion {
            Completion::Accepted {
                socket,
                peer,
                listener,
            } => {
                let acceptor = self.acceptors.get(usize::from(listener)).cloned().flatten();
                let fresh = |acceptor| Session::new(Stage::Fresh(Some(acceptor)), Flags::default());
                let key = self.insert(socket, Token::from_u64(0), acceptor.map(fresh));
                let socket = Socket(key.index);
                completions.push(Completion::Accepted {
                    socket,
                    peer,
                    listener,
                });
            }
            Completion::Connected { token, result } => {
                let (token, result) = self.settle_in(token, result);
                completions.push(Completion::Connected { token, result });
            }
            Completion::Adopted { token, result } => {
                let (token, result) = self.settle_in(token, result);
                completions.push(Completion::Adopted { token, result });
            }
            Completion::Received { token, buffer } => match key_of(token) {
                Some(key) => self.received(key, buffer, completions),
                None => completions.push(Completion::Received { token, buffer }),
            },
            Completion::ReceiveEnded { token, result } => match key_of(token) {
                Some(key) => self.input_ended(key, result, completions),
                None => completions.push(Completion::ReceiveEnded { token, result }),
            },
            Completion::Writable { token } => match key_of(token) {
                Some(key) => self.became_writable(key, completions),
                None => completions.push(Completion::Writable { token }),
            },
            Completion::Unsent { token, bytes } => {
                let token = key_of(token).map_or(Some(token), |key| self.token_of(key));
                completions.extend(token.map(|token| Completion::Unsent { token, bytes }));
            }
            Completion::Introduced { token, about } => {
                let token = key_of(token).map_or(Some(token), |key| self.token_of(key));
                completions.extend(token.map(|token| Completion::Introduced { token, about }));
            }
            Completion::Held { token, bytes } => {
                let token = key_of(token).map_or(Some(token), |key| self.token_of(key));
                completions.extend(token.map(|token| Completion::Held { token, bytes }));
            }
            Completion::Released { token, result } => self.released(token, result, completions),
            Completion::Closed { token } => {
                if let Some(connection) = key_of(token).and_then(|key| self.remove(key)) {
                    let token = connection.answer;
                    completions.push(Completion::Closed { token });
                }
            }
            other => completions.push(other),
        }
    }

    fn token_of(&self, key: Key) -> Option<Token> {
        Some(self.connections.get(key)?.token)
    }

    fn remove(&mut self, key: Key) -> Option<Connection> {
        self.keys.forget(key);
        self.connections.remove(key)
    }

    /// A connection that was asked for is there, or will not be.
    fn settle_in(
        &mut self,
        token: Token,
        result: io::Result<Socket>,
    ) -> (Token, io::Result<Socket>) {
        let Some(key) = key_of(token) else {
            return (token, result);
        };
        let Some(connection) = self.connections.get_mut(key) else {
            return (token, result);
        };
        let token = connection.token;
        match result {
            Ok(socket) => {
                connection.socket = socket;
                // Whoever had it before may have had something to send beside what its shard sent.
                self.queue_send(key);
                (token, Ok(Socket(key.index)))
            }
            Err(error) => {
                self.remove(key);
                (token, Err(error))
            }
        }
    }

    /// A connection goes to another driver, and takes along what is kept of it.
    fn released(
        &mut self,
        token: Token,
        result: io::Result<Detached>,
        completions: &mut Vec<Completion>,
    ) {
        let Some(key) = key_of(token) else {
            return completions.push(Completion::Released { token, result });
        };
        if self.is_stuck(key) {
            let waiting = Completion::Released { token, result };
            return self.backlog.push_back(waiting);
        }
        let Some(Connection {
            answer, session, ..
        }) = self.remove(key)
        else {
            return;
        };
        let result = result.and_then(|socket| match session {
            None => Ok(socket),
            Some(session) if matches!(session.stage, Stage::Open(_)) => {
                Ok(socket.with_luggage(session))
            }
            // Who has not shaken hands has nothing to do elsewhere.
            Some(_) => Err(io::ErrorKind::InvalidInput.into()),
        });
        let token = answer;
        completions.push(Completion::Released { token, result });
    }
}

impl<D: Driver> Driver for Tls<D> {
    fn kind(&self) -> DriverKind {
        self.inner.kind()
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn unix_ms(&self) -> u64 {
        self.inner.unix_ms()
    }

    fn push(&mut self, op: Op) {
        let socket = match &op {
            Op::Accept | Op::StopAccept | Op::RestAccept { .. } => return self.inner.push(op),
            Op::Connect { address, token } => {
                let session = self.client_session();
                let key = self.insert(Socket(u32::MAX), *token, session);
                let (address, token) = (*address, inner_token(key));
                return self.inner.push(Op::Connect { address, token });
            }
            Op::Adopt { .. } => {
                if let Op::Adopt { socket, token } = op {
                    self.adopt(socket, token);
                }
                return;
            }
            Op::Receive { socket, .. }
            | Op::StopReceive { socket }
            | Op::Send { socket, .. }
            | Op::SendMany { socket, .. }
            | Op::AwaitWritable { socket }
            | Op::AskUnsent { socket }
            | Op::Shutdown { socket }
            | Op::Release { socket, .. }
            | Op::Close { socket, .. } => *socket,
        };
        let Some(key) = self.connections.key_at(socket.0) else {
            return;
        };
        let Some(connection) = self.connections.get(key).filter(|c| !c.is_leaving) else {
            return;
        };
        let socket = connection.socket;
        match op {
            Op::Receive { token, .. } => self.receive(key, token),
            Op::StopReceive { .. } => self.inner.push(Op::StopReceive { socket }),
            Op::Send { bytes, .. } => self.send(key, Plain::One(bytes)),
            Op::SendMany { slices, .. } => self.send(key, Plain::Many(slices)),
            Op::AwaitWritable { .. } => self.await_writable(key),
            Op::AskUnsent { .. } => self.inner.push(Op::AskUnsent { socket }),
            Op::Shutdown { .. } => self.shut_down(key),
            Op::Release { token, .. } => {
                self.leave(key, token, |socket, token| Op::Release { socket, token });
            }
            Op::Close { token, .. } => self.close(key, token),
            Op::Accept
            | Op::StopAccept
            | Op::RestAccept { .. }
            | Op::Connect { .. }
            | Op::Adopt { .. } => {}
        }
    }

    fn turn(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        self.send_all_own();
        let is_awaited = std::mem::take(&mut self.is_awaited);
        let wait = match is_awaited || self.has_own_work() {
            true => Wait::No,
            false => wait,
        };
        let mut raw = std::mem::take(&mut self.raw);
        self.inner.turn(wait, &mut raw)?;
        completions.append(&mut self.reports);
        self.settle_flights(&mut raw, completions);
        self.turn = self.turn.wrapping_add(1);
        self.shake_hands(completions);
        // What has waited for that comes before what comes now.
        self.work_off(completions);
        for completion in raw.drain(..) {
            self.complete(completion, completions);
        }
        self.raw = raw;
        Ok(())
    }

    fn rested_from(&self) -> Option<Instant> {
        self.inner.rested_from()
    }

    fn has_more(&self) -> bool {
        self.inner.has_more() || !self.to_shake.is_empty() || !self.stuck.is_empty()
    }

    fn give_back(&mut self) {
        self.inner.give_back();
        self.keys.give_back();
        self.blocks.free_unused();
        self.room.give_back();
        self.flights.give_back();
        self.to_send.give_back();
        self.to_shake.give_back();
        self.stuck.give_back();
        self.backlog.give_back();
        self.reports.give_back();
        self.raw.give_back();
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }
}

impl<D: std::fmt::Debug> std::fmt::Debug for Tls<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("inner", &self.inner)
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

fn inner_token(key: Key) -> Token {
    Token::new(CONNECTION, key.generation, key.index)
}

/// The connection that an inner token names, if it is one of ours.
fn key_of(token: Token) -> Option<Key> {
    (token.kind() == CONNECTION).then(|| Key {
        index: token.index(),
        generation: token.generation(),
    })
}
