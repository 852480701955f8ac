//! The options of `harness compare reactors`.

use std::path::PathBuf;

use clap::Args;

use super::compare::{CommonArguments, ScenarioName};
use crate::peers::ComparisonPlan;
use crate::peers::cases::Case;
use crate::peers::reactor::Reactor;
use crate::peers::roster::Entrant;
use crate::peers::stage::Stage;

#[derive(Debug, Args)]
pub(crate) struct ReactorsArguments {
    /// What is asked of the reactors; everything if not given.
    #[arg(long, value_enum)]
    scenario: Option<ScenarioName>,
    /// Only these reactors; may be given several times.
    #[arg(long = "reactor", value_enum)]
    reactors: Vec<Reactor>,
    /// The folder of the programs of reactors that are not ours.
    #[arg(long, default_value = "target/reactors/release")]
    reactors_directory: PathBuf,
    #[command(flatten)]
    pub(crate) common: CommonArguments,
}

impl ReactorsArguments {
    /// What to compare.
    pub(crate) fn plan(&self) -> ComparisonPlan {
        let reactors = Reactor::ALL
            .into_iter()
            .filter(|reactor| self.reactors.is_empty() || self.reactors.contains(reactor));
        ComparisonPlan {
            entrants: reactors.map(Entrant::Reactor).collect(),
            cases: ScenarioName::choose(self.scenario, &Case::REACTORS),
            rounds: self.common.rounds,
            conditions: self.common.conditions(),
            has_budgets: false,
            stage: Stage {
                reactors_directory: self.reactors_directory.clone(),
                ..self.common.stage()
            },
        }
    }
}
