//! Where AllSpark stands in a case: how far from the best peer and from the floor, and whether
//! that is within the budgets of docs/PERFORMANCE.md.
//!
//! A ratio is only as good as both of its numbers. Where the load generator was the limit, a server
//! can do more than was measured, so the ratio is a bound, and a budget that it does not decide is
//! neither met nor missed. Where other programs kept the cores, no budget is.

use serde::Serialize;

use super::cases::Case;
use super::results::EntrantResult;
use super::roster::Role;
use crate::workload::Scenario;

/// What AllSpark is to reach, as multiples of what others reach.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Budgets {
    best_peer: Option<f64>,
    floor: Option<f64>,
}

/// How AllSpark compares with the others in one case.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Standing {
    /// With the peer that reached most; nothing if there was none, or AllSpark did wrong.
    pub(crate) best_peer: Option<Distance>,
    /// With the bare loop that reached most.
    pub(crate) floor: Option<Distance>,
    /// Budgets that nothing was found to compare with.
    pub(crate) not_measured: u32,
}

/// How AllSpark compares with one of the others.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Distance {
    /// With whom.
    pub(crate) with: &'static str,
    /// AllSpark's median divided by theirs.
    pub(crate) ratio: f64,
    /// What the ratio is to be at least.
    pub(crate) budget: Option<f64>,
    /// With AllSpark the load generator was the limit: the ratio may be higher.
    pub(crate) is_at_least: bool,
    /// With the other the load generator was the limit: the ratio may be lower.
    pub(crate) is_at_most: bool,
    /// With one of them neither the server nor the load generator was busy: the ratio says little.
    pub(crate) is_disturbed: bool,
    /// Whether the budget is met; nothing if there is none.
    pub(crate) outcome: Option<Outcome>,
}

/// What became of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Met,
    Missed,
    /// The load generator or other programs were the limit: it may be met or missed.
    NotShown,
}

impl Standing {
    /// Compares AllSpark with the best of its peers and with the better bare loop. Who did
    /// something wrong, or nothing, is not compared with.
    pub(super) fn new(case: &Case, results: &[EntrantResult]) -> Self {
        let best = |role: Role| {
            let results = results.iter().filter(|result| result.role == role);
            results
                .filter(|result| result.faults == 0 && result.per_second_median > 0.0)
                .max_by(|a, b| a.per_second_median.total_cmp(&b.per_second_median))
        };
        let budgets = Budgets::of(case);
        let distance = |role, budget| Some(Distance::new(best(Role::Own)?, best(role)?, budget));
        let best_peer = distance(Role::Peer, budgets.best_peer);
        let floor = distance(Role::Floor, budgets.floor);
        let is_missing = |budget: Option<f64>, distance: &Option<Distance>| {
            u32::from(budget.is_some() && distance.is_none())
        };
        Self {
            not_measured: is_missing(budgets.best_peer, &best_peer)
                + is_missing(budgets.floor, &floor),
            best_peer,
            floor,
        }
    }

    /// All distances, with what the other is called in a sentence.
    fn distances(&self) -> impl Iterator<Item = (&'static str, &Distance)> {
        let best_peer = self.best_peer.iter().map(|it| ("the best peer", it));
        best_peer.chain(self.floor.iter().map(|it| ("the floor", it)))
    }

    /// What became of each budget that something was found to compare with.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.distances().filter_map(|(_, it)| it.outcome)
    }

    /// All of it in plain sentences.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let distances = self.distances();
        distances.map(|(what, it)| it.sentence(what)).collect()
    }
}

impl Budgets {
    /// Where 50 and 200 publish at once, coalescing is to bring what no peer had when these
    /// budgets were set; the floor coalesces just as well. Of large messages the kernel's copies
    /// are the most part, for everybody; the floor receives them in small pieces.
    fn of(case: &Case) -> Self {
        let is_large = case.message_bytes.is_some();
        let best_peer = match (case.scenario, case.publishers) {
            (Scenario::Echo, _) => Some(1.0),
            (Scenario::Broadcast, 1) if is_large => Some(1.0),
            (Scenario::Broadcast, 1) => Some(1.2),
            (Scenario::Broadcast, 50) => Some(2.0),
            (Scenario::Broadcast, 200) => Some(4.0),
            _ => None,
        };
        let floor = (case.scenario == Scenario::Broadcast && !is_large).then_some(0.9);
        Self { best_peer, floor }
    }
}

impl Distance {
    fn new(own: &EntrantResult, other: &EntrantResult, budget: Option<f64>) -> Self {
        let ratio = own.per_second_median / other.per_second_median;
        let (is_at_least, is_at_most) = (own.client_is_the_limit, other.client_is_the_limit);
        let is_disturbed = own.machine_is_the_limit || other.machine_is_the_limit;
        let outcome = |budget| match ratio >= budget {
            _ if is_disturbed => Outcome::NotShown,
            true if is_at_most => Outcome::NotShown,
            true => Outcome::Met,
            false if is_at_least => Outcome::NotShown,
            false => Outcome::Missed,
        };
        Self {
            with: other.name,
            ratio,
            budget,
            is_at_least,
            is_at_most,
            is_disturbed,
            outcome: budget.map(outcome),
        }
    }

    /// The ratio with a sign of what it bounds.
    pub(crate) fn shown(&self) -> String {
        let sign = match (self.is_at_least, self.is_at_most) {
            (true, false) => ">= ",
            (false, true) => "<= ",
            (true, true) => "~ ",
            (false, false) => "",
        };
        format!("{sign}{:.2}", self.ratio)
    }

    fn sentence(&self, what: &str) -> String {
        let with = self.with;
        let amount = match (self.is_at_least, self.is_at_most) {
            (true, false) => "at least ",
            (false, true) => "at most ",
            (true, true) => "about ",
            (false, false) => "",
        };
        let reached = format!(
            "AllSpark reaches {amount}{:.2} times {what}, {with}",
            self.ratio
        );
        let Some((budget, outcome)) = self.budget.zip(self.outcome) else {
            return format!("{reached}.");
        };
        match outcome {
            Outcome::Met => format!("{reached}: the budget of {budget:.1} is met."),
            Outcome::Missed => format!("{reached}: the budget of {budget:.1} is missed."),
            Outcome::NotShown => format!(
                "{reached}: whether the budget of {budget:.1} is met is not shown, because {}.",
                self.obstacle()
            ),
        }
    }

    /// Why the ratio decides nothing.
    fn obstacle(&self) -> String {
        if self.is_disturbed {
            return "other programs kept the cores".to_owned();
        }
        let with = match (self.is_at_least, self.is_at_most) {
            (true, true) => format!("both AllSpark and {}", self.with),
            (_, true) => self.with.to_owned(),
            _ => "AllSpark".to_owned(),
        };
        format!("the load generator was the limit with {with}")
    }
}

impl Outcome {
    /// The word in a table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NotShown => "not shown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::Sample;
    use super::super::roster::Entrant;
    use super::*;

    fn result(entrant: Entrant, per_second: f64, client_is_the_limit: bool) -> EntrantResult {
        let sample = Sample {
            client_is_the_limit,
            ..Sample::at_rate(per_second)
        };
        EntrantResult::new(entrant, vec![sample])
    }

    fn standing(case: Case, results: &[(Entrant, f64, bool)]) -> Standing {
        let results = results
            .iter()
            .map(|&(entrant, per_second, limited)| result(entrant, per_second, limited));
        Standing::new(&case, &results.collect::<Vec<_>>())
    }

    #[test]
    fn the_best_peer_and_the_better_floor_count() {
        let standing = standing(
            Case::broadcast(200, 50),
            &[
                (Entrant::Allspark, 300.0, false),
                (Entrant::Primus, 10.0, false),
                (Entrant::Bun, 100.0, false),
                (Entrant::FloorUring, 350.0, false),
                (Entrant::FloorEpoll, 320.0, false),
            ],
        );
        assert_eq!(
            standing.sentences(),
            [
                "AllSpark reaches 3.00 times the best peer, Bun: the budget of 2.0 is met.",
                "AllSpark reaches 0.86 times the floor, floor-uring: the budget of 0.9 is missed.",
            ]
        );
    }

    #[test]
    fn a_load_generator_at_its_limit_decides_only_what_it_can() {
        let outcome = |own_limited, other_limited, ratio: f64| {
            let own = (Entrant::Allspark, 100.0 * ratio, own_limited);
            let other = (Entrant::Bun, 100.0, other_limited);
            let standing = standing(Case::echo(100, 1), &[own, other]);
            standing.best_peer.unwrap().outcome.unwrap()
        };
        for (own_limited, other_limited, above, below) in [
            (false, false, Outcome::Met, Outcome::Missed),
            (true, false, Outcome::Met, Outcome::NotShown),
            (false, true, Outcome::NotShown, Outcome::Missed),
            (true, true, Outcome::NotShown, Outcome::NotShown),
        ] {
            assert_eq!(outcome(own_limited, other_limited, 1.5), above);
            assert_eq!(outcome(own_limited, other_limited, 0.5), below);
        }
    }

    #[test]
    fn who_did_wrong_or_nothing_is_not_compared_with() {
        let mut wrong = result(Entrant::Bun, 500.0, false);
        wrong.faults = 1;
        let own = result(Entrant::Allspark, 100.0, false);
        let silent = result(Entrant::Primus, 0.0, false);
        let case = Case::broadcast(200, 1);
        let standing = Standing::new(&case, &[wrong, own, silent]);
        assert!(standing.best_peer.is_none() && standing.floor.is_none());
        assert_eq!(standing.not_measured, 2);
        assert_eq!(standing.outcomes().count(), 0);
    }

    #[test]
    fn large_messages_are_to_be_as_fast_as_the_best_peer_makes_them() {
        let large = |scenario| {
            let mut cases = Case::ALL.into_iter();
            cases.find(|case| case.scenario == scenario && case.message_bytes == Some(4096))
        };
        for scenario in [Scenario::Echo, Scenario::Broadcast] {
            let standing = standing(
                large(scenario).unwrap(),
                &[
                    (Entrant::Allspark, 100.0, false),
                    (Entrant::Bun, 100.0, false),
                    (Entrant::FloorUring, 200.0, false),
                ],
            );
            assert_eq!(
                standing.sentences(),
                [
                    "AllSpark reaches 1.00 times the best peer, Bun: the budget of 1.0 is met.",
                    "AllSpark reaches 0.50 times the floor, floor-uring.",
                ]
            );
        }
    }

    #[test]
    fn nothing_is_decided_on_a_machine_that_does_something_else() {
        let own = result(Entrant::Allspark, 100.0, false);
        let mut kept = result(Entrant::Bun, 50.0, false);
        kept.machine_is_the_limit = true;
        let standing = Standing::new(&Case::echo(100, 1), &[own, kept]);
        assert_eq!(
            standing.sentences(),
            [
                "AllSpark reaches 2.00 times the best peer, Bun: whether the budget of 1.0 is met \
                 is not shown, because other programs kept the cores."
            ]
        );
    }

    #[test]
    fn a_sentence_says_who_was_at_the_limit() {
        let standing = standing(
            Case::broadcast(1000, 200),
            &[
                (Entrant::Allspark, 100.0, true),
                (Entrant::Tungstenite, 50.0, false),
                (Entrant::FloorEpoll, 100.0, true),
            ],
        );
        assert_eq!(
            standing.sentences(),
            [
                "AllSpark reaches at least 2.00 times the best peer, tungstenite: whether the \
                 budget of 4.0 is met is not shown, because the load generator was the limit with \
                 AllSpark.",
                "AllSpark reaches about 1.00 times the floor, floor-epoll: whether the budget of \
                 0.9 is met is not shown, because the load generator was the limit with both \
                 AllSpark and floor-epoll.",
            ]
        );
    }
}
