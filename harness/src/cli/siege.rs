//! The options of a load beside which others attack.

use clap::Args;

use crate::load::siege::plan::{Attackers, P99_FACTOR, SiegePlan};
use crate::load::siege::watch::memory_max_of;
use crate::workload::Scenario;

/// Messages per second of each sender, if clients are to be measured beside attackers: as fast as
/// they can, they would measure how busy the server is.
const RATE_EACH: u32 = 10;

#[derive(Debug, Args)]
pub(super) struct SiegeArguments {
    /// Who attacks the server meanwhile: slow-heads, slow-bodies, slow-frames, slow-handshakes,
    /// half-handshakes, deaf-echoes, deaf-broadcasts, deaf-streams, deaf-polls, sessions,
    /// messages, flood, flood-many or all, each with =N for so many (by default 5000, of sessions
    /// 20000, of messages 2000), with commas between them. The clients are measured for --duration
    /// before, under and after it.
    #[arg(long)]
    attack: Option<Attackers>,
    /// Beside attackers, what the server may hold for its peers, in bytes. By default what the
    /// command line of --server-pid says.
    #[arg(long)]
    memory_max: Option<u64>,
    /// Beside attackers, by how much the clients' p99 may grow; 0 for any. By default 2.
    #[arg(long)]
    p99_factor: Option<f64>,
}

impl SiegeArguments {
    /// Who attacks; nothing if nobody does.
    pub(super) fn plan(&self, server_pid: Option<u32>) -> Result<Option<SiegePlan>, String> {
        let Some(attackers) = self.attack.clone() else {
            return match self.memory_max.is_some() || self.p99_factor.is_some() {
                true => Err("--memory-max and --p99-factor belong to --attack".to_owned()),
                false => Ok(None),
            };
        };
        Ok(Some(SiegePlan {
            attackers,
            memory_max: self.memory_max.or_else(|| memory_max_of(server_pid?)),
            p99_factor: self.p99_factor.unwrap_or(P99_FACTOR),
        }))
    }

    /// The rate of a load that is attacked, if none is given: of messages, or of new connections.
    pub(super) fn rate(&self, scenario: Scenario, clients: u32, publishers: u32) -> Option<u32> {
        self.attack.as_ref()?;
        match scenario {
            Scenario::Broadcast => Some(publishers.saturating_mul(RATE_EACH)),
            Scenario::Churn => Some(clients),
            _ => Some(clients.saturating_mul(RATE_EACH)),
        }
    }
}
