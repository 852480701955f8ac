//! The choice of the engine as a measured fact: the same protocol core on our own drivers and on
//! reactors of others, one thread each, under the same load.
//!
//! The programs of the others lie in a workspace of their own, `harness/reactors`, and are built by
//! nobody here. One that is not there, or can't run on this machine, is left out with the reason.

use std::io;
use std::time::Duration;

use clap::ValueEnum;

use super::cases::{Case, Conditions};
use super::process::pin_this_thread;
use super::roster::{self, Entrant};
use super::samples::{Comparison, LeftOut, Sample};
use super::{ComparisonPlan, Stage, measure};
use crate::console::tell;

/// A reactor that takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reactor {
    /// AllSpark's engine on its driver of `io_uring`, with one shard.
    Uring,
    /// AllSpark's engine on its driver of epoll, with one shard.
    Epoll,
    /// tokio-uring: a ring under tokio.
    TokioUring,
    /// glommio: thread per core on `io_uring`.
    Glommio,
    /// compio: completion-based, on its driver of `io_uring`.
    Compio,
    /// tokio's current-thread runtime, which is on epoll.
    Tokio,
}

/// What runs a reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// AllSpark, told to use this driver.
    Driver(&'static str),
    /// A program of this name.
    Program(&'static str),
}

impl Reactor {
    /// All of them, in the order in which they take turns.
    pub(crate) const ALL: [Self; 6] = [
        Self::Uring,
        Self::Epoll,
        Self::TokioUring,
        Self::Glommio,
        Self::Compio,
        Self::Tokio,
    ];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uring => "our io_uring",
            Self::Epoll => "our epoll",
            Self::TokioUring => "tokio-uring",
            Self::Glommio => "glommio",
            Self::Compio => "compio",
            Self::Tokio => "tokio",
        }
    }

    pub(super) const fn host(self) -> Host {
        match self {
            Self::Uring => Host::Driver("uring"),
            Self::Epoll => Host::Driver("epoll"),
            Self::TokioUring => Host::Program("reactor-tokio-uring"),
            Self::Glommio => Host::Program("reactor-glommio"),
            Self::Compio => Host::Program("reactor-compio"),
            Self::Tokio => Host::Program("reactor-tokio"),
        }
    }
}

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
