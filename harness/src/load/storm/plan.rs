//! What a storm is.

use std::time::Duration;

use allspark_protocol::primus::BackoffOptions;
use clap::ValueEnum;

/// What a storm is to do.
#[derive(Clone, Debug)]
pub(crate) struct StormPlan {
    /// The command of the server: words with spaces between them.
    pub(crate) server_command: String,
    /// How long there is no server.
    pub(crate) outage: Duration,
    /// How often the server is killed.
    pub(crate) strikes: u32,
    /// How clients come back.
    pub(crate) backoff: BackoffOptions,
    /// How late an attempt may begin, or be given up.
    pub(crate) tolerance: Duration,
    /// Clients that are broken on purpose.
    pub(crate) sabotage: Option<StormSabotage>,
}

/// Clients that are broken on purpose, to see whether it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StormSabotage {
    /// They wait a little less than the algorithm says.
    HurriesBack,
    /// They connect again after their intended end.
    ComesBackUnasked,
    /// They never give an attempt up.
    WaitsForEver,
    /// They do not notice that their connections are lost.
    StaysAway,
}

impl StormPlan {
    /// What the clients are told, which is what they are judged by unless they are broken.
    pub(super) fn backoff_of_clients(&self) -> BackoffOptions {
        let mut backoff = self.backoff;
        match self.sabotage {
            Some(StormSabotage::HurriesBack) => backoff.min = backoff.min * 9 / 10,
            Some(StormSabotage::WaitsForEver) => {
                backoff.reconnect_timeout = Duration::from_secs(3600);
            }
            Some(StormSabotage::ComesBackUnasked | StormSabotage::StaysAway) | None => {}
        }
        backoff
    }

    /// Says in one sentence what cannot be done.
    pub(crate) fn check(&self, duration: Duration) -> Result<(), String> {
        if self.strikes == 0 {
            return Err("a storm strikes at least once".to_owned());
        }
        if self.outage.saturating_mul(self.strikes) >= duration {
            return Err("the outages of a storm must be shorter than its duration".to_owned());
        }
        if self.backoff.reconnect_timeout.is_zero() {
            return Err("an attempt to reconnect needs some time".to_owned());
        }
        Ok(())
    }
}
