//! Everything at once, in an order that a seed decides.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use allspark_engine::io::{Completion, Op, Socket, Token, Wait};
use allspark_engine::memory::Slice;
use allspark_protocol::Dice;

use crate::receive::reset;
use crate::rig::{Rig, Size, TestDriver};

const STEPS: usize = 4000;
const PEERS_MAX: usize = 40;

/// A server side that echoes, as the shard would see it.
struct Crowd<D: TestDriver> {
    rig: Rig<D>,
    dice: Dice,
    peers: Vec<Peer>,
    open: HashMap<Token, Socket>,
    closing: HashMap<Token, Socket>,
    /// Connections that were given away and not adopted yet, and what they said last.
    moving: HashMap<Token, Vec<u8>>,
}

/// A client that knows what it is still to hear.
struct Peer {
    stream: TcpStream,
    expected: Vec<u8>,
}

pub(crate) fn serves_a_crowd_that_comes_and_goes<D: TestDriver>() {
    for seed in 1..4 {
        let rig = Rig::<D>::sized(Size {
            buffers: 4,
            buffer_bytes: 128,
            sockets_per_ring: 16,
            ..Size::default()
        });
        let mut crowd = Crowd {
            rig,
            dice: Dice::new(seed),
            peers: Vec::new(),
            open: HashMap::new(),
            closing: HashMap::new(),
            moving: HashMap::new(),
        };
        for _ in 0..STEPS {
            crowd.step();
        }
        crowd.finish();
    }
}

impl<D: TestDriver> Crowd<D> {
    fn random(&mut self, below: usize) -> usize {
        self.dice.index(below)
    }

    fn step(&mut self) {
        match self.random(8) {
            0 if self.peers.len() < PEERS_MAX => {
                let stream = TcpStream::connect(self.rig.address).unwrap();
                let expected = Vec::new();
                self.peers.push(Peer { stream, expected });
            }
            1 if !self.peers.is_empty() => {
                let index = self.random(self.peers.len());
                let peer = self.peers.swap_remove(index);
                if self.random(2) == 0 {
                    reset(peer.stream);
                }
            }
            2..6 if !self.peers.is_empty() => {
                let index = self.random(self.peers.len());
                let message = vec![self.random(256) as u8; 1 + self.random(500)];
                let peer = &mut self.peers[index];
                if peer.stream.write_all(&message).is_ok() {
                    peer.expected.extend(message);
                }
            }
            6 => self.interfere(),
            _ => self.turn(),
        }
    }

    /// Does to some connection what a shard may do at any time.
    fn interfere(&mut self) {
        let mut tokens: Vec<Token> = self.open.keys().copied().collect();
        if tokens.is_empty() {
            return;
        }
        tokens.sort_unstable_by_key(|token| token.as_u64());
        let token = tokens[self.random(tokens.len())];
        let socket = self.open[&token];
        match self.random(6) {
            0 => self.close(token),
            1 | 2 => {
                self.rig.driver.push(Op::StopReceive { socket });
                if self.random(2) == 0 {
                    self.turn();
                }
                // Meanwhile it may have been closed, and its socket be another connection's.
                if self.open.contains_key(&token) {
                    self.rig.driver.push(Op::Receive { socket, token });
                }
            }
            3 => {
                self.open.remove(&token);
                self.moving.insert(token, Vec::new());
                self.rig.driver.push(Op::Release { socket, token });
            }
            _ => self.rig.driver.push(Op::AwaitWritable { socket }),
        }
    }

    fn close(&mut self, token: Token) {
        if let Some(socket) = self.open.remove(&token) {
            self.rig.driver.push(Op::Close { socket, token });
            self.closing.insert(token, socket);
        }
    }

    fn turn(&mut self) {
        self.rig.turn(Wait::No);
        for completion in self.rig.drain() {
            self.handle(completion);
        }
    }

    fn handle(&mut self, completion: Completion) {
        match completion {
            Completion::Accepted { socket, .. } => {
                let token = self.rig.token();
                self.begin(token, socket);
            }
            Completion::Received { token, buffer } => {
                assert!(!buffer.is_empty());
                assert!(self.knows(token));
                match self.moving.get_mut(&token) {
                    Some(held) => held.extend_from_slice(&buffer),
                    None => self.echo(token, &buffer),
                }
            }
            Completion::ReceiveEnded { token, .. } | Completion::SendFailed { token, .. } => {
                assert!(self.knows(token));
                self.close(token);
            }
            Completion::Writable { token } => assert!(self.knows(token)),
            Completion::Closed { token } => {
                assert!(self.closing.remove(&token).is_some(), "closed once");
            }
            Completion::Released { token, result } => match result {
                Ok(socket) => self.rig.driver.push(Op::Adopt { socket, token }),
                Err(_) => drop(self.moving.remove(&token).expect("released once")),
            },
            Completion::Adopted { token, result } => {
                let held = self.moving.remove(&token).expect("adopted once");
                self.begin(token, result.unwrap());
                self.echo(token, &held);
            }
            other => panic!("{other:?}"),
        }
    }

    fn begin(&mut self, token: Token, socket: Socket) {
        self.rig.driver.push(Op::Receive { socket, token });
        let others = self.open.values().chain(self.closing.values());
        assert!(others.copied().all(|other| other != socket), "used twice");
        self.open.insert(token, socket);
    }

    fn echo(&mut self, token: Token, bytes: &[u8]) {
        if let Some(&socket) = self.open.get(&token)
            && !bytes.is_empty()
        {
            let bytes = Slice::copy_of(bytes);
            self.rig.driver.push(Op::Send { socket, bytes });
            // One send per turn and socket: what else came in has to wait for it.
            self.rig.turn(Wait::No);
        }
    }

    fn knows(&self, token: Token) -> bool {
        self.open.contains_key(&token)
            || self.closing.contains_key(&token)
            || self.moving.contains_key(&token)
    }

    /// Who was not cut off hears everything it said, and then everybody goes.
    fn finish(mut self) {
        let start = std::time::Instant::now();
        for mut peer in std::mem::take(&mut self.peers) {
            peer.stream.set_nonblocking(true).unwrap();
            let mut heard = Vec::new();
            let mut part = [0; 4096];
            while heard.len() < peer.expected.len() {
                assert!(start.elapsed() < crate::rig::PATIENCE, "echo is missing");
                match peer.stream.read(&mut part) {
                    Ok(0) => break, // It was closed by `interfere`.
                    Ok(count) => heard.extend_from_slice(&part[..count]),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => self.turn(),
                    Err(_) => break,
                }
            }
            assert!(peer.expected.starts_with(&heard));
        }
        while !self.open.is_empty() || !self.closing.is_empty() || !self.moving.is_empty() {
            assert!(start.elapsed() < crate::rig::PATIENCE, "not all ended");
            self.turn();
        }
        assert_eq!(self.rig.driver.stale(), 0);
    }
}
