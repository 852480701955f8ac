//! The options of a load of values.

use std::time::Duration;

use clap::Args;

use super::times::parse_duration;
use crate::load::conflation::plan::ConflationPlan;
use crate::workload::Scenario;

/// Values per second of each publisher.
const RATE_EACH: u32 = 1_000;

#[derive(Debug, Args)]
pub(super) struct ConflationArguments {
    /// In a load of values, how many keys each publisher has. By default 100.
    #[arg(long)]
    keys: Option<u32>,
    /// In a load of values, how many clients read slowly: others than those who publish. By default
    /// a tenth of all.
    #[arg(long)]
    slow: Option<u32>,
    /// In a load of values, how long such a client does not read, and how long it reads then. By
    /// default 2s.
    #[arg(long, value_parser = parse_duration)]
    slow_stall: Option<Duration>,
}

impl ConflationArguments {
    /// Which values a load has; none if it is to be another one.
    pub(super) fn plan(
        &self,
        scenario: Scenario,
        clients: u32,
    ) -> Result<Option<ConflationPlan>, String> {
        if scenario != Scenario::Conflation {
            let is_given = self.keys.is_some() || self.slow.is_some() || self.slow_stall.is_some();
            return match is_given {
                true => Err(
                    "these options belong to a load of values: --keys, --slow, --slow-stall"
                        .to_owned(),
                ),
                false => Ok(None),
            };
        }
        Ok(Some(ConflationPlan {
            keys: self.keys.unwrap_or(100),
            slow: self.slow.unwrap_or(clients / 10),
            stall: self.slow_stall.unwrap_or(Duration::from_secs(2)),
        }))
    }

    /// The rate of a load of values, if none is given: what is sent can't depend on what arrives.
    pub(super) fn rate(scenario: Scenario, publishers: u32) -> Option<u32> {
        (scenario == Scenario::Conflation).then(|| publishers.saturating_mul(RATE_EACH))
    }
}
