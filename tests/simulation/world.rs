//! A server and its clients in one virtual world.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allspark_client::{Client, ClientOptions, Event};
use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_engine::{Handle, Options, SendPolicy, Stats};
use allspark_protocol::{Input, Instant};
use allspark_transformers::websockets::WebSockets;

/// What the world is made of.
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) shards: u16,
    pub(crate) clients: usize,
    pub(crate) ping_interval_ms: u64,
    /// One client of so many reads its pings and answers none.
    pub(crate) silent_every: usize,
    /// One client of so many reads nothing once it is open.
    pub(crate) deaf_every: usize,
    pub(crate) send_queue_bytes_max: usize,
    pub(crate) send_policy: SendPolicy,
}

/// One client and what happened to it.
pub(crate) struct SimClient {
    pub(crate) number: usize,
    pub(crate) is_silent: bool,
    pub(crate) is_deaf: bool,
    pub(crate) is_open: bool,
    pub(crate) intended: bool,
    pub(crate) pings_ms: Vec<u64>,
    pub(crate) closed_ms: Option<u64>,
    pub(crate) data: Vec<String>,
    machine: Client,
    endpoint: EndpointId,
}

pub(crate) struct World {
    net: SimNet,
    server: SimServer<WebSockets>,
    clients: Vec<SimClient>,
    by_endpoint: HashMap<EndpointId, usize>,
    connections: Arc<AtomicU64>,
    disconnections: Arc<AtomicU64>,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let net = SimNet::default();
        let options = Options {
            ping_interval_ms: Some(plan.ping_interval_ms),
            send_queue_bytes_max: plan.send_queue_bytes_max,
            send_policy: plan.send_policy,
            ..Options::default()
        };
        let (connections, disconnections) =
            (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let (opened, ended) = (Arc::clone(&connections), Arc::clone(&disconnections));
        let transformer = WebSockets::uncompressed(1 << 20);
        let server = SimServer::new(
            &net,
            options,
            &transformer,
            plan.shards,
            plan.seed,
            |primus| {
                primus.on_connection(move |_| {
                    opened.fetch_add(1, Ordering::Relaxed);
                });
                primus.on_disconnection(move |_| {
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            },
        );
        let (clients, by_endpoint) = (Vec::new(), HashMap::new());
        let mut world = Self {
            net,
            server,
            clients,
            by_endpoint,
            connections,
            disconnections,
        };
        world.server.settle();
        (0..plan.clients).for_each(|number| world.connect(number, plan));
        world
    }

    pub(crate) fn connect(&mut self, number: usize, plan: &Plan) {
        // Some latency between 1 and 100 ms, a different one for each client.
        let latency_us = 1_000 + (number as u64).wrapping_mul(0x9e37_79b9) % 99_000;
        let shard = number % usize::from(plan.shards);
        let latency = Duration::from_micros(latency_us);
        let endpoint = self
            .net
            .connect(shard, latency)
            .expect("the server listens");
        let mut out = Vec::new();
        let seed = plan.seed ^ number as u64;
        let machine = Client::connect(&ClientOptions::default(), seed, &mut out).unwrap();
        assert_eq!(self.net.send(endpoint, &out), Some(out.len()));
        self.by_endpoint.insert(endpoint, self.clients.len());
        self.clients.push(SimClient {
            number,
            is_silent: (number + 1).is_multiple_of(plan.silent_every),
            is_deaf: (number + 1).is_multiple_of(plan.deaf_every),
            is_open: false,
            intended: false,
            pings_ms: Vec::new(),
            closed_ms: None,
            data: Vec::new(),
            machine,
            endpoint,
        });
    }

    /// Lets virtual time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.net.now() + duration;
        loop {
            self.settle();
            let next = [self.net.next_event(), self.server.next_deadline()];
            match next.into_iter().flatten().min() {
                Some(next) if next <= end => self.net.advance_to(next),
                _ => break,
            }
        }
        self.net.advance_to(end);
        self.settle();
    }

    /// Deaf clients begin to read.
    pub(crate) fn unplug_ears(&mut self) {
        for client in self.clients.iter_mut().filter(|client| client.is_deaf) {
            client.is_deaf = false;
            client.read(&self.net);
        }
    }

    /// Everybody leaves at once, in the words of the transport.
    pub(crate) fn leave_all(&mut self) {
        for client in &mut self.clients {
            let mut out = Vec::new();
            client.machine.end(&mut out);
            self.net.send(client.endpoint, &out);
        }
    }

    pub(crate) fn clients(&self) -> impl Iterator<Item = &SimClient> {
        self.clients.iter()
    }

    pub(crate) fn open_clients(&self) -> usize {
        self.clients().filter(|client| client.is_open).count()
    }

    pub(crate) fn handle(&self) -> Handle {
        self.server.handle()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.handle().stats()
    }

    /// How often `connection` and `disconnection` came.
    pub(crate) fn events(&self) -> (u64, u64) {
        (
            self.connections.load(Ordering::Relaxed),
            self.disconnections.load(Ordering::Relaxed),
        )
    }

    pub(crate) fn server_connections(&self) -> usize {
        self.server.connections()
    }

    pub(crate) fn open_endpoints(&self) -> usize {
        self.net.open_endpoints()
    }

    pub(crate) fn trace(&self) -> u64 {
        self.net.trace()
    }

    fn settle(&mut self) {
        loop {
            self.server.settle();
            let Some((endpoint, _)) = self.net.next_client_notice() else {
                return;
            };
            if let Some(index) = self.by_endpoint.get(&endpoint) {
                self.clients[*index].read(&self.net);
            }
        }
    }
}

impl SimClient {
    fn read(&mut self, net: &SimNet) {
        if self.is_deaf && self.is_open {
            return;
        }
        while let Some(mut bytes) = net.receive(self.endpoint, usize::MAX) {
            if bytes.is_empty() {
                return;
            }
            let mut out = Vec::new();
            let mut input = Input::new(&mut bytes);
            let now = net.now();
            while let Some(event) = self.machine.receive(now, &mut input, &mut out) {
                match event {
                    Event::Open => self.is_open = true,
                    Event::Data { payload, .. } => {
                        self.data.push(String::from_utf8(payload.to_vec()).unwrap());
                    }
                    Event::Ping => self.pings_ms.push(now.as_ms()),
                    Event::Id(_) => {}
                    Event::Closed { intended } => self.closed(now, intended),
                }
            }
            if !self.is_silent || !self.is_open || self.closed_ms.is_some() {
                net.send(self.endpoint, &out);
            }
        }
        if self.closed_ms.is_none() {
            self.closed(net.now(), false);
        }
        net.close(self.endpoint);
    }

    fn closed(&mut self, now: Instant, intended: bool) {
        self.is_open = false;
        self.intended = intended;
        self.closed_ms = Some(now.as_ms());
    }
}
