//! What came out of a comparison, case by case.

use std::io;

use serde::Serialize;

use super::cases::Case;
use super::results::{EntrantResult, Sample};
use super::roster::{Entrant, Role};
use super::standing::{Outcome, Standing};

/// What one case has shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CaseResult {
    pub(crate) case: String,
    /// The name of the entrant that the others are compared with: the first that is our own.
    pub(crate) measure: &'static str,
    pub(crate) entrants: Vec<EntrantResult>,
    /// How AllSpark compares with the best of them, where that was asked.
    pub(crate) standing: Option<Standing>,
}

impl CaseResult {
    pub(super) fn new(case: &Case, entrants: &[Entrant], samples: Vec<Vec<Sample>>) -> Self {
        let mut results: Vec<EntrantResult> = entrants
            .iter()
            .zip(samples)
            .map(|(&entrant, samples)| EntrantResult::new(entrant, samples))
            .collect();
        let own = results.iter().find(|result| result.role == Role::Own);
        let measure = own.map_or(Entrant::Allspark.name(), |own| own.name);
        let rate = own
            .map(|own| own.per_second_median)
            .filter(|&rate| rate > 0.0);
        for result in &mut results {
            result.ratio_to_allspark = rate.map(|rate| result.per_second_median / rate);
        }
        Self {
            case: case.to_string(),
            measure,
            entrants: results,
            standing: None,
        }
    }

    /// Compares AllSpark with the best of the others too, and with its budgets.
    pub(super) fn with_standing(mut self, case: &Case) -> Self {
        self.standing = Some(Standing::new(case, &self.entrants));
        self
    }

    /// What has to be said about the numbers: once, with the names of all whom it concerns.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let standing = self.standing.iter().flat_map(Standing::sentences);
        let client = self.names_of(|result| result.client_is_the_limit);
        let client = client.map(|names| {
            format!("With {names} the load generator, not the server, was the limit.")
        });
        let machine = self.names_of(|result| result.machine_is_the_limit);
        let machine = machine.map(|names| {
            format!(
                "With {names} neither side was busy: other programs kept the cores, and the \
                 numbers say little."
            )
        });
        let silent = self.names_of(|result| result.per_second_min <= 0.0);
        let silent =
            silent.map(|names| format!("{names} did not finish: nothing came back in a round."));
        standing
            .chain(client)
            .chain(machine)
            .chain(silent)
            .collect()
    }

    /// The names of those whom something concerns, as in a sentence.
    fn names_of(&self, concerns: fn(&EntrantResult) -> bool) -> Option<String> {
        let results = self.entrants.iter().filter(|result| concerns(result));
        let names: Vec<_> = results.map(|result| result.name).collect();
        let (last, others) = names.split_last()?;
        Some(match others {
            [] => (*last).to_owned(),
            _ => format!("{} and {last}", others.join(", ")),
        })
    }
}

/// Where it was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) kernel: String,
    pub(crate) processor: String,
    pub(crate) processors: usize,
}

impl Machine {
    pub(crate) fn read() -> io::Result<Self> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
        let processor = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
            .map_or("unknown", |(_, name)| name.trim());
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
        Ok(Self {
            kernel: format!("Linux {}", kernel.trim()),
            processor: processor.to_owned(),
            processors: cpuinfo.matches("processor\t").count(),
        })
    }
}

/// Everything that a comparison has shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) ok: bool,
    /// What was compared, as a title.
    pub(crate) title: &'static str,
    pub(crate) machine: Machine,
    /// Each server's name and what it calls itself.
    pub(crate) versions: Vec<(&'static str, String)>,
    pub(crate) cases: Vec<CaseResult>,
    /// Who was not measured.
    pub(crate) left_out: Vec<LeftOut>,
}

/// An entrant that was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LeftOut {
    pub(crate) name: &'static str,
    /// A sentence without its subject: `did not finish: ..`.
    pub(crate) why: String,
    /// Whether it did wrong, rather than not being there or not being able to run here.
    pub(crate) is_wrong: bool,
}

impl Comparison {
    pub(super) fn new(
        machine: Machine,
        entrants: &[Entrant],
        versions: Vec<String>,
        cases: Vec<CaseResult>,
    ) -> Self {
        let names = entrants.iter().map(|entrant| entrant.name());
        let mut results = cases.iter().flat_map(|case| &case.entrants);
        Self {
            ok: results.all(|result| result.faults == 0 && result.per_second_min > 0.0),
            title: "Servers under the same load",
            machine,
            versions: names.zip(versions).collect(),
            cases,
            left_out: Vec::new(),
        }
    }

    /// The same under another title, beside those who were not measured.
    pub(super) fn with_left_out(self, title: &'static str, left_out: Vec<LeftOut>) -> Self {
        Self {
            ok: self.ok && !left_out.iter().any(|entrant| entrant.is_wrong),
            title,
            left_out,
            ..self
        }
    }

    /// What became of the budgets, in one sentence; nothing if none was judged.
    pub(crate) fn budgets(&self) -> Option<String> {
        let standings = self.cases.iter().filter_map(|case| case.standing.as_ref());
        let outcomes: Vec<_> = standings.clone().flat_map(Standing::outcomes).collect();
        let count = |wanted| outcomes.iter().filter(|&&it| it == wanted).count();
        let not_measured: u32 = standings.map(|standing| standing.not_measured).sum();
        (!outcomes.is_empty()).then(|| {
            format!(
                "Of {} budgets: {} met, {} missed, {} not shown (the load generator or other \
                 programs were the limit), {not_measured} not measured.",
                outcomes.len() + not_measured as usize,
                count(Outcome::Met),
                count(Outcome::Missed),
                count(Outcome::NotShown),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::reactor::Reactor;
    use super::*;
    use crate::report::{Report, Run};

    fn sample(per_second: f64, faults: u64) -> Sample {
        Sample {
            faults,
            ..Sample::at_rate(per_second)
        }
    }

    #[test]
    fn takes_the_middle_and_compares_with_allspark() {
        let entrants = [Entrant::Bun, Entrant::Allspark];
        let bun = vec![sample(10.0, 0), sample(50.0, 0), sample(20.0, 0)];
        let allspark = vec![sample(30.0, 0), sample(50.0, 0)];
        let result = CaseResult::new(&Case::ALL[0], &entrants, vec![bun, allspark]);
        let [bun, allspark] = &result.entrants[..] else {
            panic!("two took part");
        };
        assert_eq!(
            (bun.per_second_median, allspark.per_second_median),
            (20.0, 40.0)
        );
        assert_eq!((bun.per_second_min, bun.per_second_max), (10.0, 50.0));
        assert_eq!(bun.ratio_to_allspark, Some(0.5));
        assert_eq!(allspark.ratio_to_allspark, Some(1.0));
    }

    #[test]
    fn budgets_are_counted_and_remarks_name_all_whom_they_concern() {
        let entrants = [Entrant::Allspark, Entrant::Bun, Entrant::FloorEpoll];
        let samples = |own: f64| {
            let limited = Sample {
                client_is_the_limit: true,
                ..sample(10.0, 0)
            };
            vec![vec![sample(own, 0)], vec![sample(10.0, 0)], vec![limited]]
        };
        let case = Case::broadcast(200, 1);
        let cases = [13.0, 8.0].map(|own| {
            let result = CaseResult::new(&case, &entrants, samples(own));
            result.with_standing(&case)
        });
        let remarks = cases[0].remarks();
        let limit = "With floor-epoll the load generator, not the server, was the limit.";
        assert_eq!((remarks.len(), remarks[2].as_str()), (3, limit));
        let machine = Machine::read().unwrap();
        let versions = vec![String::new(); 3];
        let comparison = Comparison::new(machine, &entrants, versions, cases.to_vec());
        assert_eq!(
            comparison.budgets().unwrap(),
            "Of 4 budgets: 1 met, 2 missed, 1 not shown (the load generator or other programs \
             were the limit), 0 not measured."
        );
    }

    #[test]
    fn reactors_are_compared_with_the_first_that_is_our_own() {
        let all = [Reactor::Tokio, Reactor::Uring, Reactor::Epoll];
        let samples = vec![
            vec![sample(10.0, 0)],
            vec![sample(40.0, 0)],
            vec![sample(20.0, 0)],
        ];
        let result = CaseResult::new(&Case::REACTORS[0], &all.map(Entrant::Reactor), samples);
        let ratios: Vec<_> = result
            .entrants
            .iter()
            .map(|it| it.ratio_to_allspark)
            .collect();
        assert_eq!(ratios, [Some(0.25), Some(1.0), Some(0.5)]);
        assert_eq!(result.measure, "our io_uring");
        assert_eq!(result.remarks().len(), 0);
    }

    #[test]
    fn who_is_left_out_spoils_a_comparison_only_by_doing_wrong() {
        for (is_wrong, ok) in [(false, true), (true, false)] {
            let entrants = [Entrant::Reactor(Reactor::Uring)];
            let case = CaseResult::new(&Case::REACTORS[0], &entrants, vec![vec![sample(1.0, 0)]]);
            let versions = vec![String::new()];
            let machine = Machine::read().unwrap();
            let comparison = Comparison::new(machine, &entrants, versions, vec![case]);
            let left_out = LeftOut {
                name: "glommio",
                why: "can't run here".to_owned(),
                is_wrong,
            };
            let comparison = comparison.with_left_out("Reactors", vec![left_out]);
            assert_eq!(comparison.ok, ok);
            let text = comparison.to_string();
            assert!(
                text.contains("Not measured: glommio can't run here"),
                "{text}"
            );
            let html = comparison.page(&Run::of_this_process()).render();
            assert!(html.contains("<h1>Reactors</h1>"), "{html}");
            assert!(html.contains("glommio can&#39;t run here"), "{html}");
        }
    }

    #[test]
    fn one_fault_or_one_silence_spoils_a_comparison() {
        for (samples, ok) in [
            (vec![sample(1.0, 0)], true),
            (vec![sample(1.0, 0), sample(1.0, 1)], false),
            (vec![sample(0.0, 0)], false),
        ] {
            let machine = Machine::read().unwrap();
            let entrants = [Entrant::Bun];
            let case = CaseResult::new(&Case::ALL[0], &entrants, vec![samples]);
            assert_eq!(case.entrants[0].ratio_to_allspark, None);
            let comparison = Comparison::new(machine, &entrants, vec![String::new()], vec![case]);
            assert_eq!(comparison.ok, ok);
        }
    }
}
