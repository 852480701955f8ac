//! The options of a storm.

use std::time::Duration;

use allspark_protocol::primus::BackoffOptions;
use clap::Args;

use super::times::parse_duration;
use crate::load::storm::plan::{StormPlan, StormSabotage};
use crate::workload::Scenario;

/// Clients of a storm: as many as two outages need for 10,000 delays.
pub(super) const CLIENTS: u32 = 2_000;

/// The longest that all strikes of a storm may take together. Two usual ones take about a minute.
pub(super) const DURATION: Duration = Duration::from_secs(120);

#[derive(Debug, Args)]
pub(super) struct StormArguments {
    /// In a storm, the command of the server, words with spaces between them: the load starts
    /// it, kills it when everybody is connected, and starts it again.
    #[arg(long)]
    server_command: Option<String>,
    /// In a storm, how long there is no server. By default 10s: each client then makes three or
    /// four attempts in vain.
    #[arg(long, value_parser = parse_duration)]
    outage: Option<Duration>,
    /// In a storm, how often the server is killed, each time when everybody is back. By default 2.
    #[arg(long)]
    strikes: Option<u32>,
    /// In a storm, how long an attempt to reconnect may take. By default 30s, as in Primus.
    #[arg(long, value_parser = parse_duration)]
    reconnect_timeout: Option<Duration>,
    /// In a storm, how late an attempt may begin, or be given up, which a busy machine makes it;
    /// never early. By default 1s.
    #[arg(long, value_parser = parse_duration)]
    reconnect_tolerance: Option<Duration>,
    /// Break the clients on purpose, to see whether it is found.
    #[arg(long, value_enum, hide = true)]
    sabotage: Option<StormSabotage>,
}

impl StormArguments {
    /// What a storm is to do; nothing if there is to be none.
    pub(super) fn plan(&self, scenario: Scenario) -> Result<Option<StormPlan>, String> {
        if scenario != Scenario::Storm {
            return match self.is_given() {
                true => Err(
                    "these options belong to a storm: --server-command, --outage, \
                     --strikes, --reconnect-timeout, --reconnect-tolerance"
                        .to_owned(),
                ),
                false => Ok(None),
            };
        }
        let Some(server_command) = self.server_command.clone() else {
            return Err("a storm needs the command of its server: --server-command".to_owned());
        };
        let mut backoff = BackoffOptions::default();
        backoff.reconnect_timeout = self.reconnect_timeout.unwrap_or(backoff.reconnect_timeout);
        Ok(Some(StormPlan {
            server_command,
            outage: self.outage.unwrap_or(Duration::from_secs(10)),
            strikes: self.strikes.unwrap_or(2),
            backoff,
            tolerance: self.reconnect_tolerance.unwrap_or(Duration::from_secs(1)),
            sabotage: self.sabotage,
        }))
    }

    fn is_given(&self) -> bool {
        let times = [
            self.outage,
            self.reconnect_timeout,
            self.reconnect_tolerance,
        ];
        self.server_command.is_some()
            || self.strikes.is_some()
            || self.sabotage.is_some()
            || times.iter().any(Option::is_some)
    }
}
