//! The report of one load.

use std::fmt;

use serde::Serialize;

use super::scenarios;
use crate::auditor::{Findings, HeartbeatReport};
use crate::load::Outcome;
use crate::load::acks::AcksReport;
use crate::load::churn::ChurnReport;
use crate::load::conflation::ConflationReport;
use crate::load::memory::MemoryReport;
use crate::load::meter::Window;
use crate::load::mixed::MixedReport;
use crate::load::publish::PublishReport;
use crate::load::rooms::RoomsReport;
use crate::load::series::Second;
use crate::load::siege::SiegeReport;
use crate::load::storm::StormReport;
use crate::load::trust::{TlsReport, Trust};
use crate::workload::Scenario;

/// Percent of a core from which on a thread has no time left.
pub(crate) const BUSY_PERCENT: f64 = 95.0;

/// Everything that a load has shown, and what it was.
#[derive(Debug, Serialize)]
pub(crate) struct LoadReport {
    /// Whether the auditor found nothing wrong and every client was served.
    pub(crate) ok: bool,
    pub(crate) scenario: &'static str,
    pub(crate) transformer: &'static str,
    pub(crate) carrier: &'static str,
    pub(crate) server: String,
    /// What handshakes showed, over TLS.
    pub(crate) tls: Option<TlsReport>,
    pub(crate) driver: &'static str,
    pub(crate) clients: u32,
    pub(crate) senders: u32,
    pub(crate) depth: Option<u16>,
    pub(crate) rate_per_second: Option<u32>,
    pub(crate) message_bytes: usize,
    pub(crate) opened: u32,
    pub(crate) opening_seconds: f64,
    /// Why connecting was stopped before everybody had had a chance, if it was.
    pub(crate) opening_stopped: Option<String>,
    pub(crate) window: Option<Window>,
    /// Messages, or goodbyes in a churn, that were due but not sent, because the server did not
    /// read fast enough.
    pub(crate) skipped: u64,
    pub(crate) heartbeats: Option<HeartbeatReport>,
    pub(crate) memory: Option<MemoryReport>,
    /// What each broadcast at the end of an idle load showed, until the last client had it.
    pub(crate) broadcasts: Vec<Window>,
    /// What the coming and going of connections showed, if they did.
    pub(crate) churn: Option<ChurnReport>,
    /// What the clients did, if that was a bit of everything.
    pub(crate) mixed: Option<MixedReport>,
    /// Which rooms there were, if it was about rooms.
    pub(crate) rooms: Option<RoomsReport>,
    /// What became of values, if it was about those.
    pub(crate) conflation: Option<ConflationReport>,
    /// How questions fared, if it was about those.
    pub(crate) acks: Option<AcksReport>,
    /// What was seen of publishing over HTTP.
    pub(crate) publish: Option<PublishReport>,
    /// How the clients came back, if the server was killed.
    pub(crate) storm: Option<StormReport>,
    /// What attackers did, if there were any; the window is then that under attack.
    pub(crate) siege: Option<SiegeReport>,
    pub(crate) findings: Findings,
    /// One sample per second, from the first connection on.
    pub(crate) series: Vec<Second>,
}

impl LoadReport {
    pub(crate) fn new(outcome: Outcome) -> Self {
        let (plan, opening) = (outcome.plan, outcome.opening);
        let mixed = outcome.mixed.as_ref();
        Self {
            ok: outcome.findings.total() == 0 && opening.opened == plan.clients,
            scenario: plan.scenario.name(),
            transformer: plan.dialect.transformer().name(),
            carrier: plan.dialect.carrier(),
            server: plan.target.url(),
            tls: plan.target.trust().map(Trust::report),
            driver: outcome.driver.name(),
            clients: plan.clients,
            senders: mixed.map_or(plan.senders().count(), MixedReport::senders),
            depth: plan.rate_per_s.is_none().then_some(plan.depth),
            rate_per_second: plan.rate_per_s,
            message_bytes: plan.message_bytes,
            opened: opening.opened,
            opening_seconds: opening.seconds,
            opening_stopped: opening.stopped,
            window: outcome.window,
            skipped: outcome.skipped,
            heartbeats: outcome.heartbeats,
            memory: outcome.memory,
            broadcasts: outcome.broadcasts,
            churn: outcome.churn,
            mixed: outcome.mixed,
            rooms: outcome.rooms,
            conflation: outcome.conflation,
            acks: outcome.acks,
            publish: outcome.publish,
            storm: outcome.storm,
            siege: outcome.siege,
            findings: outcome.findings,
            series: outcome.series,
        }
    }

    /// Whether clients send messages while it is measured.
    pub(crate) fn has_messages(&self) -> bool {
        let silent = [Scenario::Idle, Scenario::Storm];
        silent
            .iter()
            .all(|scenario| scenario.name() != self.scenario)
    }

    /// Says whether the load generator had no time left, so that the numbers say more about it
    /// than about the server.
    pub(crate) fn client_is_the_limit(&self) -> bool {
        self.window.as_ref().is_some_and(|window| {
            window.client_cpu_percent >= BUSY_PERCENT
                && window
                    .server_cpu_percent
                    .is_none_or(|server| server < BUSY_PERCENT)
        })
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} over {} ({}) on {}: {} of {} clients connected in {:.2} s, driver {}",
            self.scenario,
            self.transformer,
            self.carrier,
            self.server,
            self.opened,
            self.clients,
            self.opening_seconds,
            self.driver,
        )?;
        if let Some(tls) = &self.tls {
            scenarios::tls(f, tls)?;
        }
        if let Some(stopped) = &self.opening_stopped {
            writeln!(f, "stopped       {stopped}")?;
        }
        if let Some(window) = &self.window {
            self.fmt_window(f, window)?;
        }
        if let Some(heartbeats) = &self.heartbeats {
            fmt_heartbeats(f, heartbeats)?;
        }
        // Under traffic, messages on their way weigh more than connections do.
        if let Some(memory) = &self.memory
            && self.scenario == Scenario::Idle.name()
        {
            fmt_memory(f, memory)?;
        }
        if let Some(churn) = &self.churn {
            scenarios::churn(f, churn)?;
        }
        if let Some(rooms) = &self.rooms {
            scenarios::rooms(f, rooms)?;
        }
        if let Some(conflation) = &self.conflation {
            scenarios::conflation(f, conflation)?;
        }
        if let Some(acks) = &self.acks {
            scenarios::acks(f, acks)?;
        }
        if let Some(publish) = &self.publish {
            scenarios::publish(f, publish)?;
        }
        if let Some(mixed) = &self.mixed {
            scenarios::mixed(f, mixed)?;
        }
        if let Some(storm) = &self.storm {
            scenarios::storm(f, storm)?;
        }
        if let Some(siege) = &self.siege {
            scenarios::siege(f, siege)?;
        }
        for broadcast in &self.broadcasts {
            fmt_broadcast(f, broadcast)?;
        }
        fmt_findings(f, self.ok, &self.findings)
    }
}

impl LoadReport {
    fn fmt_window(&self, f: &mut fmt::Formatter<'_>, window: &Window) -> fmt::Result {
        if self.has_messages() {
            let latency = &window.latency_us;
            writeln!(
                f,
                "messages      {} of {} bytes received in {:.2} s: {:.0} per second",
                window.received, self.message_bytes, window.seconds, window.received_per_second,
            )?;
            writeln!(
                f,
                "latency       p50 {:.0} us, p90 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, \
                 p99.99 {:.0} us, max {:.0} us",
                latency.p50, latency.p90, latency.p99, latency.p999, latency.p9999, latency.max,
            )?;
        }
        if self.skipped > 0 {
            writeln!(
                f,
                "too slow      {} were due but not sent: the server was not ready for them",
                self.skipped,
            )?;
        }
        write!(f, "processor     client {:.0} %", window.client_cpu_percent)?;
        if let Some(server) = window.server_cpu_percent {
            write!(f, ", server {server:.0} %")?;
        }
        writeln!(f, " of a core")?;
        if self.client_is_the_limit() {
            writeln!(
                f,
                "              The load generator, not the server, was the limit."
            )?;
        }
        Ok(())
    }
}

pub(super) fn fmt_heartbeats(
    f: &mut fmt::Formatter<'_>,
    heartbeats: &HeartbeatReport,
) -> fmt::Result {
    writeln!(
        f,
        "heartbeats    {} pings, {} to {} per client, every {} ms; {} judged: jitter p50 {} us, \
         p99 {} us, max {} us; age p99 {} ms, max {} ms",
        heartbeats.pings,
        heartbeats.pings_per_client_min,
        heartbeats.pings_per_client_max,
        heartbeats.interval_ms,
        heartbeats.judged,
        heartbeats.jitter_us_p50,
        heartbeats.jitter_us_p99,
        heartbeats.jitter_us_max,
        heartbeats.age_ms_p99,
        heartbeats.age_ms_max,
    )
}

fn fmt_memory(f: &mut fmt::Formatter<'_>, memory: &MemoryReport) -> fmt::Result {
    let show = |bytes: Option<u64>| match bytes {
        Some(bytes) => format!("{bytes} bytes"),
        None => "not measurable".to_owned(),
    };
    write!(f, "memory        per connection: ")?;
    if memory.before.server.is_some() {
        write!(
            f,
            "server {}, ",
            show(memory.server_rss_anon_per_connection)
        )?;
    }
    writeln!(
        f,
        "client {}, kernel for both ends: slabs {}, buffers {}; the whole machine {}",
        show(memory.client_rss_anon_per_connection),
        show(memory.kernel_slab_per_connection),
        show(memory.kernel_tcp_per_connection),
        show(memory.machine_per_connection),
    )
}

fn fmt_broadcast(f: &mut fmt::Formatter<'_>, broadcast: &Window) -> fmt::Result {
    let latency = &broadcast.latency_us;
    write!(
        f,
        "broadcast     received by {} clients, by half of them in {:.1} ms, by 99 % in {:.1} ms, \
         by the last in {:.1} ms",
        broadcast.received,
        latency.p50 / 1000.0,
        latency.p99 / 1000.0,
        latency.max / 1000.0,
    )?;
    write!(
        f,
        "; processor: client {:.0} %",
        broadcast.client_cpu_percent
    )?;
    if let Some(server) = broadcast.server_cpu_percent {
        write!(f, ", server {server:.0} %")?;
    }
    writeln!(f)
}

pub(super) fn fmt_findings(
    f: &mut fmt::Formatter<'_>,
    ok: bool,
    findings: &Findings,
) -> fmt::Result {
    if ok {
        return writeln!(f, "auditor       nothing wrong");
    }
    write!(f, "auditor       {} faults:", findings.total())?;
    for (fault, count) in findings.found() {
        write!(f, " {count} {}", fault.name())?;
    }
    writeln!(f)?;
    for example in findings.examples() {
        writeln!(f, "              {example}")?;
    }
    Ok(())
}
