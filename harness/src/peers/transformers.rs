//! Every transformer of AllSpark beside Primus on Node.js with the same one: what an idle session
//! costs in memory, and how many messages come back per second.
//!
//! Primus has no server of the transformer `uws` any more: the npm package is gone. There AllSpark
//! stands alone.

use std::io;
use std::time::Duration;

use allspark_transformers::TransformerKind;
use serde::Serialize;

use super::cases::{Case, Conditions};
use super::measure;
use super::process::pin_this_thread;
use super::results::{Sample, median};
use super::roster::{self, Entrant};
use super::samples::{CaseResult, Machine};
use super::stage::Stage;
use crate::console::tell;
use crate::load::dialect::Dialect;
use crate::report::LoadReport;

/// What to compare, and how thoroughly.
#[derive(Clone, Debug)]
pub(crate) struct TransformersPlan {
    pub(crate) dialects: Vec<Dialect>,
    pub(crate) rounds: u32,
    /// Idle sessions of AllSpark.
    pub(crate) idle_clients: u32,
    /// Idle sessions of Primus on Node.js.
    pub(crate) idle_clients_node: u32,
    /// How long sessions are idle before memory is read.
    pub(crate) idle_duration: Duration,
    pub(crate) echo_clients: u32,
    /// Messages that each client keeps under way; each depth is a case of its own.
    pub(crate) depths: Vec<u16>,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
    pub(crate) message_bytes: usize,
    pub(crate) stage: Stage,
}

/// Everything that the comparison has shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TransformersComparison {
    /// Whether no server did anything wrong and every one of them served.
    pub(crate) ok: bool,
    pub(crate) machine: Machine,
    pub(crate) rounds: u32,
    pub(crate) message_bytes: usize,
    pub(crate) dialects: Vec<DialectResult>,
}

/// What one dialect has shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DialectResult {
    pub(crate) transformer: &'static str,
    pub(crate) carrier: &'static str,
    /// Each server's name and what it calls itself.
    pub(crate) versions: Vec<(&'static str, String)>,
    pub(crate) idle: Vec<IdleResult>,
    pub(crate) echo: Vec<CaseResult>,
}

/// What idle sessions of one server cost.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IdleResult {
    pub(crate) name: &'static str,
    pub(crate) sessions: u32,
    /// Anonymous resident memory of the server's process.
    pub(crate) bytes_per_session_median: f64,
    pub(crate) bytes_per_session_min: f64,
    pub(crate) bytes_per_session_max: f64,
    /// Slab memory of the kernel, for both ends of every connection.
    pub(crate) kernel_bytes_per_session_median: f64,
    pub(crate) faults: u64,
    pub(crate) samples: Vec<IdleSample>,
}

/// One measurement of idle sessions.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct IdleSample {
    /// Sessions that were open when memory was read.
    pub(crate) sessions: u32,
    pub(crate) bytes_per_session: f64,
    pub(crate) kernel_bytes_per_session: f64,
    pub(crate) faults: u64,
    /// The first faults, in words.
    pub(crate) examples: Vec<String>,
}

/// Compares, and says on the error stream what is going on.
pub(crate) fn compare(plan: &TransformersPlan) -> io::Result<TransformersComparison> {
    for entrant in [Entrant::Allspark, Entrant::Primus] {
        roster::check(entrant, &plan.stage)?;
    }
    pin_this_thread(plan.stage.client_cpu)?;
    let dialects = plan.dialects.iter();
    let dialects: Vec<_> = dialects
        .map(|&dialect| compare_dialect(dialect, plan))
        .collect::<io::Result<_>>()?;
    Ok(TransformersComparison {
        ok: dialects.iter().all(DialectResult::is_ok),
        machine: Machine::read()?,
        rounds: plan.rounds,
        message_bytes: plan.message_bytes,
        dialects,
    })
}

/// Who serves a transformer.
fn entrants(dialect: Dialect) -> &'static [Entrant] {
    match dialect.transformer() {
        TransformerKind::Uws => &[Entrant::Allspark],
        _ => &[Entrant::Allspark, Entrant::Primus],
    }
}

fn compare_dialect(dialect: Dialect, plan: &TransformersPlan) -> io::Result<DialectResult> {
    let entrants = entrants(dialect);
    let echoes: Vec<_> = plan
        .depths
        .iter()
        .map(|&depth| Case::echo(plan.echo_clients, depth))
        .collect();
    let mut versions = vec![String::new(); entrants.len()];
    let mut idle = vec![Vec::new(); entrants.len()];
    let mut echo = vec![vec![Vec::new(); entrants.len()]; echoes.len()];
    for round in 1..=plan.rounds {
        for (position, &entrant) in entrants.iter().enumerate() {
            let name = entrant.name();
            tell!("{dialect}: round {round} of {}, {name}", plan.rounds);
            let (version, report) = measure_idle(entrant, dialect, plan)?;
            versions[position] = version;
            idle[position].push(IdleSample::of(&report));
            for (case, samples) in echoes.iter().zip(&mut echo) {
                let (_, report) = measure(entrant, case, conditions(dialect, plan), &plan.stage)?;
                samples[position].push(Sample::of(&report));
            }
        }
    }
    let names = entrants.iter().map(|entrant| entrant.name());
    Ok(DialectResult {
        transformer: dialect.transformer().name(),
        carrier: dialect.carrier(),
        versions: names.zip(versions).collect(),
        idle: entrants
            .iter()
            .zip(idle)
            .map(|(&entrant, samples)| IdleResult::new(entrant, samples))
            .collect(),
        echo: echoes
            .iter()
            .zip(echo)
            .map(|(case, samples)| CaseResult::new(case, entrants, samples))
            .collect(),
    })
}

fn measure_idle(
    entrant: Entrant,
    dialect: Dialect,
    plan: &TransformersPlan,
) -> io::Result<(String, LoadReport)> {
    let clients = match entrant {
        Entrant::Allspark => plan.idle_clients,
        _ => plan.idle_clients_node,
    };
    let idle = Conditions {
        warm_up: Duration::ZERO,
        duration: plan.idle_duration,
        ..conditions(dialect, plan)
    };
    measure(entrant, &Case::idle(clients), idle, &plan.stage)
}

fn conditions(dialect: Dialect, plan: &TransformersPlan) -> Conditions {
    Conditions {
        dialect,
        warm_up: plan.warm_up,
        duration: plan.duration,
        message_bytes: plan.message_bytes,
    }
}

impl DialectResult {
    fn is_ok(&self) -> bool {
        let mut echoes = self.echo.iter().flat_map(|case| &case.entrants);
        self.idle.iter().all(IdleResult::is_ok)
            && echoes.all(|result| result.faults == 0 && result.per_second_min > 0.0)
    }
}

impl IdleResult {
    pub(super) fn new(entrant: Entrant, samples: Vec<IdleSample>) -> Self {
        let all = |of: fn(&IdleSample) -> f64| samples.iter().map(of).collect::<Vec<_>>();
        let bytes = all(|sample| sample.bytes_per_session);
        Self {
            name: entrant.name(),
            sessions: samples
                .iter()
                .map(|sample| sample.sessions)
                .min()
                .unwrap_or(0),
            bytes_per_session_median: median(&bytes),
            bytes_per_session_min: bytes.iter().copied().fold(f64::INFINITY, f64::min),
            bytes_per_session_max: bytes.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            kernel_bytes_per_session_median: median(&all(|sample| sample.kernel_bytes_per_session)),
            faults: samples.iter().map(|sample| sample.faults).sum(),
            samples,
        }
    }

    pub(super) fn is_ok(&self) -> bool {
        self.faults == 0 && self.sessions > 0
    }
}

impl IdleSample {
    /// A load that never came to measuring counts as no session and its faults.
    pub(super) fn of(report: &LoadReport) -> Self {
        let memory = report.memory.as_ref();
        let bytes = memory.and_then(|memory| memory.server_rss_anon_per_connection);
        let kernel_bytes = memory.and_then(|memory| memory.kernel_slab_per_connection);
        let mut examples = report.findings.examples().to_vec();
        let is_unmeasured = memory.is_some() && (bytes.is_none() || kernel_bytes.is_none());
        if is_unmeasured {
            examples.push("memory per connection is not measurable".to_owned());
        }
        Self {
            sessions: memory.map_or(0, |memory| memory.connections),
            bytes_per_session: bytes.unwrap_or_default() as f64,
            kernel_bytes_per_session: kernel_bytes.unwrap_or_default() as f64,
            faults: report.findings.total() + u64::from(is_unmeasured),
            examples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(bytes_per_session: f64, faults: u64) -> IdleSample {
        IdleSample {
            sessions: 10,
            bytes_per_session,
            kernel_bytes_per_session: 1.0,
            faults,
            examples: Vec::new(),
        }
    }

    #[test]
    fn takes_the_middle_and_a_fault_spoils_it() {
        let samples = vec![sample(30.0, 0), sample(10.0, 0), sample(20.0, 0)];
        let result = IdleResult::new(Entrant::Primus, samples);
        assert!(result.is_ok());
        let spread = (result.bytes_per_session_min, result.bytes_per_session_max);
        assert_eq!(
            (result.bytes_per_session_median, spread),
            (20.0, (10.0, 30.0))
        );
        assert!(!IdleResult::new(Entrant::Primus, vec![sample(1.0, 1)]).is_ok());
    }

    #[test]
    fn node_has_no_uws() {
        let of = |kind| entrants(Dialect::find(kind, None).unwrap());
        assert_eq!(of(TransformerKind::Uws), [Entrant::Allspark]);
        assert_eq!(of(TransformerKind::SockJs).len(), 2);
    }
}
