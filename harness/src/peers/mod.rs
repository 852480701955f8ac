//! Compares AllSpark with other servers: the same load on each in turn, one core for the server,
//! another one for the load. And, transformer by transformer, with Primus on Node.js.
//!
//! | module | what it knows |
//! |---|---|
//! | [`stage`] | where it takes place |
//! | [`roster`], [`reactor`] | which servers there are, and how each is started |
//! | [`process`] | a server that runs, on its core, until it is dropped |
//! | [`cases`] | what is asked of every server |
//! | [`results`], [`samples`] | what came out, over all rounds |
//! | [`standing`] | how AllSpark compares with the best of them, and with its budgets |
//! | [`transformers`] | every transformer, beside Primus on Node.js with the same one |
//! | [`secure`] | the same over TLS |
//! | [`reactors`] | the same protocol core on several reactors |
//!
//! # Invariants
//! - Rounds are interleaved: every server has its turn before any has its second, so that what
//!   changes on the machine meanwhile changes for all of them.
//! - Every measurement has a fresh server; none outlives its measurement.
//! - A number from a server that did something wrong is shown as wrong.

pub(crate) mod cases;
mod process;
pub(crate) mod reactor;
pub(crate) mod reactors;
pub(crate) mod results;
pub(crate) mod roster;
pub(crate) mod samples;
pub(crate) mod secure;
pub(crate) mod stage;
pub(crate) mod standing;
pub(crate) mod transformers;

use std::io;

use cases::{Case, Conditions};
use process::{Process, pin_this_thread};
use results::Sample;
use roster::Entrant;
use samples::{CaseResult, Comparison, Machine};
use stage::Stage;

use crate::console::tell;
use crate::driver;
use crate::report::LoadReport;

/// What to compare, and how thoroughly.
#[derive(Clone, Debug)]
pub(crate) struct ComparisonPlan {
    pub(crate) entrants: Vec<Entrant>,
    pub(crate) cases: Vec<Case>,
    pub(crate) rounds: u32,
    pub(crate) conditions: Conditions,
    /// Whether AllSpark is to be compared with the best of the others, and with its budgets.
    pub(crate) has_budgets: bool,
    pub(crate) stage: Stage,
}

/// Compares, and says on the error stream what is going on.
pub(crate) fn compare(plan: &ComparisonPlan) -> io::Result<Comparison> {
    for &entrant in &plan.entrants {
        roster::check(entrant, &plan.stage)?;
    }
    pin_this_thread(plan.stage.client_cpu)?;
    let mut results = Vec::new();
    let mut versions = vec![String::new(); plan.entrants.len()];
    for case in &plan.cases {
        let mut samples = vec![Vec::new(); plan.entrants.len()];
        for round in 1..=plan.rounds {
            for (position, &entrant) in plan.entrants.iter().enumerate() {
                tell!(
                    "{case}: round {round} of {}, {}",
                    plan.rounds,
                    entrant.name()
                );
                let (version, report) = measure(entrant, case, plan.conditions, &plan.stage)?;
                versions[position] = version;
                samples[position].push(Sample::of(&report));
            }
        }
        let result = CaseResult::new(case, &plan.entrants, samples);
        results.push(match plan.has_budgets {
            true => result.with_standing(case),
            false => result,
        });
    }
    Ok(Comparison::new(
        Machine::read()?,
        &plan.entrants,
        versions,
        results,
    ))
}

/// Starts a server, loads it, and stops it.
fn measure(
    entrant: Entrant,
    case: &Case,
    conditions: Conditions,
    stage: &Stage,
) -> io::Result<(String, LoadReport)> {
    let conditions = Conditions {
        dialect: entrant.dialect(conditions.dialect),
        ..conditions
    };
    let transformer = conditions.dialect.transformer();
    let server = Process::start(entrant, case.scenario, transformer, stage)?;
    let load_plan = case
        .load_plan(server.port(), server.pid(), conditions)
        .map_err(io::Error::other)?;
    let outcome = driver::run(stage.driver, load_plan)?;
    Ok((server.version().to_owned(), LoadReport::new(outcome)))
}
