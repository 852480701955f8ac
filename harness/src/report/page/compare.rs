//! The page of a comparison: the same load on several servers.

use super::{Page, Section, Tile, Verdict, latency};
use crate::peers::results::EntrantResult;
use crate::peers::samples::{CaseResult, Comparison, LeftOut};
use crate::peers::standing::Distance;
use crate::report::chart::{Axis, Bar, Bars, Chart, Figure, Table, Unit};
use crate::report::{Report, Run};

impl Report for Comparison {
    fn is_ok(&self) -> bool {
        self.ok
    }

    fn page(&self, run: &Run) -> Page {
        Page {
            title: self.title.to_owned(),
            kind: "Comparison",
            verdict: self.verdict(),
            tiles: self.tiles(),
            sections: self.sections(),
            facts: with_versions(run, &self.versions),
        }
    }
}

impl Comparison {
    /// As of any comparison, after those who did wrong before it began.
    fn verdict(&self) -> Verdict {
        let results = self.cases.iter().flat_map(|case| &case.entrants);
        let mut verdict = verdict(self.ok, &results.collect::<Vec<_>>());
        let wrong = self.left_out.iter().filter(|entrant| entrant.is_wrong);
        let wrong: Vec<_> = wrong.map(left_out_sentence).collect();
        if !wrong.is_empty() {
            verdict.headline = format!("{} did wrong and were not measured.", wrong.len());
            verdict.examples.splice(..0, wrong);
        }
        verdict
    }

    /// Who was left out, the budgets, and then each load.
    fn sections(&self) -> Vec<Section> {
        let budgets = self.budgets().map(|sentence| Section {
            title: "AllSpark, its best peer and the floor".to_owned(),
            sentences: vec![
                sentence,
                "The floor is a bare loop that receives and sends, without a protocol. A sign \
                 before a ratio says that the load generator was the limit, so that it is a bound."
                    .to_owned(),
            ],
            figures: Vec::new(),
            table: Some(standings(&self.cases)),
        });
        let cases = self.cases.iter().map(section);
        let left_out = not_measured(&self.left_out);
        left_out.into_iter().chain(budgets).chain(cases).collect()
    }

    fn tiles(&self) -> Vec<Tile> {
        let rounds = self.cases.iter().flat_map(|case| &case.entrants);
        let rounds = rounds.map(|result| result.samples.len()).max().unwrap_or(0);
        let tile = |label, count: usize, note: &str| Tile {
            label,
            value: count.to_string(),
            note: note.to_owned(),
        };
        vec![
            tile("Servers", self.versions.len(), "one core each"),
            tile("Loads", self.cases.len(), "the same for every server"),
            tile("Rounds", rounds, "interleaved; the median counts"),
        ]
    }
}

/// Who was not measured, and why, if there is anybody.
fn not_measured(left_out: &[LeftOut]) -> Option<Section> {
    (!left_out.is_empty()).then(|| Section {
        title: "Not measured".to_owned(),
        sentences: left_out.iter().map(left_out_sentence).collect(),
        ..Section::default()
    })
}

fn left_out_sentence(entrant: &LeftOut) -> String {
    format!("{} {}", entrant.name, entrant.why)
}

/// Right if nobody did anything wrong; else who did.
pub(super) fn verdict(ok: bool, results: &[&EntrantResult]) -> Verdict {
    let faults: u64 = results.iter().map(|result| result.faults).sum();
    let silent = results.iter().filter(|result| result.per_second_min <= 0.0);
    let headline = match (ok, faults) {
        (true, _) => "Nothing wrong: every server answered every message as it should.".to_owned(),
        (false, 0) => format!("{} servers delivered nothing in a round.", silent.count()),
        (false, _) => format!("{faults} faults; numbers of servers with faults do not count."),
    };
    let example = |result: &&EntrantResult| {
        let name = result.name;
        let first = result
            .samples
            .iter()
            .flat_map(|sample| &sample.examples)
            .next();
        first.map(|example| format!("{name}: {example}"))
    };
    Verdict {
        ok,
        headline,
        examples: results.iter().filter_map(example).take(10).collect(),
    }
}

/// One load: who reached how much, and how long messages took.
pub(super) fn section(case: &CaseResult) -> Section {
    let caption = "Of the round in the middle of each server.";
    Section {
        title: case.case.clone(),
        sentences: remarks(case),
        figures: vec![
            rates(case),
            latency::figure(caption.to_owned(), curves(&case.entrants)),
        ],
        table: Some(table(case)),
    }
}

/// What was run, with what each server calls itself.
pub(super) fn with_versions(
    run: &Run,
    versions: &[(&'static str, String)],
) -> Vec<(String, String)> {
    let versions = versions.iter();
    let versions = versions.map(|(name, version)| ((*name).to_owned(), version.clone()));
    run.facts().into_iter().chain(versions).collect()
}

fn rates(case: &CaseResult) -> Figure {
    let measure = case.measure;
    let bar = |result: &EntrantResult| Bar {
        name: result.name.to_owned(),
        value: result.per_second_median,
        spread: Some((result.per_second_min, result.per_second_max)),
        note: match result.ratio_to_allspark {
            _ if result.faults > 0 => "did wrong".to_owned(),
            Some(ratio) if result.name != measure => format!("{ratio:.2} ×"),
            _ => String::new(),
        },
        is_own: result.name == measure,
    };
    Figure {
        title: "Messages received per second".to_owned(),
        caption: format!(
            "The median of all rounds; the thin line goes from the least to the most. On the \
             right, beside {measure}."
        ),
        chart: Chart::Bars(Bars {
            axis: Axis::new("messages per second", Unit::PerSecond),
            bars: case.entrants.iter().map(bar).collect(),
        }),
    }
}

fn curves(entrants: &[EntrantResult]) -> Vec<(String, Vec<(f64, f64)>)> {
    let middle = |result: &EntrantResult| {
        let distance = |rate: f64| (rate - result.per_second_median).abs();
        let samples = result.samples.iter();
        let nearest =
            samples.min_by(|a, b| distance(a.per_second).total_cmp(&distance(b.per_second)));
        let curve = nearest.map(|sample| sample.latency_curve.clone());
        (result.name.to_owned(), curve.unwrap_or_default())
    };
    entrants.iter().map(middle).collect()
}

fn table(case: &CaseResult) -> Table {
    let own = format!("{} = 1", case.measure);
    let head = ["", "per second", "p50", "p99", "server", "client", &own];
    let row = |result: &EntrantResult| {
        let ratio = result.ratio_to_allspark;
        vec![
            result.name.to_owned(),
            format!("{:.0}", result.per_second_median),
            Unit::Microseconds.show(result.latency_p50_us_median),
            Unit::Microseconds.show(result.latency_p99_us_median),
            format!("{:.0} %", result.server_cpu_percent_median),
            format!("{:.0} %", result.client_cpu_percent_median),
            ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
        ]
    };
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: case.entrants.iter().map(row).collect(),
    }
}

/// Where AllSpark stands in each case.
fn standings(cases: &[CaseResult]) -> Table {
    let head = [
        "",
        "best peer",
        "ratio",
        "budget",
        "floor",
        "ratio",
        "budget",
    ];
    let cells = |distance: &Option<Distance>| match distance {
        None => [(); 3].map(|()| "–".to_owned()),
        Some(distance) => [
            distance.with.to_owned(),
            distance.shown(),
            match distance.budget.zip(distance.outcome) {
                Some((budget, outcome)) => format!("{budget:.1}: {}", outcome.name()),
                None => "–".to_owned(),
            },
        ],
    };
    let row = |case: &CaseResult| {
        let standing = case.standing.as_ref()?;
        let [best_peer, floor] = [&standing.best_peer, &standing.floor].map(cells);
        let cells = best_peer.into_iter().chain(floor);
        Some(std::iter::once(case.case.clone()).chain(cells).collect())
    };
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: cases.iter().filter_map(row).collect(),
    }
}

/// What has to be said about the numbers, and what servers did wrong.
fn remarks(case: &CaseResult) -> Vec<String> {
    let faults = case.entrants.iter().filter(|result| result.faults > 0);
    let faults = faults.map(|result| {
        let mut examples = result.samples.iter().flat_map(|sample| &sample.examples);
        let example = examples.next().map_or("", String::as_str);
        let (name, count) = (result.name, result.faults);
        format!("{name} did {count} things wrong: {example}")
    });
    case.remarks().into_iter().chain(faults).collect()
}
