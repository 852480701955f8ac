//! The page of one simulation.

use super::load::{capitalized, findings_verdict};
use super::{Page, Section, Tile, Verdict, heartbeats};
use crate::auditor::DelayReport;
use crate::report::chart::{Axis, Bin, Chart, Figure, Histogram, Line, Series, Table, Unit};
use crate::report::{Report, Run, SimReport};
use crate::sim::Second;

impl Report for SimReport {
    fn is_ok(&self) -> bool {
        self.ok
    }

    fn page(&self, run: &Run) -> Page {
        let sections = [
            Some(self.course()),
            delays_section("Delays before attempts to reconnect", &self.delays),
            delays_section("The same of clients without a network", &self.delays_alone),
            self.heartbeats.as_ref().map(heartbeats::section),
            self.faults_section(),
        ];
        Page {
            title: format!("{} of {} clients", capitalized(self.scenario), self.clients),
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
        if !self.ok {
            return findings_verdict(&self.findings);
        }
        Verdict {
            ok: true,
            headline: "Nothing wrong: everybody got what was due, left, and left nothing."
                .to_owned(),
            examples: Vec::new(),
        }
    }

    fn tiles(&self) -> Vec<Tile> {
        let tile = |label, value, note: &str| Tile {
            label,
            value,
            note: note.to_owned(),
        };
        let mut tiles = vec![
            tile(
                "Clients",
                Unit::Count.show(self.clients.into()),
                "on one thread",
            ),
            tile(
                "Virtual time",
                Unit::Seconds.show(self.virtual_seconds),
                &format!("in {} of real time", Unit::Seconds.show(self.seconds)),
            ),
        ];
        if let Some(sparks) = self.sparks {
            let opened = Unit::Count.show(sparks.opened as f64);
            let lost = format!("{} lost with their server", sparks.orphaned);
            tiles.push(tile("Sparks opened", opened, &lost));
        }
        if let Some(bytes) = self.bytes_per_client {
            let bytes = Unit::Bytes.show(bytes as f64);
            tiles.push(tile("Memory", bytes, "per client, both sides"));
        }
        tiles
    }

    fn course(&self) -> Section {
        let points = |value: fn(&Second) -> u32| {
            let seconds = self.series.iter().enumerate();
            seconds
                .map(|(second, one)| (second as f64, f64::from(value(one))))
                .collect()
        };
        let line = |name: &str, value| Line {
            name: name.to_owned(),
            points: points(value),
        };
        let x = || Axis::new("virtual time", Unit::Seconds);
        let live = Figure {
            title: "Clients with a connection".to_owned(),
            caption: "At the end of each second.".to_owned(),
            chart: Chart::Series(Series {
                x: x(),
                y: Axis::new("clients", Unit::Count),
                lines: vec![line("connected", |second| second.live)],
            }),
        };
        let events = Figure {
            title: "Connections that come and go".to_owned(),
            caption: "In each second: attempts to connect, those that succeeded, and connections \
                      that were lost or left."
                .to_owned(),
            chart: Chart::Series(Series {
                x: x(),
                y: Axis::new("per second", Unit::Count),
                lines: vec![
                    line("attempts", |second| second.attempts),
                    line("opened", |second| second.opened),
                    line("lost or left", |second| second.lost),
                ],
            }),
        };
        Section {
            title: "What happened".to_owned(),
            figures: vec![live, events],
            ..Section::default()
        }
    }

    fn faults_section(&self) -> Option<Section> {
        let rows: Vec<_> = self.faults.kinds().map(row).collect();
        (!rows.is_empty()).then(|| Section {
            title: "What went wrong on purpose".to_owned(),
            table: Some(Table {
                head: vec!["fault".to_owned(), "times".to_owned()],
                rows,
            }),
            ..Section::default()
        })
    }

    fn facts(&self, run: &Run) -> Vec<(String, String)> {
        let facts = [
            ("Seed", self.seed.to_string()),
            ("Trace", self.trace.clone()),
            (
                "Servers",
                format!("{} of {} shards", self.nodes, self.shards),
            ),
            (
                "Talk",
                format!("{}, messages of {} bytes", self.talk, self.message_bytes),
            ),
            (
                "Messages",
                format!(
                    "{} received by servers, {} written to single sparks, {} broadcasts",
                    self.messages.received, self.messages.written, self.messages.broadcast
                ),
            ),
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value));
        run.facts().into_iter().chain(facts).collect()
    }
}

fn row((count, name): (u32, &str)) -> Vec<String> {
    vec![name.to_owned(), count.to_string()]
}

/// Each attempt's delays beside what the algorithm says of them.
pub(super) fn delays_section(title: &str, delays: &[DelayReport]) -> Option<Section> {
    (!delays.is_empty()).then(|| Section {
        title: title.to_owned(),
        sentences: vec![
            "The first attempt comes exactly min after the loss. Attempt n waits between \
             min · factor^(n-1) and twice that, every millisecond as likely as any other. The \
             limits of the tests are those that a right client exceeds once in a million times."
                .to_owned(),
        ],
        figures: delays.iter().map(delay_figure).collect(),
        table: Some(delay_table(delays)),
    })
}

fn delay_figure(delay: &DelayReport) -> Figure {
    // Attempt n waits between g and 2 g, and its mean is 1.5 g.
    let least_s = delay.ms_mean_expected / 1500.0;
    let width_s = least_s / delay.bins.len() as f64;
    let bins = delay.bins.iter().zip(&delay.bins_expected).enumerate();
    let bin = |(number, (&count, &expected)): (usize, (&u64, &f64))| Bin {
        from: least_s + number as f64 * width_s,
        to: least_s + (number + 1) as f64 * width_s,
        count: count as f64,
        expected: Some(expected),
    };
    Figure {
        title: format!("Attempt {}", delay.attempt),
        caption: format!(
            "{} delays from {} to {} ms, beside what the algorithm expects.",
            delay.count, delay.ms_min, delay.ms_max
        ),
        chart: Chart::Histogram(Histogram {
            x: Axis::new("delay", Unit::Seconds),
            label: "delays",
            bins: bins.map(bin).collect(),
        }),
    }
}

fn delay_table(delays: &[DelayReport]) -> Table {
    let head = [
        "attempt",
        "delays",
        "mean in ms",
        "expected",
        "Kolmogorov-Smirnov",
        "limit",
        "chi-square",
        "limit",
    ];
    let row = |delay: &DelayReport| {
        let mut cells = vec![
            delay.attempt.to_string(),
            delay.count.to_string(),
            format!("{:.1}", delay.ms_mean),
            format!("{:.1}", delay.ms_mean_expected),
        ];
        match delay.tests {
            Some(tests) => cells.extend([
                format!("{:.5}", tests.kolmogorov_smirnov),
                format!("{:.5}", tests.kolmogorov_smirnov_limit),
                format!("{:.1}", tests.chi_square),
                format!("{:.1}", tests.chi_square_limit),
            ]),
            None => cells.extend(vec!["–".to_owned(); 4]),
        }
        cells
    };
    Table {
        head: head.map(str::to_owned).to_vec(),
        rows: delays.iter().map(row).collect(),
    }
}
