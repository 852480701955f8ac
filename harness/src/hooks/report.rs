//! What people and programs get to see.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::audit::{Steady, Summary};
use super::memory::Peaks;
use super::{Outcome, Plan};
use crate::auditor::Findings;

/// Everything that was found out.
#[derive(Debug, Serialize)]
pub(crate) struct HooksReport {
    /// Whether the auditor found nothing wrong.
    pub(crate) ok: bool,
    clients: u32,
    rate: u32,
    message_bytes: usize,
    restarts: u32,
    outage_seconds: f64,
    silence_seconds: f64,
    steady: Steady,
    sent: u64,
    sent_in_silence: u64,
    drained_seconds: f64,
    told: Summary,
    memory: Peaks,
    findings: Findings,
}

impl From<Outcome> for HooksReport {
    fn from(outcome: Outcome) -> Self {
        let Plan {
            clients,
            rate,
            message_bytes,
            restarts,
            outage,
            silence,
            ..
        } = outcome.plan;
        Self {
            ok: outcome.findings.total() == 0,
            clients,
            rate,
            message_bytes,
            restarts,
            outage_seconds: outage.as_secs_f64(),
            silence_seconds: silence.as_secs_f64(),
            steady: outcome.steady,
            sent: outcome.sent,
            sent_in_silence: outcome.sent_in_silence,
            drained_seconds: outcome.drained.as_secs_f64(),
            told: outcome.audit,
            memory: outcome.memory,
            findings: outcome.findings,
        }
    }
}

impl HooksReport {
    /// Writes it as JSON.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::other)?;
        std::fs::write(path, text + "\n")
    }
}

impl fmt::Display for HooksReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (steady, told, memory) = (&self.steady, &self.told, &self.memory);
        let mib = |bytes: u64| bytes as f64 / (1024.0 * 1024.0);
        writeln!(
            f,
            "hooks         {} clients, {} messages of {} bytes per second",
            self.clients, self.rate, self.message_bytes
        )?;
        writeln!(
            f,
            "told          {:.0} messages per second, in {:.0} requests",
            steady.per_s, steady.requests_per_s
        )?;
        writeln!(
            f,
            "latency       p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, most {:.1} ms",
            steady.p50_ms, steady.p99_ms, steady.p999_ms, steady.most_ms
        )?;
        writeln!(
            f,
            "application   {} restarts, away for {:.1} s each, then silent for {:.1} s",
            self.restarts, self.outage_seconds, self.silence_seconds
        )?;
        writeln!(
            f,
            "messages      {} sent, {} told, {} events again; {} sent in silence; \
             the last was told {:.1} s after it was sent",
            self.sent, told.messages, told.again, self.sent_in_silence, self.drained_seconds
        )?;
        writeln!(
            f,
            "server        {:.1} MiB before, {:.1} MiB usually, {:.1} MiB at the most",
            mib(memory.before_bytes),
            mib(memory.steady_bytes),
            mib(memory.most_bytes)
        )?;
        writeln!(f, "findings      {}", self.findings.total())?;
        for example in self.findings.examples() {
            writeln!(f, "              {example}")?;
        }
        Ok(())
    }
}
