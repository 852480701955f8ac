//! The choice of the engine as a measured fact: the same protocol core on our own drivers and on
//! reactors of others, one thread each, under the same load.
//!
//! The programs of the others lie in a workspace of their own, `harness/reactors`, and are built by
//! nobody here. One that is not there, or can't run on this machine, is left out with the reason.

use std::io;
use std::time::Duration;

use super::cases::{Case, Conditions};
use super::process::pin_this_thread;
use super::results::Sample;
use super::roster::{self, Entrant};
use super::samples::{Comparison, LeftOut};
use super::stage::Stage;
use super::{ComparisonPlan, measure};
use crate::console::tell;

/// Tries each reactor, compares those that did nothing wrong, and says on the error stream what is
/// going on.
pub(crate) fn compare(mut plan: ComparisonPlan) -> io::Result<Comparison> {
    pin_this_thread(plan.stage.client_cpu)?;
    let mut left_out = Vec::new();
    let trials = Trials::of(&plan);
    plan.entrants.retain(|&entrant| {
        tell!("trial of {}", entrant.name());
        match trials.pass(entrant, &plan.stage) {
            Ok(()) => true,
            Err(reason) => {
                tell!("  left out: it {}", reason.why);
                left_out.push(reason);
                false
            }
        }
    });
    if plan.entrants.is_empty() {
        let reasons = left_out
            .iter()
            .map(|out| format!("{} {}", out.name, out.why));
        let reasons: Vec<_> = reasons.collect();
        return Err(io::Error::other(reasons.join("; ")));
    }
    let comparison = super::compare(&plan)?;
    Ok(comparison.with_left_out(TITLE, left_out))
}

/// What every reactor has to go through before it is measured.
struct Trials(Vec<(Case, Conditions)>);

impl Trials {
    /// The scenarios of the plan, each with messages as long as there and with messages that no
    /// read brings in one piece.
    fn of(plan: &ComparisonPlan) -> Self {
        let is_planned = |trial: &Case| {
            let mut cases = plan.cases.iter();
            cases.any(|case| case.scenario == trial.scenario)
        };
        let lengths = [plan.conditions.message_bytes, LONG_MESSAGE_BYTES];
        let trials = Case::TRIALS.into_iter().filter(is_planned);
        let trials = trials.flat_map(|case| {
            lengths.map(|message_bytes| {
                let conditions = Conditions {
                    warm_up: Duration::ZERO,
                    duration: TRIAL_DURATION,
                    message_bytes,
                    ..plan.conditions
                };
                (case, conditions)
            })
        });
        Self(trials.collect())
    }

    fn pass(&self, entrant: Entrant, stage: &Stage) -> Result<(), LeftOut> {
        let left_out = |why, is_wrong| LeftOut {
            name: entrant.name(),
            why,
            is_wrong,
        };
        roster::check(entrant, stage)
            .map_err(|error| left_out(format!("is not there: {error}"), false))?;
        for (case, conditions) in &self.0 {
            let (_, report) = measure(entrant, case, *conditions, stage)
                .map_err(|error| left_out(format!("can't run here: {error}"), false))?;
            let sample = Sample::of(&report);
            verdict(&sample).map_err(|why| left_out(format!("{why} ({case})"), true))?;
        }
        Ok(())
    }
}

/// Whether a trial was passed, or what was wrong.
fn verdict(sample: &Sample) -> Result<(), String> {
    let first = sample.examples.first().map_or("", String::as_str);
    if sample.per_second <= 0.0 {
        Err(format!("did not finish: {first}"))
    } else if sample.faults > 0 {
        Err(format!("did {} things wrong: {first}", sample.faults))
    } else {
        Ok(())
    }
}

const TITLE: &str = "The same protocol core on several reactors";

/// How long each trial runs.
const TRIAL_DURATION: Duration = Duration::from_millis(300);

/// Bytes of a message that arrives in several reads, whatever the buffers of a reactor.
const LONG_MESSAGE_BYTES: usize = 40_000;
