//! The page of one simulation.

use super::load::{capitalized, findings_verdict};
use super::{Page, Section, Tile, Verdict, delays, heartbeats};
use crate::report::chart::{Axis, Chart, Figure, Line, Series, Span, Table, Unit};
use crate::report::{Report, Run, SimReport};
use crate::sim::{Messages, Second};

/// What a line shows of each second.
type Of = fn(&Second) -> u32;

impl Report for SimReport {
    fn is_ok(&self) -> bool {
        self.ok
    }

    fn page(&self, run: &Run) -> Page {
        let sections = [
            self.has_servers().then(|| self.course()),
            delays::section(
                "Delays before attempts to reconnect",
                self.first_delays.as_ref(),
                &self.delays,
            ),
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
            headline: match self.has_servers() {
                true => "Nothing wrong: everybody got what was due, left, and left nothing.",
                false => "Nothing wrong: every delay is one that the algorithm allows.",
            }
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
        let live = self.over_time(
            "Clients with a connection",
            "At the end of each second.",
            Axis::new("clients", Unit::Count),
            &[("connected", |second| second.live)],
        );
        let events = self.over_time(
            "Connections that come and go",
            "In each second: attempts to connect, those that succeeded, and connections that were \
             lost or left.",
            Axis::new("per second", Unit::Count),
            &[
                ("attempts", |second| second.attempts),
                ("opened", |second| second.opened),
                ("lost or left", |second| second.lost),
            ],
        );
        Section {
            title: "What happened".to_owned(),
            sentences: self.shades().into_iter().collect(),
            figures: vec![live, events],
            ..Section::default()
        }
    }

    /// What the scenario did, for spans that are too narrow to be named in the charts.
    fn shades(&self) -> Option<String> {
        let mut names: Vec<(&str, usize)> = Vec::new();
        for span in &self.spans {
            match names.iter_mut().find(|(name, _)| *name == span.name) {
                Some((_, times)) => *times += 1,
                None => names.push((span.name, 1)),
            }
        }
        let words = names.iter().map(|(name, times)| match times {
            1 => (*name).to_owned(),
            _ => format!("{name} ({times} times)"),
        });
        let words = words.collect::<Vec<_>>().join(", ");
        (!words.is_empty()).then(|| format!("Shaded is when the scenario did something: {words}."))
    }

    /// A chart of each second of virtual time, drawn where it ends.
    fn over_time(&self, title: &str, caption: &str, y: Axis, lines: &[(&str, Of)]) -> Figure {
        let points = |value: Of| (1..).map(f64::from).zip(self.series.iter().map(value));
        let line = |&(name, value): &(&str, Of)| Line {
            name: name.to_owned(),
            points: points(value).map(|(s, count)| (s, count.into())).collect(),
        };
        let spans = self.spans.iter().map(|span| Span {
            name: span.name.to_owned(),
            from: span.from_s,
            to: span.to_s,
        });
        Figure {
            title: title.to_owned(),
            caption: caption.to_owned(),
            chart: Chart::Series(Series {
                x: Axis::new("virtual time", Unit::Seconds),
                y,
                lines: lines.iter().map(line).collect(),
                spans: spans.collect(),
            }),
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
            ("Servers", self.servers()),
        ];
        let talk = self.has_servers().then(|| self.talk_facts());
        let facts = facts.into_iter().chain(talk.into_iter().flatten());
        let facts = facts.map(|(name, value)| (name.to_owned(), value));
        run.facts().into_iter().chain(facts).collect()
    }

    fn talk_facts(&self) -> [(&'static str, String); 2] {
        let Messages {
            received,
            written,
            broadcast,
        } = self.messages;
        let talk = format!("{}, messages of {} bytes", self.talk, self.message_bytes);
        let messages = format!(
            "{received} received by servers, {written} written to single sparks, \
             {broadcast} broadcasts"
        );
        [("Talk", talk), ("Messages", messages)]
    }
}

fn row((count, name): (u32, &str)) -> Vec<String> {
    vec![name.to_owned(), count.to_string()]
}
