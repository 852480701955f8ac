//! What goes wrong in the scenario `faults`, and how often.
//!
//! Each seed chooses for itself which kinds of faults there are and how likely each is (swarm
//! testing): a world with one kind of fault finds what a world with all of them hides.

use std::time::Duration;

use allspark_engine::io::sim::EndpointId;
use allspark_protocol::Instant;
use serde::Serialize;

use super::chance::{Chance, Purpose};
use super::plan::SimScenario;
use super::script::Act;
use super::world::{World, connection};

/// How likely each kind of fault is, relative to the others; 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Weights {
    /// A connection breaks.
    pub(crate) reset: u64,
    /// A client's host is gone without a word; the client does not know.
    pub(crate) vanish: u64,
    /// A client reads nothing for some seconds.
    pub(crate) sleep: u64,
    /// Bytes take longer or shorter than before.
    pub(crate) latency: u64,
    /// Little fits into the buffers, so that writes are partial.
    pub(crate) window: u64,
    /// Bytes arrive a few at a time.
    pub(crate) segment: u64,
    /// One of so many attempts to connect is refused, if it is not 0.
    pub(crate) refuse_one_in: u64,
    /// A server crashes, and is back some seconds later.
    pub(crate) crash: u64,
    /// A server is drained, stopped, and is back some seconds later.
    pub(crate) drain: u64,
    /// A server can't accept connections for some seconds.
    pub(crate) accept: u64,
    /// The wall clock jumps, up to an hour, to and fro.
    pub(crate) clock: u64,
}

/// How often each kind of fault has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// Connections that were broken.
    pub(crate) resets: u32,
    /// Clients that were gone without a word.
    pub(crate) vanished: u32,
    /// Clients that read nothing for a while.
    pub(crate) sleeps: u32,
    /// Connections that became slower or faster.
    pub(crate) latencies: u32,
    /// Connections with little room, some of them from the beginning.
    pub(crate) windows: u32,
    /// Connections whose bytes came a few at a time, some of them from the beginning.
    pub(crate) segments: u32,
    /// Attempts to connect that were refused though a server was there.
    pub(crate) refused: u32,
    /// Servers that were gone without a word.
    pub(crate) stops: u32,
    /// Servers that sent their clients elsewhere.
    pub(crate) drains: u32,
    /// Times in which a server could not accept.
    pub(crate) accept_pauses: u32,
    /// Jumps of the wall clock.
    pub(crate) clock_jumps: u32,
}

/// The longest that bytes are under way when nothing is wrong.
const LATENCY_MS_USUAL: u64 = 50;

/// The longest that bytes are ever under way.
pub(super) const LATENCY_MS_MAX: u64 = 500;

/// The longest that a client reads nothing. Together with everything else that may keep a pong, it
/// must be shorter than a ping interval.
pub(super) const SLEEP_MS_MAX: u64 = 12_000;

/// Between two faults of one client, on average.
const CLIENT_FAULT_SECONDS: u64 = 60;

/// How often it is drawn what goes wrong with clients.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Between two faults of servers, on average.
const NODE_FAULT_MS_MAX: u64 = 40_000;

impl Weights {
    /// What the seed chooses; nothing goes wrong in other scenarios.
    pub(super) fn draw(scenario: SimScenario, seed: u64) -> Self {
        if scenario != SimScenario::Faults {
            return Self::default();
        }
        let mut chance = Chance::of(seed, Purpose::World);
        let mut weight = || match chance.once_in(2) {
            true => 0,
            false => 1 + chance.below(8),
        };
        Self {
            reset: weight(),
            vanish: weight(),
            sleep: weight(),
            latency: weight(),
            window: weight(),
            segment: weight(),
            refuse_one_in: weight(),
            crash: weight(),
            drain: weight(),
            accept: weight(),
            clock: weight(),
        }
    }

    fn of_clients(&self) -> [(u64, ClientFault); 6] {
        [
            (self.reset, ClientFault::Reset),
            (self.vanish, ClientFault::Vanish),
            (self.sleep, ClientFault::Sleep),
            (self.latency, ClientFault::Latency),
            (self.window, ClientFault::Window),
            (self.segment, ClientFault::Segment),
        ]
    }

    fn of_nodes(&self) -> [(u64, NodeFault); 4] {
        [
            (self.crash, NodeFault::Crash),
            (self.drain, NodeFault::Drain),
            (self.accept, NodeFault::Accept),
            (self.clock, NodeFault::Clock),
        ]
    }
}

#[derive(Clone, Copy, Debug)]
enum ClientFault {
    Reset,
    Vanish,
    Sleep,
    Latency,
    Window,
    Segment,
}

#[derive(Clone, Copy, Debug)]
enum NodeFault {
    Crash,
    Drain,
    Accept,
    Clock,
}

impl World {
    /// Draws what goes wrong with clients now, and plans the next draw.
    pub(super) fn client_faults(&mut self) {
        let ticks = CLIENT_FAULT_SECONDS * 1000 / TICK.as_millis() as u64;
        let clients = u64::from(self.plan.clients);
        let extra = u64::from(self.faults.below(ticks) < clients % ticks);
        for _ in 0..clients / ticks + extra {
            let number = self.faults.below(clients) as u32;
            if let Some(fault) = pick(&mut self.faults, &self.weights.of_clients()) {
                self.hurt(number, fault);
            }
        }
        self.plan_in(TICK, Act::ClientFaults);
    }

    /// Draws what goes wrong with a server now, and plans the next draw.
    pub(super) fn node_fault(&mut self) {
        let node = self.faults.below(u64::from(self.nodes.count())) as u16;
        let pause = self.faults.between_ms(1_000, 20_000);
        match pick(&mut self.faults, &self.weights.of_nodes()) {
            Some(NodeFault::Crash) if self.nodes.is_up(node) => {
                self.stop_node(node);
                self.plan_in(pause, Act::Start(node));
            }
            Some(NodeFault::Drain) if self.nodes.is_up(node) => {
                self.drain_node(node);
                self.plan_in(Duration::from_secs(10), Act::Stop(node));
                self.plan_in(Duration::from_secs(10) + pause, Act::Start(node));
            }
            Some(NodeFault::Accept) => {
                let until = self.now() + pause / 4;
                self.tally.accept_pauses += 1;
                self.net.fail_accepts(self.nodes.driver(node, 0), until);
            }
            Some(NodeFault::Clock) => {
                let ms = self.faults.below(7_200_000) as i64 - 3_600_000;
                self.tally.clock_jumps += 1;
                self.net.jump_wall_clock(ms);
            }
            Some(NodeFault::Crash | NodeFault::Drain) | None => {}
        }
        let next = self.faults.between_ms(1_000, NODE_FAULT_MS_MAX);
        self.plan_in(next, Act::NodeFault);
    }

    fn hurt(&mut self, number: u32, fault: ClientFault) {
        let ms = self.faults.between_ms(1, SLEEP_MS_MAX);
        let bytes = self.faults.next();
        let latency = self.draw_latency();
        if matches!(fault, ClientFault::Vanish) {
            return self.vanish(number);
        }
        let Some(wire) = self.members[number as usize].current_wire() else {
            return;
        };
        if wire.is_void {
            return;
        }
        let end = wire.end;
        match fault {
            ClientFault::Reset => {
                wire.is_excused = true;
                self.tally.resets += 1;
                self.stop_owing(number, None);
                self.net.reset(end);
            }
            ClientFault::Sleep => self.sleep(number, ms),
            ClientFault::Latency => {
                self.tally.latencies += 1;
                self.net.set_latency(end, latency);
            }
            ClientFault::Window => self.narrow(end, 1024 + (bytes % 8192) as usize),
            ClientFault::Segment => self.chop(end, 1 + (bytes % 64) as usize),
            ClientFault::Vanish => {}
        }
    }

    /// A client's host is gone without a word, and the client goes on, without knowing.
    pub(super) fn vanish(&mut self, number: u32) {
        let now = self.now();
        let member = &mut self.members[number as usize];
        let last_answer = member.last_answer;
        // Where something happened already, the server need not wait for an answer.
        let Some(wire) = member.current_wire().filter(|wire| !wire.is_excused) else {
            return;
        };
        (wire.is_void, wire.is_excused) = (true, true);
        let (end, spark, is_up) = (wire.end, wire.spark, wire.is_up);
        self.stop_owing(number, None);
        self.held.remove(&end.0);
        self.tally.vanished += 1;
        self.net.vanish(end);
        if is_up {
            let id = connection(spark);
            self.auditor.sparks().fell_silent(id, last_answer);
        } else {
            self.silent_early.insert(spark.0, now);
        }
    }

    fn sleep(&mut self, number: u32, duration: Duration) {
        let wake = self.now() + duration;
        let member = &mut self.members[number as usize];
        // Two in a row might be longer than any ping waits.
        if member.is_asleep || self.net.now() < member.excused_until {
            return;
        }
        member.is_asleep = true;
        self.tally.sleeps += 1;
        member.excused_until = wake + 2 * self.plan.ping_interval;
        self.plan_at(wake, Act::Wake(number));
    }

    pub(super) fn wake(&mut self, number: u32) {
        let member = &mut self.members[number as usize];
        member.is_asleep = false;
        let wires: Vec<_> = member.wires.iter().map(|wire| wire.end).collect();
        for end in wires {
            self.read(number, end);
        }
    }

    /// A server is gone, and with it every connection.
    pub(super) fn stop_node(&mut self, node: u16) {
        self.excuse_node(node);
        if self.nodes.stop(node) {
            self.tally.stops += 1;
            self.auditor.sparks().node_gone(node);
        }
    }

    /// A server is told to send its clients elsewhere.
    pub(super) fn drain_node(&mut self, node: u16) {
        self.excuse_node(node);
        self.tally.drains += 1;
        self.auditor.sparks().node_drains(node);
        self.nodes.drain(node);
        self.settle();
    }

    fn excuse_node(&mut self, node: u16) {
        for number in 0..self.plan.clients {
            let member = &mut self.members[number as usize];
            let mut is_live = false;
            for wire in member.wires.iter_mut().filter(|wire| wire.node == node) {
                wire.is_excused = true;
                is_live |= member.live_on == Some(wire.spark);
            }
            if is_live {
                self.stop_owing(number, None);
            }
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn calm_down(&mut self) {
        self.is_calm = true;
        for node in 0..self.nodes.count() {
            if !self.nodes.is_up(node) {
                self.stop_node(node);
                self.nodes.start(node);
            }
        }
        for node in 0..self.nodes.count() {
            let driver = self.nodes.driver(node, 0);
            self.net.fail_accepts(driver, Instant::ZERO);
        }
        for number in 0..self.plan.clients {
            self.wake(number);
            let wires = self.members[number as usize].wires.iter();
            let ends: Vec<_> = wires.filter(|wire| !wire.is_void).map(|w| w.end).collect();
            for end in ends {
                self.net.set_window(end, 64 * 1024);
                self.net.set_segment(end, usize::MAX);
            }
        }
    }

    /// How long bytes take on a new connection.
    pub(super) fn draw_latency(&mut self) -> Duration {
        let most = match self.weights.latency {
            0 => LATENCY_MS_USUAL,
            _ => LATENCY_MS_MAX,
        };
        self.network.between_ms(1, most)
    }

    /// Whether a new connection is refused.
    pub(super) fn is_refused(&mut self) -> bool {
        let one_in = self.weights.refuse_one_in;
        let is_refused = one_in > 0 && !self.is_calm && self.network.once_in(one_in + 1);
        self.tally.refused += u32::from(is_refused);
        is_refused
    }

    /// Some connections are bad from the beginning.
    pub(super) fn shape(&mut self, end: EndpointId) {
        if self.is_calm {
            return;
        }
        if self.weights.segment > 0 && self.network.once_in(8) {
            let bytes = 1 + self.network.below(16) as usize;
            self.chop(end, bytes);
        }
        if self.weights.window > 0 && self.network.once_in(8) {
            let bytes = 1024 + self.network.below(1024) as usize;
            self.narrow(end, bytes);
        }
    }

    fn chop(&mut self, end: EndpointId, bytes: usize) {
        self.tally.segments += 1;
        self.net.set_segment(end, bytes);
    }

    fn narrow(&mut self, end: EndpointId, bytes: usize) {
        self.tally.windows += 1;
        self.net.set_window(end, bytes);
    }
}

/// Draws one, by weight; none if nothing weighs anything.
fn pick<T: Copy>(chance: &mut Chance, weighted: &[(u64, T)]) -> Option<T> {
    let total = weighted.iter().map(|(weight, _)| weight).sum();
    let mut rest = chance.below(total);
    for (weight, choice) in weighted {
        if rest < *weight {
            return Some(*choice);
        }
        rest -= weight;
    }
    None
}
