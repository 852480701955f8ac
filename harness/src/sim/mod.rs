//! The simulator: the real shards and the real client machines in virtual time, on one thread, out
//! of one seed, up to two million clients.
//!
//! | module | what it is for |
//! |---|---|
//! | [`plan`] | what is simulated, and what is broken on purpose |
//! | [`world`] | the order in which things happen |
//! | [`script`] | what happens when, by scenario |
//! | [`swarm`], [`faults`] | what may go wrong, how often, and how it is done |
//! | [`rooms`] | who is in which room, and what is said there |
//! | [`restarts`] | how many come to a server that stays, and how long each client is away |
//! | [`questions`] | what servers ask clients, and who is told an answer |
//! | [`villains`] | strangers who want to harm the servers, and what they cost |
//! | [`nodes`], [`app`] | the servers, and what runs on them |
//! | [`machines`], [`member`], [`play`] | the clients, and what they want done |
//! | [`backoffs`] | the scenario without servers: nobody ever gets a connection |
//! | [`secrecy`] | connections that are encrypted, in some seeds |
//! | [`series`], [`purpose`] | what happened each second; what dice are for |
//!
//! It opens no socket and reads no clock. What it plays is told to the auditor, which judges it
//! together with what servers and clients say; the world itself judges nothing but whether
//! somebody was given a reason.
//!
//! # Invariants
//! - The same plan gives the same history, to the byte, which [`Outcome::trace`] condenses.
//! - At one moment everything that arrives is dealt with before anything new is done. So whatever
//!   a server is told happens either before or after what arrives, never between.
//! - The end of each run is calm: everything is mended, everybody comes back and gets what is due,
//!   says goodbye, and nothing may be left.

mod app;
mod backoffs;
mod faults;
mod machines;
mod member;
mod nodes;
mod outcome;
pub(crate) mod plan;
mod play;
mod purpose;
mod questions;
mod restarts;
mod rooms;
mod script;
mod secrecy;
mod series;
mod swarm;
#[cfg(test)]
mod tests;
mod villains;
mod world;

use std::num::NonZeroU32;
use std::time::Duration;

use allspark_engine::Drain;
pub(crate) use outcome::{Messages, Outcome};
pub(crate) use restarts::RestartTally;
pub(crate) use rooms::RoomTally;
pub(crate) use series::{Second, Span};
pub(crate) use swarm::{Tally, Weights};

use crate::auditor::{
    AckRule, Auditor, Fault, HeartbeatRule, Leftovers, ReconnectRule, SilenceRule, Verdict,
};
use crate::workload::Scenario;
use crate::workload::senders::Senders;
use faults::{LATENCY_MS_MAX, SLEEP_MS_MAX};
use nodes::Totals;
use plan::{Sabotage, SimPlan, SimScenario, Talk};
use purpose::Purpose;
use script::{Act, RAMP};
use world::World;

/// The longest that everybody may take to come back once all is mended. The last attempts of the
/// default options are four to eight minutes apart.
const CALM_MAX: Duration = Duration::from_secs(1800);

/// Bytes of a message where somebody talks in rooms.
const ROOM_MESSAGE_BYTES_MAX: usize = 200;

/// How often it is looked whether everybody is back.
const CALM_STEP: Duration = Duration::from_secs(1);

/// How long goodbyes may take: longer than any time that a server gives a client that says nothing.
const FAREWELL_MAX: Duration = Duration::from_secs(100);

/// Simulates. `memory` is asked once, when all clients are connected.
pub(crate) fn run(mut plan: SimPlan, memory: impl FnOnce() -> Option<u64>) -> Outcome {
    if plan.scenario == SimScenario::Backoff {
        return backoffs::run(plan);
    }
    let (talk, weights) = choose(&mut plan);
    let mut world = World::new(&plan, talk, weights, auditor(&plan, talk));
    world.run_for(RAMP);
    let bytes_per_client = memory().map(|bytes| bytes / u64::from(plan.clients));
    world.run_for(plan.duration);
    world.come_to_rest();
    world.disband();
    let totals = world.nodes.totals();
    world.judge_bounds(&totals);
    let rooms = (talk == Talk::Rooms).then(|| world.rooms.tally(world.auditor.replaced()));
    let restarts = world.restarts.tally();
    let now = world.now();
    let (seconds, spans) = world.series.finish();
    let Verdict {
        findings,
        heartbeats,
        first_delays,
        delays,
        sparks,
        acks,
        // In virtual time nothing is late, and what was observed is what was.
        delays_observed: _,
    } = world.auditor.conclude(now);
    Outcome {
        talk,
        weights,
        tally: world.tally,
        virtual_seconds: now.as_ns() as f64 / 1e9,
        trace: world.net.trace(),
        messages: Messages {
            received: totals.messages_received,
            written: totals.messages_written,
            broadcast: world.broadcasts,
        },
        rooms,
        restarts,
        acks,
        seconds,
        spans,
        heartbeats,
        sparks,
        first_delays,
        delays,
        findings,
        bytes_per_client,
        plan,
    }
}

/// Under faults the seed decides about more than dice.
fn choose(plan: &mut SimPlan) -> (Talk, Weights) {
    let mut weights = Weights::draw(plan.scenario, plan.seed);
    if plan.sabotage.is_some() {
        // What is broken must come to light.
        weights.limits = 0;
    }
    let mut dice = Purpose::Nodes.dice(plan.seed);
    if plan.scenario.hurts_clients() {
        plan.shards = 1 + dice.below(2) as u16;
    }
    if plan.scenario == SimScenario::RollingRestart {
        let is_spread = plan.sabotage != Some(Sabotage::DrainsAtOnce);
        plan.drain = is_spread.then(|| restarts::drain(plan));
    }
    if plan.scenario != SimScenario::Faults {
        return (plan.scenario.talk(), weights);
    }
    let sizes = [plan.message_bytes, 200, 1_000, 3_000];
    plan.message_bytes = sizes[dice.below(sizes.len() as u64) as usize];
    let is_broadcast = dice.once_in(2);
    // Drawn last, so that what was drawn before is what it was without rooms.
    let talk = match plan.sabotage {
        Some(_) => Talk::Echo,
        None if dice.once_in(3) => Talk::Rooms,
        None if is_broadcast => Talk::Broadcast,
        None => Talk::Echo,
    };
    if talk == Talk::Rooms {
        // Values of many keys may wait at once, and who is slow must get its pings in time.
        plan.message_bytes = plan.message_bytes.min(ROOM_MESSAGE_BYTES_MAX);
    }
    // Servers that are told to end are gone ten seconds later.
    plan.drain = dice.once_in(2).then(|| Drain {
        seconds: 5,
        sparks_per_s: NonZeroU32::MIN,
        ..Drain::default()
    });
    (talk, weights)
}

fn auditor(plan: &SimPlan, talk: Talk) -> Auditor {
    let (scenario, senders) = match talk {
        Talk::Nothing => (Scenario::Idle, 0),
        Talk::Echo => (Scenario::Echo, plan.clients),
        Talk::Broadcast => (Scenario::Broadcast, 1),
        Talk::Rooms => (Scenario::Rooms, 0),
    };
    let has_faults = plan.scenario.hurts_clients();
    // The wheel's tick, and under faults whatever a ping or a pong may be kept by.
    let slack_ms = match has_faults {
        true => SLEEP_MS_MAX + 10 * LATENCY_MS_MAX,
        false => 200,
    };
    let tolerance = Duration::from_millis(slack_ms);
    let interval = plan.ping_interval;
    let heartbeats = HeartbeatRule {
        interval,
        tolerance,
    };
    let senders = Senders::new(plan.clients, senders);
    let mut auditor = Auditor::new(scenario, plan.clients, senders, Some(heartbeats));
    auditor.judge_sparks(Some(SilenceRule {
        interval,
        tolerance,
    }));
    if talk == Talk::Rooms {
        auditor.judge_acks(AckRule {
            timeout: questions::PATIENCE,
            // The wheel's tick.
            tolerance: Duration::from_millis(200),
        });
    }
    auditor.judge_reconnects(ReconnectRule {
        backoff: plan.backoff,
        tolerance: Duration::ZERO,
    });
    auditor
}

impl World {
    /// Nothing goes wrong any more: everybody comes back, and gets what is due.
    fn come_to_rest(&mut self) {
        self.calm_down();
        if self.plan.scenario.hurts_clients() {
            // Whoever fell silent last is ended for it first.
            self.run_for(2 * self.plan.ping_interval + Duration::from_secs(20));
        }
        let mut waited = Duration::ZERO;
        while waited < CALM_MAX && !self.is_at_rest() {
            self.run_for(CALM_STEP);
            waited += CALM_STEP;
        }
        for number in 0..self.plan.clients {
            let member = &self.members[number as usize];
            if !member.is_open && !member.gave_up {
                self.auditor
                    .note(Fault::Absent, || format!("client {number} is not back"));
            }
        }
    }

    fn is_at_rest(&self) -> bool {
        let mut members = self.members.iter();
        self.auditor.outstanding() == 0 && members.all(|one| one.is_open || one.gave_up)
    }

    /// Only strangers share their addresses, so nobody else is refused for his.
    fn judge_bounds(&mut self, totals: &Totals) {
        self.tally.bounded = totals.refused as u32;
        self.tally.flooded = totals.flooded as u32;
        self.tally.handshakes = totals.handshakes as u32;
        self.tally.handshakes_failed = totals.handshakes_failed as u32;
        let (refused, strangers) = (totals.of_addresses, self.tally.villains);
        if refused > u64::from(strangers) {
            self.auditor.note(Fault::Refused, || {
                format!("{refused} were refused for their address, of {strangers} strangers")
            });
        }
    }

    /// Everybody leaves, and nothing may be left.
    fn disband(&mut self) {
        self.series.mark("goodbye", self.net.now(), RAMP);
        self.plan_in(Duration::ZERO, Act::Farewell(0));
        self.run_for(RAMP + FAREWELL_MAX);
        self.auditor.left_over(Leftovers {
            connections: self.nodes.connections(),
            sparks: self.nodes.sparks(),
            endpoints: self.net.open_endpoints() as u64,
            queue_bytes: self.held.values().map(|held| held.len() as u64).sum(),
        });
    }
}
