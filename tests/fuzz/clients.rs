//! The client halves of every transport against a real server whose answers are damaged on the way:
//! no panic, nothing after the end, few connections at once, and once the network is gone an end
//! in bounded time.

use std::collections::HashMap;
use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_protocol::transformer::{ClientOutput, ClientOutputs, ClientTransport, Kind, Link};
use allspark_protocol::{Input, Instant};
use allspark_transformers::browserchannel::{BrowserChannelClient, BrowserChannelClientOptions};
use allspark_transformers::engine_io::{ClientTransports, EngineIoClient, EngineIoClientOptions};
use allspark_transformers::sockjs::{SockJsClient, SockJsClientOptions, SockJsTransport};
use allspark_transformers::websockets::{ClientDeflate, WebSocketsClient, WebSocketsClientOptions};
use allspark_transformers::{AnyTransformer, TransformerKind};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::transports::{run, server};
use crate::{below, mutate, variable};

/// Rounds for each client.
const ROUNDS: u64 = 40;

const STEPS: usize = 30;

/// Connections that a client half may have at once.
const LINKS_MAX: usize = 8;

/// Deadlines that a client half may need after its network is gone.
const DEADLINES_MAX: usize = 100;

type Make = fn(u64) -> Box<dyn ClientTransport>;

const CLIENTS: [(TransformerKind, Make); 9] = [
    (TransformerKind::WebSockets, |seed| websockets(seed, None)),
    (TransformerKind::WebSockets, |seed| {
        websockets(seed, Some(ClientDeflate::default()))
    }),
    (TransformerKind::EngineIo, |seed| {
        engine_io(seed, ClientTransports::PollingThenWebSocket)
    }),
    (TransformerKind::EngineIo, |seed| {
        engine_io(seed, ClientTransports::WebSocket)
    }),
    (TransformerKind::SockJs, |seed| {
        sockjs(seed, SockJsTransport::Websocket)
    }),
    (TransformerKind::SockJs, |seed| {
        sockjs(seed, SockJsTransport::XhrStreaming)
    }),
    (TransformerKind::SockJs, |seed| {
        sockjs(seed, SockJsTransport::XhrPolling)
    }),
    (TransformerKind::BrowserChannel, |seed| {
        browserchannel(seed, true)
    }),
    (TransformerKind::BrowserChannel, |seed| {
        browserchannel(seed, false)
    }),
];

const HOST: &str = "localhost";
const MESSAGE_BYTES_MAX: usize = 10_000;

fn websockets(seed: u64, deflate: Option<ClientDeflate>) -> Box<dyn ClientTransport> {
    let options = WebSocketsClientOptions {
        host: HOST.to_owned(),
        target: "/primus".to_owned(),
        message_bytes_max: MESSAGE_BYTES_MAX,
        deflate,
    };
    Box::new(WebSocketsClient::new(&options, seed).expect("the host is one"))
}

fn engine_io(seed: u64, transports: ClientTransports) -> Box<dyn ClientTransport> {
    let options = EngineIoClientOptions {
        host: HOST.to_owned(),
        target: "/primus/".to_owned(),
        message_bytes_max: MESSAGE_BYTES_MAX,
        transports,
    };
    Box::new(EngineIoClient::new(&options, seed).expect("the host is one"))
}

fn sockjs(seed: u64, transport: SockJsTransport) -> Box<dyn ClientTransport> {
    Box::new(SockJsClient::new(SockJsClientOptions {
        host: HOST.to_owned(),
        target: "/primus".to_owned(),
        message_bytes_max: MESSAGE_BYTES_MAX,
        seed,
        transport,
    }))
}

fn browserchannel(seed: u64, streaming: bool) -> Box<dyn ClientTransport> {
    Box::new(BrowserChannelClient::new(BrowserChannelClientOptions {
        host: HOST.to_owned(),
        target: "/primus".to_owned(),
        message_bytes_max: MESSAGE_BYTES_MAX,
        streaming,
        seed,
    }))
}

struct World<'s> {
    net: SimNet,
    server: &'s mut SimServer<AnyTransformer>,
    client: Box<dyn ClientTransport>,
    links: HashMap<Link, EndpointId>,
    out: ClientOutputs,
    is_open: bool,
    has_ended: bool,
    /// Messages of all rounds.
    messages: u64,
}

impl World<'_> {
    fn call(&mut self, call: impl FnOnce(&mut dyn ClientTransport, Instant, &mut ClientOutputs)) {
        let mut out = std::mem::take(&mut self.out);
        call(&mut *self.client, self.net.now(), &mut out);
        for output in out.list() {
            self.carry_out(output, &out);
        }
        out.clear();
        self.out = out;
    }

    fn carry_out(&mut self, output: &ClientOutput, out: &ClientOutputs) {
        let is_close = matches!(output, ClientOutput::Close(_));
        assert!(!self.has_ended || is_close, "{output:?} after the end");
        match output {
            ClientOutput::Connect(link) => {
                let endpoint = self.net.connect(0, Duration::ZERO);
                self.links
                    .insert(*link, endpoint.expect("the server listens"));
                assert!(self.links.len() <= LINKS_MAX, "too many connections");
            }
            ClientOutput::Write(link, bytes) => {
                if let Some(endpoint) = self.links.get(link) {
                    self.net.send(*endpoint, out.bytes(bytes.clone()));
                }
            }
            ClientOutput::Close(link) => {
                if let Some(endpoint) = self.links.remove(link) {
                    self.net.close(endpoint);
                }
            }
            ClientOutput::Open => self.is_open = true,
            ClientOutput::Message { .. } => self.messages += 1,
            ClientOutput::Ended(_) => self.has_ended = true,
        }
    }

    fn round(&mut self, rng: &mut ChaCha12Rng) {
        self.call(|client, now, out| client.start(now, out));
        // Many rounds stay sound for a while, so that damage reaches every state.
        let sound_steps = below(rng, STEPS);
        for step in 0..STEPS {
            if self.is_open && !self.has_ended && below(rng, 3) == 0 {
                let message = ["hello", "BURST", "END", "[1,2]"][below(rng, 4)].as_bytes();
                self.call(|client, now, out| client.send(now, Kind::Text, message, out));
            }
            run(
                &self.net,
                self.server,
                Duration::from_millis(below(rng, 100) as u64),
            );
            self.read(rng, step >= sound_steps);
            self.expire();
        }
        self.cut();
    }

    /// Hands over what came, in pieces, some damaged on the way.
    fn read(&mut self, rng: &mut ChaCha12Rng, is_damaged: bool) {
        let mut links: Vec<_> = self.links.iter().map(|(link, at)| (*link, *at)).collect();
        links.sort_by_key(|(link, _)| link.0);
        for (link, endpoint) in links {
            let Some(mut bytes) = self.net.receive(endpoint, 1 + below(rng, 5000)) else {
                self.lose(link);
                continue;
            };
            if is_damaged && !bytes.is_empty() {
                mutate(&mut bytes, rng);
            }
            for piece in bytes.chunks_mut(1 + below(rng, 2000)) {
                if self.links.contains_key(&link) {
                    let mut input = Input::new(piece);
                    self.call(|client, now, out| client.receive(now, link, &mut input, out));
                }
            }
        }
    }

    fn lose(&mut self, link: Link) {
        if let Some(endpoint) = self.links.remove(&link) {
            self.net.close(endpoint);
            self.call(|client, now, out| client.lost(now, link, out));
        }
    }

    fn expire(&mut self) {
        if self
            .client
            .deadline()
            .is_some_and(|deadline| deadline <= self.net.now())
        {
            self.call(|client, now, out| client.expired(now, out));
        }
    }

    /// Every connection breaks, and so does each that is tried.
    fn cut(&mut self) {
        for _ in 0..DEADLINES_MAX {
            while let Some(link) = self.links.keys().next().copied() {
                self.lose(link);
            }
            match self.client.deadline() {
                Some(deadline) if !self.has_ended => self.net.advance_to(deadline),
                _ => break,
            }
            self.expire();
        }
        assert!(self.has_ended, "it does not end without a network");
    }
}

#[test]
fn damaged_answers_harm_no_client() {
    let first = variable("FUZZ_SEED", 1);
    for (number, (kind, make)) in CLIENTS.into_iter().enumerate() {
        let mut messages = 0;
        let net = SimNet::default();
        let mut server = server(&net, kind);
        for seed in first..first + variable("FUZZ_ROUNDS", ROUNDS) {
            println!("client {number} of {kind:?} FUZZ_SEED={seed} FUZZ_ROUNDS=1");
            let mut world = World {
                net: net.clone(),
                server: &mut server,
                client: make(seed),
                links: HashMap::new(),
                out: ClientOutputs::default(),
                is_open: false,
                has_ended: false,
                messages: 0,
            };
            world.round(&mut ChaCha12Rng::seed_from_u64(seed));
            messages += world.messages;
        }
        if std::env::var("FUZZ_ROUNDS").is_err() {
            assert!(messages > 20, "client {number} of {kind:?} gets messages");
        }
    }
}
