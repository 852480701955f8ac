//! Questions that want an acknowledgement.

use std::time::Duration;

use crate::auditor::AckRule;

/// What a load of questions is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AcksPlan {
    /// Whether the server asks each question back, and answers with what the client says to that.
    pub(crate) asks_back: bool,
    /// How long the server waits for an answer, and clients for theirs.
    pub(crate) timeout: Duration,
    /// How far the moment may be off in which the server gives up.
    pub(crate) tolerance: Duration,
    /// One of so many questions of the server is never answered; none if it is 0.
    pub(crate) unanswered_one_in: u32,
    /// One of so many is answered twice; none if it is 0.
    pub(crate) twice_one_in: u32,
}

impl AcksPlan {
    /// Says in one sentence what cannot be done.
    pub(crate) fn check(&self, drain_max: Duration) -> Result<(), String> {
        if !self.asks_back && (self.unanswered_one_in > 0 || self.twice_one_in > 0) {
            return Err(
                "--unanswered and --twice are about what the server asks: --ask".to_owned(),
            );
        }
        if self.timeout.is_zero() {
            return Err("the time for an acknowledgement must be longer than nothing".to_owned());
        }
        match self.timeout + self.tolerance <= drain_max {
            true => Ok(()),
            false => Err(
                "--drain must be as long as the last question may be open: --ack-timeout and \
                 --ack-tolerance"
                    .to_owned(),
            ),
        }
    }

    pub(crate) fn rule(&self) -> AckRule {
        AckRule {
            timeout: self.timeout,
            tolerance: self.tolerance,
        }
    }

    /// How often a client answers the server.
    pub(super) fn answers_to(&self, id: u64) -> usize {
        let is_one = |one_in: u32| one_in > 0 && id.is_multiple_of(u64::from(one_in));
        match (is_one(self.unanswered_one_in), is_one(self.twice_one_in)) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_questions_are_not_answered_and_some_twice() {
        let mut plan = AcksPlan {
            asks_back: true,
            timeout: Duration::from_secs(2),
            tolerance: Duration::from_secs(1),
            unanswered_one_in: 6,
            twice_one_in: 2,
        };
        let answers: Vec<usize> = (1..7).map(|id| plan.answers_to(id)).collect();
        assert_eq!(answers, [1, 2, 1, 2, 1, 0]);
        assert_eq!(plan.check(Duration::from_secs(3)), Ok(()));
        assert!(plan.check(Duration::from_secs(2)).is_err());
        plan.asks_back = false;
        assert!(plan.check(Duration::from_secs(3)).is_err());
        (plan.unanswered_one_in, plan.twice_one_in) = (0, 0);
        assert_eq!((plan.answers_to(6), plan.answers_to(2)), (1, 1));
    }
}
