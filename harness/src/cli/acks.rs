//! The options of a load of questions.

use std::time::Duration;

use clap::Args;

use super::times::parse_duration;
use crate::load::acks::plan::AcksPlan;
use crate::workload::Scenario;

#[derive(Debug, Args)]
pub(super) struct AcksArguments {
    /// In a load of questions, the server asks each of them back, and answers with what the client
    /// says to that: `[plugins.emitter]` with `app = "ask"`.
    #[arg(long)]
    ask: bool,
    /// With --ask, one of so many questions of the server is never answered. By default 0, for
    /// none.
    #[arg(long)]
    unanswered: Option<u32>,
    /// With --ask, one of so many questions of the server is answered twice. By default 0, for
    /// none.
    #[arg(long)]
    twice: Option<u32>,
    /// In a load of questions, how long the server waits for an answer, and clients for theirs. By
    /// default 2s.
    #[arg(long, value_parser = parse_duration)]
    ack_timeout: Option<Duration>,
    /// In a load of questions, how far the moment may be off in which the server gives up. By
    /// default 1s.
    #[arg(long, value_parser = parse_duration)]
    ack_tolerance: Option<Duration>,
}

impl AcksArguments {
    /// Which questions a load has; none if it is to be another one.
    pub(super) fn plan(&self, scenario: Scenario) -> Result<Option<AcksPlan>, String> {
        if scenario != Scenario::Acks {
            return match self.is_given() {
                true => Err(
                    "these options belong to a load of questions: --ask, --unanswered, --twice, \
                     --ack-timeout, --ack-tolerance"
                        .to_owned(),
                ),
                false => Ok(None),
            };
        }
        Ok(Some(AcksPlan {
            asks_back: self.ask,
            timeout: self.ack_timeout.unwrap_or(Duration::from_secs(2)),
            tolerance: self.ack_tolerance.unwrap_or(Duration::from_secs(1)),
            unanswered_one_in: self.unanswered.unwrap_or(0),
            twice_one_in: self.twice.unwrap_or(0),
        }))
    }

    fn is_given(&self) -> bool {
        let times = [self.ack_timeout, self.ack_tolerance];
        let counts = [self.unanswered, self.twice];
        self.ask || times.iter().any(Option::is_some) || counts.iter().any(Option::is_some)
    }
}
