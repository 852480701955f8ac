//! Client machines without a network: nobody ever answers them, and so they go through all
//! attempts to reconnect. A million of them show how the delays are distributed.

use allspark_client::core::{Client, Event, Output, Outputs};
use allspark_protocol::transformer::Link;
use allspark_protocol::{Dice, Instant};

use super::machines::machines;
use super::outcome::{Messages, Outcome};
use super::plan::{SimPlan, Talk};
use super::swarm::{Tally, Weights};
use crate::auditor::{Auditor, ReconnectRule};
use crate::workload::Scenario;
use crate::workload::senders::Senders;

/// Everything that is told of them.
struct Solitude {
    auditor: Auditor,
    trace: u64,
    end: Instant,
}

/// Lets the clients of a plan fail until they give up, and judges each delay and all together.
pub(super) fn run(plan: SimPlan) -> Outcome {
    let mut solitude = Solitude::new(&plan);
    let mut out = Outputs::default();
    for (number, machine) in (0..).zip(machines(&plan)) {
        solitude.suffer(number, machine, &mut out);
    }
    solitude.conclude(plan)
}

impl Solitude {
    fn new(plan: &SimPlan) -> Self {
        let senders = Senders::new(plan.clients, 0);
        let mut auditor = Auditor::new(Scenario::Idle, plan.clients, senders, None);
        auditor.judge_reconnects(ReconnectRule {
            backoff: plan.backoff,
            tolerance: std::time::Duration::ZERO,
        });
        Self {
            auditor,
            trace: plan.seed,
            end: Instant::ZERO,
        }
    }

    /// Refuses a client whatever it tries.
    fn suffer(&mut self, number: u32, mut client: Client, out: &mut Outputs) {
        let mut now = Instant::ZERO;
        client.open(now, out);
        loop {
            while let Some(link) = wanted(out) {
                self.attempted(number, now);
                out.clear();
                self.auditor.reconnects().lost(number, now);
                client.lost(now, link, out);
            }
            let has_ended = out.list().contains(&Output::Event(Event::End));
            out.clear();
            let Some(deadline) = client.deadline().filter(|_| !has_ended) else {
                break;
            };
            now = deadline;
            client.expired(now, out);
        }
        self.auditor.reconnects().gave_up(number);
        self.end = self.end.max(now);
    }

    fn attempted(&mut self, number: u32, now: Instant) {
        self.auditor.reconnects().attempted(number, now);
        for value in [u64::from(number), now.as_ns()] {
            self.trace = Dice::new(self.trace ^ value).roll();
        }
    }

    fn conclude(self, plan: SimPlan) -> Outcome {
        let verdict = self.auditor.conclude(self.end);
        Outcome {
            talk: Talk::Nothing,
            weights: Weights::default(),
            tally: Tally::default(),
            virtual_seconds: self.end.as_ns() as f64 / 1e9,
            trace: self.trace,
            messages: Messages::default(),
            rooms: None,
            restarts: None,
            acks: None,
            seconds: Vec::new(),
            spans: Vec::new(),
            heartbeats: None,
            sparks: None,
            first_delays: verdict.first_delays,
            delays: verdict.delays,
            findings: verdict.findings,
            bytes_per_client: None,
            plan,
        }
    }
}

fn wanted(out: &Outputs) -> Option<Link> {
    out.list().iter().find_map(|output| match output {
        Output::Connect(link) => Some(*link),
        _ => None,
    })
}
