//! The simulator: real shards and virtual time. What clients send arrives in pieces of any size,
//! and is read in pieces of any size, in an order that a seed determines.

use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_engine::{Handle, TlsAcceptor};
use allspark_protocol::Instant;
use allspark_transformers::AnyTransformer;
use allspark_transformers::contract::Setup;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::app::{Log, options};
use crate::net::Net;
use crate::pipes::{Cable, Incoming};
use crate::subjects::Subject;

/// More than one, so that requests reach shards that do not have their sessions.
const SHARDS: u16 = 2;

pub(crate) struct SimNetwork {
    net: SimNet,
    server: SimServer<AnyTransformer>,
    pipes: Vec<Pipe>,
    random: ChaCha12Rng,
}

/// The client's end of a connection.
struct Pipe {
    endpoint: EndpointId,
    unsent: Vec<u8>,
    is_stalled: bool,
    /// To be closed once everything is sent.
    is_closing: bool,
    is_closed: bool,
}

impl SimNetwork {
    /// With an acceptor connections are encrypted.
    pub(crate) fn new(
        subject: &Subject,
        setup: &Setup,
        seed: u64,
        tls: Option<TlsAcceptor>,
        log: &Log,
    ) -> Self {
        let net = SimNet::default();
        let transformer = subject.transformer(setup);
        let (opened, ended) = (log.clone(), log.clone());
        let mut server = SimServer::new(
            &net,
            options(subject.parser, setup),
            &transformer,
            SHARDS,
            seed,
            |primus| {
                primus.on_connection(move |spark| opened.connected(spark));
                primus.on_disconnection(move |spark| ended.disconnected(spark));
            },
        );
        if tls.is_some() {
            server = server.with_tls(&[tls]);
        }
        server.settle();
        Self {
            net,
            server,
            pipes: Vec::new(),
            random: ChaCha12Rng::seed_from_u64(seed),
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.random.next_u64() % bound as u64) as usize
    }

    /// How many bytes move at once: often a few, sometimes many.
    fn piece(&mut self) -> usize {
        let max = [3, 50, 4096, 65536][self.below(4)];
        1 + self.below(max)
    }

    /// Sends or reads a piece on one of the connections. Returns whether there was one to choose.
    fn step(&mut self, incoming: &mut Vec<Incoming>) -> bool {
        let first = self.below(self.pipes.len().max(1));
        let order = (first..self.pipes.len()).chain(0..first);
        let reads_first = self.below(2) == 0;
        for cable in order.map(Cable) {
            let moved = match reads_first {
                true => self.read(cable, incoming) || self.send(cable),
                false => self.send(cable) || self.read(cable, incoming),
            };
            if moved {
                return true;
            }
        }
        false
    }

    fn send(&mut self, cable: Cable) -> bool {
        let count = self.piece();
        let pipe = &mut self.pipes[cable.0];
        if pipe.is_closed {
            return false;
        }
        if pipe.unsent.is_empty() {
            if pipe.is_closing {
                self.shut(cable);
            }
            return false;
        }
        let count = count.min(pipe.unsent.len());
        // Who sends to a closed connection learns of it when he reads.
        let sent = self.net.send(pipe.endpoint, &pipe.unsent[..count]);
        let sent = sent.unwrap_or(pipe.unsent.len());
        pipe.unsent.drain(..sent);
        sent > 0
    }

    fn read(&mut self, cable: Cable, incoming: &mut Vec<Incoming>) -> bool {
        let count = self.piece();
        let pipe = &self.pipes[cable.0];
        if pipe.is_closed || pipe.is_stalled {
            return false;
        }
        match self.net.receive(pipe.endpoint, count) {
            Some(bytes) if bytes.is_empty() => return false,
            Some(_) if pipe.is_closing => {}
            Some(bytes) => incoming.push(Incoming::Bytes(cable, bytes)),
            None => {
                if !pipe.is_closing {
                    incoming.push(Incoming::Lost(cable));
                }
                self.shut(cable);
            }
        }
        true
    }

    fn shut(&mut self, cable: Cable) {
        let pipe = &mut self.pipes[cable.0];
        if !std::mem::replace(&mut pipe.is_closed, true) {
            self.net.close(pipe.endpoint);
        }
    }
}

impl Net for SimNetwork {
    /// Of virtual time.
    const PATIENCE: Duration = Duration::from_secs(600);

    fn now(&self) -> Instant {
        self.net.now()
    }

    fn server(&self) -> Handle {
        self.server.handle()
    }

    fn connect(&mut self) -> Cable {
        let cable = Cable(self.pipes.len());
        let shard = cable.0 % usize::from(SHARDS);
        // Without latency what is sent in pieces arrives in pieces.
        let endpoint = self.net.connect(shard, Duration::ZERO);
        self.pipes.push(Pipe {
            endpoint: endpoint.expect("the server listens"),
            unsent: Vec::new(),
            is_stalled: false,
            is_closing: false,
            is_closed: false,
        });
        cable
    }

    fn write(&mut self, cable: Cable, bytes: &[u8]) {
        self.pipes[cable.0].unsent.extend_from_slice(bytes);
    }

    fn close(&mut self, cable: Cable) {
        self.pipes[cable.0].is_closing = true;
    }

    fn cut(&mut self, cable: Cable) {
        self.shut(cable);
    }

    fn stall(&mut self, cable: Cable, stalled: bool) {
        self.pipes[cable.0].is_stalled = stalled;
    }

    fn turn(&mut self, deadline: Option<Instant>) -> Vec<Incoming> {
        let mut incoming = Vec::new();
        self.net.advance_to(self.net.now());
        self.server.settle();
        if self.step(&mut incoming) {
            return incoming;
        }
        let events = [self.net.next_event(), self.server.next_deadline(), deadline];
        let next = events.into_iter().flatten().min();
        // If nothing will ever happen, time passes until patience has run out.
        let next = next.unwrap_or_else(|| self.net.now() + Duration::from_secs(1));
        while self.net.next_client_notice().is_some() {}
        self.net.advance_to(next);
        incoming
    }

    fn finish(&mut self) {
        // The last bytes of encrypted connections may still be on their way.
        while self.step(&mut Vec::new()) {
            self.server.settle();
        }
        self.server.settle();
        assert_eq!(self.server.connections(), 0);
        assert_eq!(self.net.open_endpoints(), 0);
    }
}
