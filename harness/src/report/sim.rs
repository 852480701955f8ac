//! The report of one simulation.

use std::fmt;

use serde::Serialize;

use crate::auditor::{DelayReport, Findings, HeartbeatReport, SparkReport};
use crate::sim::plan::Talk;
use crate::sim::{Messages, Outcome, Second, Tally, Weights};

/// Everything that a simulation has shown, and what it was.
#[derive(Debug, Serialize)]
pub(crate) struct SimReport {
    /// Whether the auditor found nothing wrong.
    pub(crate) ok: bool,
    pub(crate) seed: u64,
    pub(crate) scenario: &'static str,
    pub(crate) talk: &'static str,
    pub(crate) clients: u32,
    pub(crate) nodes: u16,
    pub(crate) shards: u16,
    pub(crate) message_bytes: usize,
    pub(crate) virtual_seconds: f64,
    /// What it took, in real time.
    pub(crate) seconds: f64,
    pub(crate) bytes_per_client: Option<u64>,
    pub(crate) weights: Weights,
    /// How often each fault happened.
    pub(crate) faults: Tally,
    pub(crate) messages: Messages,
    pub(crate) sparks: Option<SparkReport>,
    pub(crate) heartbeats: Option<HeartbeatReport>,
    /// What happened in each second of virtual time.
    pub(crate) series: Vec<Second>,
    /// The delays of the simulated clients before their attempts to reconnect.
    pub(crate) delays: Vec<DelayReport>,
    /// Those of clients without a network.
    pub(crate) delays_alone: Vec<DelayReport>,
    pub(crate) findings: Findings,
    /// Two histories share it only if they are the same. Sixteen hexadecimal digits.
    pub(crate) trace: String,
}

impl SimReport {
    pub(crate) fn new(outcome: Outcome, seconds: f64) -> Self {
        let plan = outcome.plan;
        Self {
            ok: outcome.findings.total() == 0,
            seed: plan.seed,
            scenario: plan.scenario.name(),
            talk: match outcome.talk {
                Talk::Nothing => "nothing",
                Talk::Echo => "echo",
                Talk::Broadcast => "broadcast",
            },
            clients: plan.clients,
            nodes: plan.nodes,
            shards: plan.shards,
            message_bytes: plan.message_bytes,
            virtual_seconds: outcome.virtual_seconds,
            seconds,
            bytes_per_client: outcome.bytes_per_client,
            weights: outcome.weights,
            faults: outcome.tally,
            messages: outcome.messages,
            sparks: outcome.sparks,
            heartbeats: outcome.heartbeats,
            series: outcome.seconds,
            delays: outcome.delays,
            delays_alone: outcome.delays_alone,
            findings: outcome.findings,
            trace: format!("{:016x}", outcome.trace),
        }
    }
}

impl fmt::Display for SimReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} clients, {} servers of {} shards, {:.0} virtual seconds in {:.1} s",
            self.scenario,
            self.clients,
            self.nodes,
            self.shards,
            self.virtual_seconds,
            self.seconds,
        )?;
        if let Some(sparks) = self.sparks {
            writeln!(
                f,
                "sparks        {} opened, {} ended, {} lost with their server, {} fell silent",
                sparks.opened, sparks.ended, sparks.orphaned, sparks.silenced,
            )?;
        }
        if self.faults != Tally::default() {
            fmt_faults(f, &self.faults)?;
        }
        let Messages {
            received,
            written,
            broadcast,
        } = self.messages;
        writeln!(
            f,
            "messages      {received} received, {written} written, {broadcast} broadcast, \
             heartbeats included"
        )?;
        if let Some(heartbeats) = &self.heartbeats {
            super::load::fmt_heartbeats(f, heartbeats)?;
        }
        if let Some(bytes) = self.bytes_per_client {
            writeln!(
                f,
                "memory        {bytes} bytes per client, client and server together"
            )?;
        }
        fmt_delays(f, "delays", &self.delays)?;
        fmt_delays(f, "  no network", &self.delays_alone)?;
        super::load::fmt_findings(f, self.ok, &self.findings)?;
        writeln!(f, "trace {}", self.trace)
    }
}

fn fmt_faults(f: &mut fmt::Formatter<'_>, faults: &Tally) -> fmt::Result {
    let kinds = faults.kinds();
    let words: Vec<_> = kinds
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    writeln!(f, "faults        {}", words.join(", "))
}

pub(super) fn fmt_delays(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    delays: &[DelayReport],
) -> fmt::Result {
    for (number, delay) in delays.iter().enumerate() {
        write!(
            f,
            "{:14}attempt {}: {} of {} to {} ms, mean {:.1} (algorithm {:.1})",
            if number == 0 { name } else { "" },
            delay.attempt,
            delay.count,
            delay.ms_min,
            delay.ms_max,
            delay.ms_mean,
            delay.ms_mean_expected,
        )?;
        if let Some(tests) = delay.tests {
            write!(
                f,
                "; KS {:.5} (limit {:.5}), chi-square {:.1} (limit {:.1})",
                tests.kolmogorov_smirnov,
                tests.kolmogorov_smirnov_limit,
                tests.chi_square,
                tests.chi_square_limit,
            )?;
        }
        writeln!(f)?;
    }
    Ok(())
}
