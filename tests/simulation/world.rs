//! A server and its clients in one virtual world.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allspark_client::core::{Client, ClientOptions, Event, Output, Outputs, ReadyState, Strategy};
use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_engine::{Handle, Options, SendPolicy, Stats};
use allspark_protocol::transformer::Link;
use allspark_protocol::{Dice, Input, Instant};
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
    /// Its only one: nobody here goes so far as to reconnect.
    link: Link,
    endpoint: EndpointId,
}

pub(crate) struct World {
    net: SimNet,
    server: SimServer<WebSockets>,
    options: Arc<ClientOptions>,
    clients: Vec<SimClient>,
    by_endpoint: HashMap<EndpointId, usize>,
    connections: Arc<AtomicU64>,
    disconnections: Arc<AtomicU64>,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let net = SimNet::default();
        let options = Options {
            ping_interval: Some(plan.ping_interval_ms).try_into().unwrap(),
            send_queue_bytes_max: plan.send_queue_bytes_max.try_into().unwrap(),
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
        // A reconnect that is scheduled tells that an end was not intended.
        let options = ClientOptions {
            timeout: None,
            ping_timeout: None,
            strategy: Strategy {
                disconnect: true,
                ..Strategy::NONE
            },
            ..ClientOptions::default()
        };
        let mut world = Self {
            net,
            server,
            options: Arc::new(options),
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
        let latency_us = 1_000 + Dice::new(number as u64).below(99_000);
        let shard = number % usize::from(plan.shards);
        let latency = Duration::from_micros(latency_us);
        let endpoint = self
            .net
            .connect(shard, latency)
            .expect("the server listens");
        let seed = plan.seed ^ number as u64;
        self.by_endpoint.insert(endpoint, self.clients.len());
        let mut client = SimClient {
            number,
            is_silent: (number + 1).is_multiple_of(plan.silent_every),
            is_deaf: (number + 1).is_multiple_of(plan.deaf_every),
            is_open: false,
            intended: false,
            pings_ms: Vec::new(),
            closed_ms: None,
            data: Vec::new(),
            machine: Client::new(Arc::clone(&self.options), seed),
            link: Link(0),
            endpoint,
        };
        client.call(&self.net, |machine, now, out| machine.open(now, out));
        self.clients.push(client);
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
            client.call(&self.net, |machine, now, out| machine.end(now, out));
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
        let link = self.link;
        while let Some(mut bytes) = net.receive(self.endpoint, usize::MAX) {
            if bytes.is_empty() {
                return;
            }
            let mut input = Input::new(&mut bytes);
            self.call(net, |machine, now, out| {
                machine.receive(now, link, &mut input, out);
            });
        }
        self.call(net, |machine, now, out| machine.lost(now, link, out));
        net.close(self.endpoint);
    }

    /// Calls the machine and carries out what it wants.
    fn call(&mut self, net: &SimNet, call: impl FnOnce(&mut Client, Instant, &mut Outputs)) {
        let mut out = Outputs::default();
        call(&mut self.machine, net.now(), &mut out);
        for output in out.list() {
            match output {
                Output::Connect(link) => self.link = *link,
                Output::Write(_, bytes) => {
                    if !self.is_silent || !self.is_open {
                        net.send(self.endpoint, out.bytes(bytes.clone()));
                    }
                }
                Output::Close(_) => net.close(self.endpoint),
                Output::Event(event) => self.hear(net.now(), event, &out),
            }
        }
    }

    fn hear(&mut self, now: Instant, event: &Event, out: &Outputs) {
        match event {
            Event::Open => self.is_open = true,
            Event::Data { bytes, .. } => {
                let text = out.bytes(bytes.clone()).to_vec();
                self.data.push(String::from_utf8(text).unwrap());
            }
            Event::Ping(_) => self.pings_ms.push(now.as_ms()),
            Event::ReadyState(ReadyState::Closed) => {
                self.is_open = false;
                self.closed_ms = Some(now.as_ms());
            }
            Event::End => self.intended = true,
            _ => {}
        }
    }
}
