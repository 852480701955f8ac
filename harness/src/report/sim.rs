//! The report of one simulation.

use std::fmt;

use serde::Serialize;

use crate::auditor::{AckReport, DelayReport, Findings, FirstDelays, HeartbeatReport, SparkReport};
use crate::sim::plan::Talk;
use crate::sim::{Messages, Outcome, RestartTally, RoomTally, Second, Span, Tally, Weights};

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
    /// What was said in rooms, if somebody talked there.
    pub(crate) rooms: Option<RoomTally>,
    /// What restarts did to servers and clients, where servers were restarted.
    pub(crate) restarts: Option<RestartTally>,
    /// What became of questions that wanted an answer, if somebody asked any.
    pub(crate) acks: Option<AckReport>,
    pub(crate) sparks: Option<SparkReport>,
    pub(crate) heartbeats: Option<HeartbeatReport>,
    /// What happened in each second of virtual time.
    pub(crate) series: Vec<Second>,
    /// What the scenario did meanwhile.
    pub(crate) spans: Vec<Span>,
    /// The delays of the simulated clients before their attempts to reconnect.
    /// The first of them after each loss, which all are to be the same.
    pub(crate) first_delays: Option<FirstDelays>,
    /// All others.
    pub(crate) delays: Vec<DelayReport>,
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
                Talk::Rooms => "rooms",
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
            rooms: outcome.rooms,
            restarts: outcome.restarts,
            acks: outcome.acks,
            sparks: outcome.sparks,
            heartbeats: outcome.heartbeats,
            series: outcome.seconds,
            spans: outcome.spans,
            first_delays: outcome.first_delays,
            delays: outcome.delays,
            findings: outcome.findings,
            trace: format!("{:016x}", outcome.trace),
        }
    }
}

impl SimReport {
    /// Whether there was anybody to connect to.
    pub(super) fn has_servers(&self) -> bool {
        self.nodes > 0
    }

    /// How many servers there were, in words.
    pub(super) fn servers(&self) -> String {
        let count = |count: u16, name: &str| match count {
            1 => format!("1 {name}"),
            _ => format!("{count} {name}s"),
        };
        match self.has_servers() {
            true => format!(
                "{} of {}",
                count(self.nodes, "server"),
                count(self.shards, "shard")
            ),
            false => "no server".to_owned(),
        }
    }
}

impl fmt::Display for SimReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} clients, {}, {:.0} virtual seconds in {:.1} s",
            self.scenario,
            self.clients,
            self.servers(),
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
        if self.has_servers() {
            fmt_messages(f, self.messages)?;
        }
        if let Some(rooms) = self.rooms {
            fmt_rooms(f, rooms)?;
        }
        if let Some(restarts) = &self.restarts {
            fmt_restarts(f, restarts)?;
        }
        if let Some(acks) = self.acks {
            writeln!(
                f,
                "questions     {} asked, {} answered, {} given up, {} ended with their connection",
                acks.asked, acks.answered, acks.given_up, acks.excused,
            )?;
        }
        if let Some(heartbeats) = &self.heartbeats {
            super::load::fmt_heartbeats(f, heartbeats)?;
        }
        if let Some(bytes) = self.bytes_per_client {
            writeln!(
                f,
                "memory        {bytes} bytes per client, client and server together"
            )?;
        }
        super::delays::fmt_delays(f, "delays", self.first_delays.as_ref(), &self.delays)?;
        super::load::fmt_findings(f, self.ok, &self.findings)?;
        writeln!(f, "trace {}", self.trace)
    }
}

fn fmt_messages(f: &mut fmt::Formatter<'_>, messages: Messages) -> fmt::Result {
    let Messages {
        received,
        written,
        broadcast,
    } = messages;
    writeln!(
        f,
        "messages      {received} received, {written} written, {broadcast} broadcast, \
         heartbeats included"
    )
}

fn fmt_rooms(f: &mut fmt::Formatter<'_>, rooms: RoomTally) -> fmt::Result {
    let RoomTally {
        to_rooms,
        values,
        replaced,
        others,
        by_handlers,
        joins,
        leaves,
    } = rooms;
    writeln!(
        f,
        "rooms         {to_rooms} messages to rooms, {values} values of which {replaced} were \
         replaced at somebody, {others} others, {by_handlers} by handlers, {joins} joins, \
         {leaves} leaves"
    )
}

fn fmt_restarts(f: &mut fmt::Formatter<'_>, restarts: &RestartTally) -> fmt::Result {
    let RestartTally {
        accept_rate,
        arrivals_per_s_max,
        refused,
        absences,
        away_p50_ms,
        away_p99_ms,
        away_max_ms,
    } = restarts;
    writeln!(
        f,
        "restarts      at most {arrivals_per_s_max} connections per second and server, which takes \
         {accept_rate}; {refused} refused"
    )?;
    writeln!(
        f,
        "away          {absences} times, {away_p50_ms} ms p50, {away_p99_ms} ms p99, \
         {away_max_ms} ms at most"
    )
}

fn fmt_faults(f: &mut fmt::Formatter<'_>, faults: &Tally) -> fmt::Result {
    let kinds = faults.kinds();
    let words: Vec<_> = kinds
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    writeln!(f, "faults        {}", words.join(", "))
}
