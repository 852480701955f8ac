//! What goes wrong, and how: with clients, with servers, and with connections from the beginning.

use std::time::Duration;

use allspark_engine::io::sim::EndpointId;
use allspark_protocol::Instant;

use super::purpose::between_ms;
use super::script::Act;
use super::swarm::{ClientFault, NodeFault, pick};
use super::world::{World, connection};
use crate::auditor::Silence;

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

/// How often strangers act.
pub(super) const VILLAIN_TICK: Duration = Duration::from_secs(1);

/// Between two faults of servers, on average.
const NODE_FAULT_MS_MAX: u64 = 40_000;

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
        let pause = between_ms(&mut self.faults, 1_000, 20_000);
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
        let next = between_ms(&mut self.faults, 1_000, NODE_FAULT_MS_MAX);
        self.plan_in(next, Act::NodeFault);
    }

    fn hurt(&mut self, number: u32, fault: ClientFault) {
        let ms = between_ms(&mut self.faults, 1, SLEEP_MS_MAX);
        let bytes = self.faults.roll();
        let latency = self.draw_latency();
        if matches!(fault, ClientFault::Vanish) {
            return self.vanish(number);
        }
        let Some(cable) = self.members[number as usize].current_cable() else {
            return;
        };
        if cable.is_void {
            return;
        }
        let end = cable.end;
        match fault {
            ClientFault::Reset => {
                cable.is_excused = true;
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
        let Some(cable) = member.current_cable().filter(|cable| !cable.is_excused) else {
            return;
        };
        (cable.is_void, cable.is_excused) = (true, true);
        let (end, spark, is_up) = (cable.end, cable.spark, cable.is_up);
        self.stop_owing(number, None);
        // What is held is the rest of a message.
        let cut_off = self.held.remove(&end.0).map(|_| now);
        self.tally.vanished += 1;
        self.net.vanish(end);
        if is_up {
            let silence = Silence {
                last_answer,
                cut_off,
            };
            self.auditor
                .sparks()
                .fell_silent(connection(spark), silence);
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
        let cables: Vec<_> = member.cables.iter().map(|cable| cable.end).collect();
        for end in cables {
            self.read(number, end);
        }
    }

    /// A server is gone, and with it every connection.
    pub(super) fn stop_node(&mut self, node: u16) {
        self.excuse_node(node);
        self.stop_owing_node(node);
        if self.nodes.stop(node) {
            self.tally.stops += 1;
            self.auditor.sparks().node_gone(node);
        }
    }

    /// A server is told to send its clients elsewhere.
    pub(super) fn drain_node(&mut self, node: u16) {
        self.excuse_node(node);
        if !self.nodes.serves_to_the_last() {
            self.stop_owing_node(node);
        }
        self.tally.drains += 1;
        self.tally.slow_drains += u32::from(self.plan.drain.is_some());
        self.auditor.sparks().node_drains(node);
        self.nodes.drain(node);
        self.settle();
    }

    /// The connections of a server may end.
    fn excuse_node(&mut self, node: u16) {
        for member in &mut self.members {
            for cable in member.cables.iter_mut().filter(|cable| cable.node == node) {
                cable.is_excused = true;
            }
        }
    }

    /// From now on nothing is due to the clients of a server.
    fn stop_owing_node(&mut self, node: u16) {
        for number in 0..self.plan.clients {
            let member = &self.members[number as usize];
            let mut cables = member.cables.iter().filter(|cable| cable.node == node);
            if cables.any(|cable| member.live_on == Some(cable.spark)) {
                self.stop_owing(number, None);
            }
        }
    }

    /// Nothing goes wrong any more.
    pub(super) fn calm_down(&mut self) {
        self.is_calm = true;
        self.banish_villains();
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
            let cables = self.members[number as usize].cables.iter();
            let ends: Vec<_> = cables
                .filter(|cable| !cable.is_void)
                .map(|w| w.end)
                .collect();
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
        between_ms(&mut self.network, 1, most)
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
