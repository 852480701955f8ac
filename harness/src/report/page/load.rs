//! The page of one load.

use super::{Page, Section, Tile, Verdict, churn, heartbeats, latency, mixed, plugins, seconds};
use super::{siege, storm};
use crate::auditor::Findings;
use crate::load::memory::MemoryReport;
use crate::load::meter::Window;
use crate::report::chart::{Axis, Bar, Bars, Chart, Figure, Unit};
use crate::report::{LoadReport, Report, Run};

impl Report for LoadReport {
    fn is_ok(&self) -> bool {
        self.ok
    }

    fn page(&self, run: &Run) -> Page {
        let sections = [
            Some(self.opening()),
            self.window.as_ref().and_then(|window| self.traffic(window)),
            self.churn.as_ref().map(churn::section),
            self.mixed.as_ref().map(mixed::section),
            self.conflation.as_ref().map(plugins::values),
            self.acks.as_ref().map(plugins::questions),
            self.siege.as_ref().map(siege::section),
            self.storm.as_ref().map(storm::section),
            self.storm.as_ref().and_then(storm::delays),
            self.storm.as_ref().and_then(storm::delays_punctual),
            self.broadcasts(),
            self.heartbeats.as_ref().map(heartbeats::section),
            self.memory
                .as_ref()
                .map(|memory| self.memory_section(memory)),
            self.window.as_ref().map(|window| self.processors(window)),
            seconds::section(&self.series),
        ];
        Page {
            title: format!("{} over {}", capitalized(self.scenario), self.transformer),
            kind: "Load report",
            verdict: self.verdict(),
            tiles: self.tiles(),
            sections: sections.into_iter().flatten().collect(),
            facts: self.facts(run),
        }
    }
}

impl LoadReport {
    fn verdict(&self) -> Verdict {
        let headline = if self.ok {
            "Nothing wrong: the auditor followed every client to its end.".to_owned()
        } else if self.findings.total() == 0 {
            let missing = self.clients - self.opened;
            format!(
                "{missing} of {} clients never got a connection.",
                self.clients
            )
        } else {
            return findings_verdict(&self.findings);
        };
        Verdict {
            ok: self.ok,
            headline,
            examples: self.findings.examples().to_vec(),
        }
    }

    fn tiles(&self) -> Vec<Tile> {
        let mut tiles = vec![Tile {
            label: "Clients",
            value: self.opened.to_string(),
            note: format!("of {}, in {:.2} s", self.clients, self.opening_seconds),
        }];
        if let Some(window) = self.window.as_ref().filter(|_| self.has_messages()) {
            tiles.push(Tile {
                label: "Received",
                value: Unit::PerSecond.show(window.received_per_second),
                note: format!("messages of {} bytes", self.message_bytes),
            });
            tiles.push(latency::tile(
                "Latency, p50",
                window.latency_us.p50,
                "half within",
            ));
            tiles.push(latency::tile(
                "Latency, p99",
                window.latency_us.p99,
                "99 of 100 within",
            ));
        }
        if let Some(beats) = &self.heartbeats {
            tiles.push(latency::tile(
                "Ping jitter, p99",
                beats.jitter_us_p99 as f64,
                "99 of 100 within",
            ));
        }
        let memory = self.memory.as_ref().filter(|_| !self.has_messages());
        if let Some(bytes) = memory.and_then(|memory| memory.server_rss_anon_per_connection) {
            tiles.push(Tile {
                label: "Server memory",
                value: Unit::Bytes.show(bytes as f64),
                note: "per connection".to_owned(),
            });
        }
        tiles
    }

    fn opening(&self) -> Section {
        let rate = f64::from(self.opened) / self.opening_seconds.max(1e-9);
        let stopped = self.opening_stopped.as_deref().map(capitalized);
        let all = format!(
            "{} of {} clients connected in {:.2} s, {} on average, with the driver {}.",
            self.opened,
            self.clients,
            self.opening_seconds,
            Unit::PerSecond.show(rate),
            self.driver,
        );
        Section {
            title: "Connections".to_owned(),
            sentences: [all].into_iter().chain(stopped).collect(),
            ..Section::default()
        }
    }

    fn traffic(&self, window: &Window) -> Option<Section> {
        if !self.has_messages() {
            return None;
        }
        let mut sentences = vec![format!(
            "{} messages of {} bytes were received in {:.2} s, and {} sent.",
            window.received, self.message_bytes, window.seconds, window.sent,
        )];
        if self.skipped > 0 {
            sentences.push(format!(
                "{} were due but not sent: the server was not ready for them.",
                self.skipped
            ));
        }
        let caption = match self.rate_per_second {
            Some(rate) => format!(
                "From the moment when a message was due, at {rate} per second, to its arrival."
            ),
            None => "From the moment when a message was written to its arrival.".to_owned(),
        };
        let points = &window.latency_curve;
        let figure = latency::figure(caption, vec![("messages".to_owned(), points.clone())]);
        Some(Section {
            title: "Messages".to_owned(),
            sentences,
            figures: vec![figure],
            table: Some(latency::table(window)),
        })
    }

    /// Broadcasts at the end of an idle load: how long until everybody had each.
    fn broadcasts(&self) -> Option<Section> {
        let windows = self.broadcasts.iter();
        let sentences: Vec<_> = windows.map(broadcast_sentence).collect();
        let lines = (1..)
            .zip(&self.broadcasts)
            .map(|(number, window)| (format!("broadcast {number}"), window.latency_curve.clone()));
        let caption = "From the moment when the message was written to its arrival at clients.";
        (!sentences.is_empty()).then(|| Section {
            title: "Broadcasts to all".to_owned(),
            figures: vec![latency::figure(caption.to_owned(), lines.collect())],
            sentences,
            table: None,
        })
    }

    fn memory_section(&self, memory: &MemoryReport) -> Section {
        let parts = [
            ("server", memory.server_rss_anon_per_connection),
            ("client", memory.client_rss_anon_per_connection),
            ("slabs of the kernel", memory.kernel_slab_per_connection),
            ("buffers of TCP", memory.kernel_tcp_per_connection),
            ("the whole machine", memory.machine_per_connection),
        ];
        let is_known = |name: &str| name != "server" || memory.before.server.is_some();
        let missing = parts
            .iter()
            .filter(|(name, bytes)| bytes.is_none() && is_known(name))
            .map(|(name, _)| format!("Not measurable: {name}."));
        let missing: Vec<String> = missing.collect();
        let bars = parts.into_iter().filter_map(|(name, bytes)| {
            Some(Bar {
                name: name.to_owned(),
                value: bytes? as f64,
                spread: None,
                note: String::new(),
                is_own: name == "server",
            })
        });
        let busy = "Under traffic, messages on their way weigh more than connections do.";
        let mut sentences: Vec<String> = self
            .has_messages()
            .then(|| busy.to_owned())
            .into_iter()
            .collect();
        sentences.extend(missing);
        Section {
            title: "Memory".to_owned(),
            sentences,
            figures: vec![Figure {
                title: "Memory per connection".to_owned(),
                caption: format!(
                    "Memory with {} connections less that before the first, divided by them: \
                     anonymous pages of the processes, slabs and buffers of the kernel, and what \
                     less is available on the machine, whoever uses it.",
                    memory.connections
                ),
                chart: Chart::Bars(Bars {
                    axis: Axis::new("bytes per connection", Unit::Bytes),
                    bars: bars.collect(),
                }),
            }],
            table: None,
        }
    }

    fn processors(&self, window: &Window) -> Section {
        let bar = |name: &str, percent: f64| Bar {
            name: name.to_owned(),
            value: percent,
            spread: None,
            note: String::new(),
            is_own: name == "server",
        };
        let server = window
            .server_cpu_percent
            .map(|percent| bar("server", percent));
        let client = bar("load generator", window.client_cpu_percent);
        Section {
            title: "Who was the limit".to_owned(),
            sentences: vec![self.limit(window).to_owned()],
            figures: vec![Figure {
                title: "Processor time".to_owned(),
                caption: "In percent of one core, while it was measured.".to_owned(),
                chart: Chart::Bars(Bars {
                    axis: Axis::new("percent of a core", Unit::Percent),
                    bars: server.into_iter().chain([client]).collect(),
                }),
            }],
            table: None,
        }
    }

    fn limit(&self, window: &Window) -> &'static str {
        if self.client_is_the_limit() {
            return "The load generator, not the server, was the limit: the numbers say more \
                    about it than about the server.";
        }
        match window.server_cpu_percent {
            None => "Whether the server was busy is not known: its process was not given.",
            Some(percent) if percent >= crate::report::load::BUSY_PERCENT => {
                "The server was the limit: it had no time left."
            }
            Some(_) => "Neither the server nor the load generator used a whole core.",
        }
    }

    fn facts(&self, run: &Run) -> Vec<(String, String)> {
        let pace = match (self.rate_per_second, self.depth) {
            _ if !self.has_messages() => None,
            (Some(rate), _) => Some(format!(
                "{rate} messages per second of all senders together"
            )),
            (None, Some(depth)) => Some(format!("{depth} messages of each sender under way")),
            (None, None) => None,
        };
        let facts = [
            Some(("Server", self.server.clone())),
            Some((
                "Transformer",
                format!("{} ({})", self.transformer, self.carrier),
            )),
            Some(("Senders", self.senders.to_string())).filter(|_| self.has_messages()),
            pace.map(|pace| ("Pace", pace)),
            Some(("Driver of the load", self.driver.to_owned())),
        ];
        let facts = facts.into_iter().flatten();
        let facts = facts.map(|(name, value)| (name.to_owned(), value));
        run.facts().into_iter().chain(facts).collect()
    }
}

/// What was found, by kind, and the first faults in words.
pub(super) fn findings_verdict(findings: &Findings) -> Verdict {
    let found = findings.found();
    let found = found.map(|(fault, count)| format!("{count} {}", fault.name()));
    let found = found.collect::<Vec<_>>().join(", ");
    Verdict {
        ok: false,
        headline: format!("{} faults: {found}.", findings.total()),
        examples: findings.examples().to_vec(),
    }
}

fn broadcast_sentence(window: &Window) -> String {
    let latency = &window.latency_us;
    let show = |us| Unit::Microseconds.show(us);
    let server = window.server_cpu_percent;
    let server = server.map_or_else(String::new, |percent| {
        format!(", the server {percent:.0} %")
    });
    format!(
        "Received by {} clients: by half of them in {}, by 99 of 100 in {}, by the last in {}. \
         The load generator took {:.0} % of a core{server}.",
        window.received,
        show(latency.p50),
        show(latency.p99),
        show(latency.max),
        window.client_cpu_percent,
    )
}

pub(super) fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
