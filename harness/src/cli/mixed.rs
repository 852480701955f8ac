//! The options of a mixed load.

use std::time::Duration;

use clap::Args;

use super::times::parse_duration;
use crate::load::mixed::plan::{MixedPlan, Shares};
use crate::workload::Scenario;

#[derive(Debug, Args)]
pub(super) struct MixedArguments {
    /// In a mixed load, how many clients do what, in proportion. By default
    /// idle=40,echo=30,publish=2,stall=10,vanish=9,reconnect=9.
    #[arg(long)]
    shares: Option<Shares>,
    /// In a mixed load, who does what, and when, follows from it. By default another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// In a mixed load, how long a client that disturbs leaves its connection alone, on average.
    /// By default 5s.
    #[arg(long, value_parser = parse_duration)]
    calm: Option<Duration>,
    /// In a mixed load, how long a client does not read, on average. By default 500ms.
    #[arg(long, value_parser = parse_duration)]
    stall: Option<Duration>,
    /// In a mixed load, how long a client is away, on average. By default 1s.
    #[arg(long, value_parser = parse_duration)]
    away: Option<Duration>,
}

impl MixedArguments {
    /// What a mixed load is to do; nothing if it is to be another one.
    pub(super) fn plan(&self, scenario: Scenario) -> Result<Option<MixedPlan>, String> {
        if scenario != Scenario::Mixed {
            return match self.is_given() {
                true => Err(
                    "these options belong to a mixed load: --shares, --seed, --calm, \
                     --stall, --away"
                        .to_owned(),
                ),
                false => Ok(None),
            };
        }
        Ok(Some(MixedPlan {
            seed: self.seed.unwrap_or_else(allspark_engine::random),
            shares: self.shares.unwrap_or_default(),
            calm: self.calm.unwrap_or(Duration::from_secs(5)),
            stall: self.stall.unwrap_or(Duration::from_millis(500)),
            away: self.away.unwrap_or(Duration::from_secs(1)),
        }))
    }

    fn is_given(&self) -> bool {
        let times = [self.calm, self.stall, self.away];
        self.shares.is_some() || self.seed.is_some() || times.iter().any(Option::is_some)
    }
}
