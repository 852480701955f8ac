//! What a simulation has shown.

use serde::Serialize;

use super::plan::{SimPlan, Talk};
use super::restarts::RestartTally;
use super::rooms::RoomTally;
use super::series::{Second, Span};
use super::swarm::{Tally, Weights};
use crate::auditor::{AckReport, DelayReport, Findings, FirstDelays, HeartbeatReport, SparkReport};

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) plan: SimPlan,
    pub(crate) talk: Talk,
    /// Which faults the seed has chosen.
    pub(crate) weights: Weights,
    /// How often each fault happened.
    pub(crate) tally: Tally,
    pub(crate) virtual_seconds: f64,
    /// A number that two histories share only if they are the same.
    pub(crate) trace: u64,
    pub(crate) messages: Messages,
    /// What was said in rooms, if somebody talked there.
    pub(crate) rooms: Option<RoomTally>,
    /// What restarts did, where servers were restarted.
    pub(crate) restarts: Option<RestartTally>,
    /// What became of questions, if somebody asked any.
    pub(crate) acks: Option<AckReport>,
    pub(crate) seconds: Vec<Second>,
    /// What the scenario did meanwhile.
    pub(crate) spans: Vec<Span>,
    pub(crate) heartbeats: Option<HeartbeatReport>,
    pub(crate) sparks: Option<SparkReport>,
    pub(crate) first_delays: Option<FirstDelays>,
    pub(crate) delays: Vec<DelayReport>,
    pub(crate) findings: Findings,
    /// Memory of this process when all clients were connected, divided among them.
    pub(crate) bytes_per_client: Option<u64>,
}

/// What the servers counted, heartbeats included.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Messages {
    pub(crate) received: u64,
    /// Written to single sparks.
    pub(crate) written: u64,
    /// Broadcasts to all of them.
    pub(crate) broadcast: u32,
}
