//! The report of a comparison by transformers.

use std::fmt;

use super::compare::{fmt_case, fmt_faults};
use crate::peers::transformers::{DialectResult, IdleResult, TransformersComparison};

impl fmt::Display for TransformersComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            f,
            "{}, {} processors ({}); {} rounds, messages of {} bytes",
            machine.kernel, machine.processors, machine.processor, self.rounds, self.message_bytes,
        )?;
        let mut dialects = self.dialects.iter();
        dialects.try_for_each(|dialect| fmt_dialect(f, dialect))
    }
}

fn fmt_dialect(f: &mut fmt::Formatter<'_>, dialect: &DialectResult) -> fmt::Result {
    writeln!(f, "\n== {} ({})", dialect.transformer, dialect.carrier)?;
    for (name, version) in &dialect.versions {
        writeln!(f, "{name}: {version}")?;
    }
    if dialect.idle.len() == 1 {
        writeln!(
            f,
            "Primus on Node.js has no server of this transformer any more."
        )?;
    }
    fmt_idle(f, &dialect.idle)?;
    dialect.echo.iter().try_for_each(|case| fmt_case(f, case))
}

pub(super) fn fmt_idle(f: &mut fmt::Formatter<'_>, results: &[IdleResult]) -> fmt::Result {
    writeln!(f, "\nidle, bytes per session")?;
    writeln!(
        f,
        "  {:<12} {:>10} {:>21} {:>9} {:>9}",
        "", "server", "least to most", "kernel", "sessions"
    )?;
    for result in results {
        let spread = format!(
            "{:.0} to {:.0}",
            result.bytes_per_session_min, result.bytes_per_session_max
        );
        writeln!(
            f,
            "  {:<12} {:>10.0} {:>21} {:>9.0} {:>9}",
            result.name,
            result.bytes_per_session_median,
            spread,
            result.kernel_bytes_per_session_median,
            result.sessions,
        )?;
    }
    results.iter().try_for_each(|result| {
        let examples = result.samples.iter().flat_map(|sample| &sample.examples);
        fmt_faults(f, result.name, result.faults, examples)
    })
}
