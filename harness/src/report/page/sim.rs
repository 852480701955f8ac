//! The page of one simulation.

use super::load::{findings_verdict, heartbeats};
use super::seconds::over_time;
use super::{Page, Section, Tile, Verdict};
use crate::auditor::DelayReport;
use crate::report::chart::{Axis, Bin, Chart, Figure, Histogram, Line, Table, Unit};
use crate::report::{Report, Run, SimReport};
use crate::sim::{Messages, Second};

/// Attempts of which the delays are drawn; the others are in the table.
const HISTOGRAMS_MAX: usize = 4;

/// Ranges of a histogram: with more, chance is all that is seen.
const BINS_MAX: usize = 32;

impl Report for SimReport {
    fn is_ok(&self) -> bool {
        self.ok
    }

    fn page(&self, run: &Run) -> Page {
        let sections = [
            Some(self.history()),
            self.heartbeats.as_ref().map(heartbeats),
            delays("Back-off", "of the simulated clients", &self.delays),
            delays(
                "Back-off without a network",
                "of clients that never got a connection",
                &self.delays_alone,
            ),
        ];
        Page {
            title: format!("Simulation: {}", self.scenario),
            kind: "Simulation report",
            verdict: self.verdict(),
            tiles: self.tiles(),
            sections: sections.into_iter().flatten().collect(),
            facts: self.facts(run),
        }
    }
}

impl SimReport {
    fn verdict(&self) -> Verdict {
        if self.ok {
            return Verdict {
                ok: true,
                headline: "Nothing wrong: whatever happened, everybody got what was due."
                    .to_owned(),
                examples: Vec::new(),
            };
        }
        findings_verdict(&self.findings)
    }

    fn tiles(&self) -> Vec<Tile> {
        let mut tiles = vec![
            Tile {
                label: "Clients",
                value: self.clients.to_string(),
                note: format!("servers: {}, shards of each: {}", self.nodes, self.shards),
            },
            Tile {
                label: "Virtual time",
                value: Unit::Seconds.show(self.virtual_seconds),
                note: format!("simulated in {:.1} s", self.seconds),
            },
        ];
        if let Some(sparks) = &self.sparks {
            tiles.push(Tile {
                label: "Sparks",
                value: sparks.opened.to_string(),
                note: format!(
                    "{} ended, {} lost with their server, {} fell silent",
                    sparks.ended, sparks.orphaned, sparks.silenced
                ),
            });
        }
        tiles.extend(self.bytes_per_client.map(|bytes| Tile {
            label: "Memory",
            value: Unit::Bytes.show(bytes as f64),
            note: "per client, client and server together".to_owned(),
        }));
        tiles
    }

    /// Who was connected, and who tried, second by second.
    fn history(&self) -> Section {
        let Messages {
            received,
            written,
            broadcast,
        } = self.messages;
        let line = |name: &str, of: fn(&Second) -> u32| Line {
            name: name.to_owned(),
            points: (0_u32..)
                .zip(&self.series)
                .map(|(second, at)| (f64::from(second + 1), f64::from(of(at))))
                .collect(),
        };
        Section {
            title: "What happened".to_owned(),
            sentences: vec![format!(
                "{received} messages were received, {written} written and {broadcast} broadcast, \
                 heartbeats included."
            )],
            figures: vec![
                over_time(
                    "Connected clients",
                    "Clients with a connection, at the end of each second of virtual time.",
                    Axis::new("clients", Unit::Count),
                    vec![line("connected", |second| second.live)],
                ),
                over_time(
                    "Attempts to connect",
                    "How many clients tried, how many got a connection and how many lost one, in \
                     each second of virtual time.",
                    Axis::new("per second", Unit::Count),
                    vec![
                        line("attempts", |second| second.attempts),
                        line("opened", |second| second.opened),
                        line("lost or left", |second| second.lost),
                    ],
                ),
            ],
            table: None,
        }
    }

    fn facts(&self, run: &Run) -> Vec<(String, String)> {
        let facts = [
            ("Seed", self.seed.to_string()),
            ("Trace", self.trace.clone()),
            (
                "Messages",
                format!("{}, of {} bytes", self.talk, self.message_bytes),
            ),
            ("Faults", format!("{:?}", self.weights)),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value));
        run.facts().into_iter().chain(facts).collect()
    }
}

/// How long clients waited before each attempt, beside what the algorithm says.
fn delays(title: &str, whose: &str, reports: &[DelayReport]) -> Option<Section> {
    if reports.is_empty() {
        return None;
    }
    Some(Section {
        title: title.to_owned(),
        sentences: vec![format!(
            "The delays {whose} before each attempt to reconnect, beside the distribution that \
             the algorithm makes: every millisecond from its shortest delay to twice that is \
             equally likely."
        )],
        figures: reports.iter().take(HISTOGRAMS_MAX).map(histogram).collect(),
        table: Some(delays_table(reports)),
    })
}

fn histogram(report: &DelayReport) -> Figure {
    // All delays from the shortest one to twice that are equally likely: the mean is between.
    let shortest_us = 1000.0 * report.ms_mean_expected / 1.5;
    let parts = report.bins.len();
    let edge = |index: usize| shortest_us * (1.0 + index as f64 / parts.max(1) as f64);
    let stride = parts.div_ceil(BINS_MAX).max(1);
    let bins = (0..parts).step_by(stride).map(|from| {
        let to = parts.min(from + stride);
        Bin {
            from: edge(from),
            to: edge(to),
            count: report.bins[from..to].iter().sum::<u64>() as f64,
            expected: Some(report.bins_expected[from..to].iter().sum()),
        }
    });
    Figure {
        title: format!("Attempt {}", report.attempt),
        caption: format!(
            "{} delays of {} to {} ms, {:.1} ms on average; the algorithm makes {:.1} ms.",
            report.count, report.ms_min, report.ms_max, report.ms_mean, report.ms_mean_expected,
        ),
        chart: Chart::Histogram(Histogram {
            x: Axis::new("delay", Unit::Microseconds),
            label: "attempts",
            bins: bins.collect(),
        }),
    }
}

fn delays_table(reports: &[DelayReport]) -> Table {
    let head = [
        "attempt",
        "delays",
        "least, ms",
        "most, ms",
        "mean",
        "algorithm",
        "KS",
        "limit",
        "χ²",
        "limit",
    ];
    let row = |report: &DelayReport| {
        let tests = report.tests.map(|tests| {
            [
                format!("{:.5}", tests.kolmogorov_smirnov),
                format!("{:.5}", tests.kolmogorov_smirnov_limit),
                format!("{:.1}", tests.chi_square),
                format!("{:.1}", tests.chi_square_limit),
            ]
        });
        let values = [
            report.attempt.to_string(),
            report.count.to_string(),
            report.ms_min.to_string(),
            report.ms_max.to_string(),
            format!("{:.1}", report.ms_mean),
            format!("{:.1}", report.ms_mean_expected),
        ];
        let tests = tests.unwrap_or_else(|| ["–"; 4].map(str::to_owned));
        values.into_iter().chain(tests).collect()
    };
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: reports.iter().map(row).collect(),
    }
}
