//! The page of a comparison by transformers.

use super::compare::{section, verdict, with_versions};
use super::{Page, Section, Tile};
use crate::peers::transformers::{DialectResult, IdleResult, TransformersComparison};
use crate::report::chart::{Axis, Bar, Bars, Chart, Figure, Unit};
use crate::report::{Report, Run};

/// The name of our own server.
const OWN: &str = "AllSpark";

impl Report for TransformersComparison {
    fn is_ok(&self) -> bool {
        self.ok
    }

    fn page(&self, run: &Run) -> Page {
        let versions = self.dialects.first();
        let versions = versions.map_or(&[][..], |dialect| &dialect.versions);
        Page {
            title: "AllSpark and Primus on Node.js, by transformer".to_owned(),
            kind: "Comparison",
            verdict: self.verdict(),
            tiles: vec![
                tile("Transformers", self.dialects.len(), "with their carriers"),
                tile(
                    "Rounds",
                    self.rounds as usize,
                    "interleaved; the median counts",
                ),
                tile("Bytes", self.message_bytes, "of each message"),
            ],
            sections: self.dialects.iter().flat_map(sections).collect(),
            facts: with_versions(run, versions),
        }
    }
}

impl TransformersComparison {
    /// As of any comparison, with what was wrong while sessions were idle.
    fn verdict(&self) -> super::Verdict {
        let echoes = self.dialects.iter().flat_map(|dialect| &dialect.echo);
        let results: Vec<_> = echoes.flat_map(|case| &case.entrants).collect();
        let mut verdict = verdict(self.ok, &results);
        let idle = self.dialects.iter().flat_map(|dialect| &dialect.idle);
        let wrong = idle.filter(|result| result.faults > 0 || result.sessions == 0);
        let wrong: Vec<_> = wrong.collect();
        if !wrong.is_empty() {
            verdict.headline = format!(
                "{} servers did something wrong with idle sessions. {}",
                wrong.len(),
                verdict.headline
            );
        }
        let samples = wrong.iter().flat_map(|result| &result.samples);
        let examples = samples.flat_map(|sample| sample.examples.iter().cloned());
        verdict.examples.extend(examples.take(3));
        verdict
    }
}

fn tile(label: &'static str, count: usize, note: &str) -> Tile {
    Tile {
        label,
        value: count.to_string(),
        note: note.to_owned(),
    }
}

/// Memory first, then one section for each depth.
fn sections(dialect: &DialectResult) -> Vec<Section> {
    let name = format!("{} ({})", dialect.transformer, dialect.carrier);
    let alone = (dialect.idle.len() == 1)
        .then(|| "Primus on Node.js has no server of this transformer any more.".to_owned());
    let idle = Section {
        sentences: alone.into_iter().collect(),
        ..idle_section(&format!("{name}: idle sessions"), &dialect.idle)
    };
    let echoes = dialect.echo.iter().map(|case| Section {
        title: format!("{name}: {}", case.case),
        ..section(case)
    });
    [idle].into_iter().chain(echoes).collect()
}

/// What idle sessions cost servers and kernel.
pub(super) fn idle_section(title: &str, results: &[IdleResult]) -> Section {
    let figures = [
        (
            "Memory of the server per session",
            server_bar as fn(&_) -> _,
        ),
        ("Memory of the kernel per session", kernel_bar),
    ];
    Section {
        title: title.to_owned(),
        figures: figures
            .into_iter()
            .map(|(title, bar)| memory(title, results, bar))
            .collect(),
        ..Section::default()
    }
}

fn memory(title: &str, results: &[IdleResult], bar: fn(&IdleResult) -> Bar) -> Figure {
    Figure {
        title: title.to_owned(),
        caption: "What all idle sessions added, divided by them; the median of all rounds."
            .to_owned(),
        chart: Chart::Bars(Bars {
            axis: Axis::new("bytes per session", Unit::Bytes),
            bars: results.iter().map(bar).collect(),
        }),
    }
}

fn server_bar(result: &IdleResult) -> Bar {
    let spread = (result.bytes_per_session_min, result.bytes_per_session_max);
    Bar {
        spread: Some(spread),
        ..bar(result, result.bytes_per_session_median)
    }
}

fn kernel_bar(result: &IdleResult) -> Bar {
    bar(result, result.kernel_bytes_per_session_median)
}

fn bar(result: &IdleResult, value: f64) -> Bar {
    Bar {
        name: result.name.to_owned(),
        value,
        spread: None,
        note: format!("{} sessions", result.sessions),
        is_own: result.name == OWN,
    }
}
