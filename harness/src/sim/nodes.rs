//! The servers of a simulation, which can be stopped and started.

use std::sync::{Arc, PoisonError};

use allspark_engine::TlsAcceptor;
use allspark_engine::io::sim::SimNet;
use allspark_engine::limits::TURN_HELD_BYTES_MAX;
use allspark_engine::sim::SimServer;
use allspark_engine::{AcceptPolicy, Destroy, Handle, Options, RatePolicy, Stats};
use allspark_protocol::Instant;
use allspark_protocol::options::Bounded;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use super::app::{App, Counters, Heard, Log};
use super::plan::{Sabotage, SimPlan, SimScenario, Talk};
use super::purpose::Purpose;
use super::questions::Open;

/// Bytes of the largest message that servers take.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Bytes that a server may hold for its peers in a world with strangers, beside what each of its
/// shards may take in during a turn: little, so that it comes to that, but not less than
/// [`SHARE_BYTES`] for each client, for all of them may have found the same server.
const MEMORY_BYTES_MAX: u64 = 4 << 20;

/// More than what waits for a client that does nothing wrong and reads through a narrow window.
const SHARE_BYTES: u64 = 16 * 1024;

/// One server, or the place of one that is gone.
struct Node {
    server: Option<SimServer<AnyTransformer>>,
    /// The network's number of its first shard.
    first_driver: usize,
    /// It was told to end: it takes no connections any more.
    is_draining: bool,
}

/// All servers.
pub(super) struct Nodes {
    net: SimNet,
    plan: SimPlan,
    talk: Talk,
    /// How many may come and how much they may send, see [`Nodes::bound`].
    limits: u64,
    /// Who encrypts the connections of clients.
    acceptor: Option<TlsAcceptor>,
    nodes: Vec<Node>,
    drivers: usize,
    starts: u64,
    log: Log,
    counters: Counters,
    questions: Open,
    /// What servers that are gone have counted.
    past: Totals,
}

/// What all servers have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) messages_received: u64,
    pub(super) messages_written: u64,
    pub(super) sparks_silent: u64,
    /// Whom bounds refused: by address, and in all.
    pub(super) of_addresses: u64,
    pub(super) refused: u64,
    /// Who sent too much.
    pub(super) flooded: u64,
    /// Handshakes of TLS that were done, and encrypted connections that failed.
    pub(super) handshakes: u64,
    pub(super) handshakes_failed: u64,
}

impl Nodes {
    /// As many running servers as the plan says.
    pub(super) fn new(
        net: &SimNet,
        plan: &SimPlan,
        talk: Talk,
        limits: u64,
        acceptor: Option<TlsAcceptor>,
    ) -> Self {
        let mut nodes = Self {
            net: net.clone(),
            plan: plan.clone(),
            talk,
            limits,
            acceptor,
            nodes: Vec::new(),
            drivers: 0,
            starts: 0,
            log: Log::default(),
            counters: Counters::default(),
            questions: Open::default(),
            past: Totals::default(),
        };
        for number in 0..plan.nodes {
            nodes.nodes.push(Node {
                server: None,
                first_driver: 0,
                is_draining: false,
            });
            nodes.start(number);
        }
        nodes
    }

    pub(super) fn count(&self) -> u16 {
        self.nodes.len() as u16
    }

    /// Starts a server that is not running.
    pub(super) fn start(&mut self, number: u16) {
        self.starts += 1;
        let seed = self.plan.seed ^ (self.starts << 48);
        let transformer = self.transformer();
        let app = self.app(number);
        let server = SimServer::new(
            &self.net,
            self.options(),
            &transformer,
            self.plan.shards,
            seed,
            |primus| app.attach(primus),
        );
        // Strangers come in through the second listener, without.
        let server = server.with_tls(&[self.acceptor.clone(), None]);
        let node = &mut self.nodes[usize::from(number)];
        *node = Node {
            server: Some(server),
            first_driver: self.drivers,
            is_draining: false,
        };
        self.drivers += usize::from(self.plan.shards);
    }

    /// The application of a server.
    pub(super) fn app(&self, number: u16) -> App {
        App {
            node: number,
            log: Arc::clone(&self.log),
            counters: Arc::clone(&self.counters),
            questions: self.questions.clone(),
            talk: self.talk,
            first_sender: self.plan.clients + 1,
            message_bytes: self.plan.message_bytes,
            wording: self.plan.wording,
            sabotage: self.plan.sabotage,
        }
    }

    /// Stops a server as a crash does. Returns whether it was running.
    pub(super) fn stop(&mut self, number: u16) -> bool {
        let Some(server) = self.nodes[usize::from(number)].server.take() else {
            return false;
        };
        self.past.add(&server.handle().stats());
        true
    }

    /// Ends a server in good form: its clients shall reconnect to another one.
    pub(super) fn drain(&mut self, number: u16) {
        let node = &mut self.nodes[usize::from(number)];
        node.is_draining = true;
        match (&node.server, self.plan.drain) {
            (Some(server), Some(drain)) => server.handle().drain(drain),
            (Some(server), None) => server.handle().destroy(Destroy {
                reconnect: true,
                ..Destroy::default()
            }),
            (None, _) => {}
        }
    }

    /// Whether a server runs and takes connections.
    pub(super) fn is_up(&self, number: u16) -> bool {
        let node = &self.nodes[usize::from(number)];
        node.server.is_some() && !node.is_draining
    }

    /// The network's number of a shard of a server.
    pub(super) fn driver(&self, number: u16, shard: u16) -> usize {
        self.nodes[usize::from(number)].first_driver + usize::from(shard)
    }

    /// Writes a message to every spark of every server.
    pub(super) fn broadcast(&self, message: &[u8]) {
        let value = self.plan.wording.value(message);
        // It fails when a shard has ended, which none has.
        self.each(|primus| primus.write(&value).expect("the server runs"));
    }

    /// Whether clients of a server that is told to end get what they are written as long as they
    /// are there.
    pub(super) fn serves_to_the_last(&self) -> bool {
        self.plan.scenario == SimScenario::RollingRestart && self.plan.drain.is_some()
    }

    /// Does something with every server that has clients to whom something is due.
    pub(super) fn each(&self, mut call: impl FnMut(&Handle)) {
        let is_served = |node: &&Node| !node.is_draining || self.serves_to_the_last();
        for node in self.nodes.iter().filter(is_served) {
            if let Some(server) = &node.server {
                call(&server.handle());
            }
        }
    }

    /// Lets every server do what it can do now.
    pub(super) fn settle(&mut self) {
        for node in &mut self.nodes {
            if let Some(server) = &mut node.server {
                server.settle();
            }
        }
    }

    /// What applications heard since the last time.
    pub(super) fn take_heard(&mut self, into: &mut Vec<Heard>) {
        into.append(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// When a server wants to do something even if nothing happens.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let servers = self.nodes.iter().filter_map(|node| node.server.as_ref());
        servers.filter_map(SimServer::next_deadline).min()
    }

    /// What each server holds for its peers.
    pub(super) fn held_bytes(&self) -> Vec<(usize, u64)> {
        let held = |server: &SimServer<_>| {
            let stats = server.handle().stats();
            stats.bytes_held + stats.block_bytes
        };
        let nodes = self.nodes.iter().enumerate();
        nodes
            .filter_map(|(number, node)| Some((number, held(node.server.as_ref()?))))
            .collect()
    }

    /// What a server may hold for its peers.
    pub(super) fn held_bytes_max(&self) -> u64 {
        let shares = u64::from(self.plan.clients) * SHARE_BYTES;
        let turns = u64::from(self.plan.shards) * TURN_HELD_BYTES_MAX;
        MEMORY_BYTES_MAX.max(shares) + turns
    }

    /// Under faults strangers come by every transport.
    fn transformer(&self) -> AnyTransformer {
        let kind = match self.plan.scenario {
            SimScenario::Faults => TransformerKind::Any,
            _ => TransformerKind::WebSockets,
        };
        let common = CommonOptions {
            message_bytes_max: Bounded::of(MESSAGE_BYTES_MAX as u64),
            ..CommonOptions::default()
        };
        AnyTransformer::new(kind, &common, &[]).expect("there are no options")
    }

    /// Connections that servers hold.
    pub(super) fn connections(&self) -> u64 {
        let servers = self.nodes.iter().filter_map(|node| node.server.as_ref());
        servers.map(|server| server.connections() as u64).sum()
    }

    /// Sparks that servers hold.
    pub(super) fn sparks(&self) -> u64 {
        let held = |stats: Stats| stats.sparks_opened - stats.sparks_forgotten;
        self.stats().map(held).sum()
    }

    /// What was counted since the beginning.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = self.past;
        self.stats().for_each(|stats| totals.add(&stats));
        totals
    }

    fn stats(&self) -> impl Iterator<Item = Stats> + '_ {
        let servers = self.nodes.iter().filter_map(|node| node.server.as_ref());
        servers.map(|server| server.handle().stats())
    }

    fn options(&self) -> Options {
        let interval_ms = u64::try_from(self.plan.ping_interval.as_millis()).unwrap_or(u64::MAX);
        let ping_interval = match self.plan.sabotage {
            Some(Sabotage::PingsTooOften) => Some(interval_ms / 2),
            Some(Sabotage::PingsTooRarely) => Some(interval_ms * 5 / 4),
            Some(Sabotage::KeepsSilent) => None,
            _ => Some(interval_ms),
        };
        let is_bounded = self.plan.scenario == SimScenario::Faults
            && self.plan.sabotage != Some(Sabotage::Hoards);
        let mut options = Options {
            parser: self.plan.wording.parser(),
            ping_interval: ping_interval
                .try_into()
                .expect("the plan's interval can be had"),
            memory_bytes_max: is_bounded.then(|| Bounded::of(self.held_bytes_max())),
            // A world may have more clients than one process is built for.
            connections_max: Bounded::of(u64::MAX),
            sessions_max: Bounded::of(u64::MAX),
            ..Options::default()
        };
        if self.limits > 0 {
            self.bound(&mut options);
        }
        options
    }

    /// Bounds how many may come, how fast, and how much they may send: so little that strangers
    /// come to that, and that clients who do nothing wrong do not, except that they may have to
    /// come again.
    fn bound(&self, options: &mut Options) {
        let clients = u64::from(self.plan.clients);
        let mut dice = Purpose::Limits.dice(self.plan.seed);
        let mut is_bounded = || dice.once_in(2);
        let rates = &mut options.message_rates;
        rates.messages_per_s = Bounded::of(50);
        rates.policy = match self.limits % 3 {
            0 => RatePolicy::Pause,
            1 => RatePolicy::Drop,
            _ => RatePolicy::End,
        };
        // Of fewer clients each says more.
        if is_bounded() && clients >= 40 {
            rates.bytes_per_s = Bounded::of(20 * 1024);
        }
        let admission = &mut options.admission;
        admission.per_address = Bounded::of(2);
        admission.requests_max = Bounded::of(8);
        if self.limits > 4 {
            let per_s = (clients / 5).max(20);
            admission.accepts_per_s = per_s.try_into().expect("it is few");
            admission.accept_policy = match self.limits % 2 {
                0 => AcceptPolicy::Refuse,
                _ => AcceptPolicy::Wait,
            };
        }
        if is_bounded() {
            admission.accepts_per_s_of_address = Bounded::of(2);
        }
        if is_bounded() {
            admission.handshakes_max = Bounded::of((clients / 25).max(32));
        }
        if is_bounded() {
            options.sessions_max = Bounded::of(4);
        }
        if is_bounded() {
            // Room for everybody if one server of three is gone.
            let nodes = u64::from(self.plan.nodes);
            options.connections_max = Bounded::of(clients / nodes * 9 / 5 + 32);
        }
    }
}

impl Totals {
    fn add(&mut self, stats: &Stats) {
        self.messages_received += stats.messages_received;
        self.messages_written += stats.messages_written;
        self.sparks_silent += stats.sparks_silent;
        let of_addresses = stats.addresses_refused + stats.sparks_refused;
        self.of_addresses += of_addresses;
        self.refused += of_addresses
            + stats.accepts_refused
            + stats.requests_refused
            + stats.connections_refused
            + stats.sessions_refused
            + stats.handshakes_refused;
        self.handshakes += stats.tls_handshakes;
        self.handshakes_failed += stats.tls_failures;
        self.flooded += stats.sparks_paused + stats.sparks_flooding + stats.messages_refused;
    }
}
