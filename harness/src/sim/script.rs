//! What happens when, by scenario.

use std::time::Duration;

use super::faults::TICK;
use super::plan::{SimScenario, Talk};
use super::purpose::between_ms;
use super::restarts::{self, Restarts};
use super::world::World;

/// Something that happens at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// The clients from this number on are told to connect, a few at a time.
    Open(u32),
    /// The clients from this number on leave, a few at a time.
    Farewell(u32),
    /// Somebody says something.
    Talk,
    /// A client falls silent, without knowing it.
    Vanish(u32),
    /// A client reads again.
    Wake(u32),
    /// A server is told to send its clients elsewhere.
    Drain(u16),
    /// A server is gone.
    Stop(u16),
    /// A server is back.
    Start(u16),
    /// Things go wrong with clients.
    ClientFaults,
    /// Something goes wrong with a server.
    NodeFault,
    /// Strangers come, act and go.
    Villainy,
}

/// How long it takes until all clients have been told to connect, or to leave.
pub(super) const RAMP: Duration = Duration::from_secs(10);

/// How often some of them are.
const RAMP_STEP: Duration = Duration::from_millis(10);

/// How often the clients' side is asked to talk.
const TALK_STEP: Duration = Duration::from_millis(100);

/// Between two messages of one client, on average.
const ECHO_SECONDS: u64 = 10;

/// One client of so many falls silent in the scenario `heartbeat`.
const SILENT_ONE_IN: u32 = 100;

impl World {
    /// Plans what the scenario is about.
    pub(super) fn write_script(&mut self) {
        self.series.mark("connecting", self.net.now(), RAMP);
        self.plan_in(Duration::ZERO, Act::Open(0));
        if self.talk != Talk::Nothing {
            self.plan_in(RAMP, Act::Talk);
        }
        match self.plan.scenario {
            SimScenario::Heartbeat => self.plan_silences(),
            SimScenario::Outage => {
                self.plan_outage(RAMP + Duration::from_secs(20), Duration::from_secs(60));
            }
            SimScenario::Storm => {
                self.plan_outage(RAMP + Duration::from_secs(5), Duration::from_secs(20));
            }
            SimScenario::RollingRestart => self.plan_restarts(),
            SimScenario::Rooms => self.plan_in(TICK, Act::ClientFaults),
            SimScenario::Faults => {
                self.plan_in(TICK, Act::ClientFaults);
                self.plan_in(RAMP, Act::NodeFault);
                if self.weights.villains > 0 {
                    self.plan_in(RAMP, Act::Villainy);
                }
            }
            SimScenario::Backoff => unreachable!("it has no world"),
        }
    }

    /// Some clients fall silent, early enough to be ended for it before the run is over.
    fn plan_silences(&mut self) {
        let interval_ms = self.plan.ping_interval.as_millis() as u64;
        let until_ms = (self.plan.duration.as_millis() as u64).saturating_sub(5 * interval_ms / 2);
        for _ in 0..self.plan.clients.div_ceil(SILENT_ONE_IN) {
            let number = self.faults.below(u64::from(self.plan.clients)) as u32;
            let delay = RAMP + between_ms(&mut self.faults, 0, until_ms);
            self.plan_in(delay, Act::Vanish(number));
        }
    }

    /// All servers are gone, and back after a while.
    fn plan_outage(&mut self, delay: Duration, length: Duration) {
        for node in 0..self.nodes.count() {
            self.plan_in(delay, Act::Stop(node));
            self.plan_in(delay + length, Act::Start(node));
        }
        let begin = self.now() + delay;
        self.series.mark("no server", begin, length);
    }

    /// Each server is drained, stopped and started, one after the other.
    fn plan_restarts(&mut self) {
        let nodes = self.nodes.count();
        let turn = restarts::turn(&self.plan);
        let from = self.now() + RAMP + Duration::from_secs(5);
        self.restarts = Restarts::of(&self.plan, from);
        for node in 0..nodes {
            let begin = RAMP + Duration::from_secs(5) + turn * u32::from(node);
            self.plan_in(begin, Act::Drain(node));
            self.plan_in(begin + turn / 2, Act::Stop(node));
            self.plan_in(begin + turn * 3 / 4, Act::Start(node));
            let drained = self.now() + begin;
            self.series.mark("restart", drained, turn * 3 / 4);
        }
    }

    /// Lets it happen. When the world has calmed down, nothing goes wrong and nobody talks.
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Open(from) => self.ramp(from, Act::Open, |world, number| {
                world.call(number, |machine, now, out| machine.open(now, out));
            }),
            Act::Farewell(from) => self.ramp(from, Act::Farewell, Self::say_farewell),
            Act::Wake(number) => self.wake(number),
            _ if self.is_calm => {}
            Act::Talk => self.say_something(),
            Act::Vanish(number) => self.vanish(number),
            Act::Drain(node) => self.drain_node(node),
            Act::Stop(node) => self.stop_node(node),
            Act::Start(node) => self.nodes.start(node),
            Act::ClientFaults => self.client_faults(),
            Act::NodeFault => self.node_fault(),
            Act::Villainy => self.villainy(),
        }
    }

    /// Does something to a share of the clients, and plans the next share.
    fn ramp(&mut self, from: u32, next: fn(u32) -> Act, mut each: impl FnMut(&mut Self, u32)) {
        let steps = (RAMP.as_millis() / RAMP_STEP.as_millis()) as u32;
        let until = from
            .saturating_add(self.plan.clients.div_ceil(steps))
            .min(self.plan.clients);
        for number in from..until {
            each(self, number);
        }
        if until < self.plan.clients {
            self.plan_in(RAMP_STEP, next(until));
        }
    }

    fn say_something(&mut self) {
        match self.talk {
            Talk::Nothing => return,
            Talk::Broadcast => self.broadcast(),
            Talk::Rooms => self.say_in_rooms(),
            Talk::Echo => {
                let clients = u64::from(self.plan.clients);
                let steps = ECHO_SECONDS * 1000 / TALK_STEP.as_millis() as u64;
                for _ in 0..clients.div_ceil(steps) {
                    let number = self.traffic.below(clients) as u32;
                    self.echo(number);
                }
            }
        }
        let pause = match self.talk {
            // Slow clients must be able to keep up.
            Talk::Broadcast | Talk::Rooms => {
                Duration::from_secs(1 + self.plan.message_bytes as u64 / 500)
            }
            Talk::Echo | Talk::Nothing => TALK_STEP,
        };
        self.plan_in(pause, Act::Talk);
    }
}
