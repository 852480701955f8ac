//! The report of a comparison.

use std::fmt;

use crate::peers::results::EntrantResult;
use crate::peers::samples::{CaseResult, Comparison};

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            f,
            "{}, {} processors ({})",
            machine.kernel, machine.processors, machine.processor
        )?;
        for (name, version) in &self.versions {
            writeln!(f, "{name}: {version}")?;
        }
        for entrant in &self.left_out {
            writeln!(f, "Not measured: {} {}", entrant.name, entrant.why)?;
        }
        self.cases.iter().try_for_each(|case| fmt_case(f, case))?;
        match self.budgets() {
            Some(budgets) => writeln!(f, "\n{budgets}"),
            None => Ok(()),
        }
    }
}

/// One table, and what has to be said about it.
pub(super) fn fmt_case(f: &mut fmt::Formatter<'_>, case: &CaseResult) -> fmt::Result {
    writeln!(f, "\n{}", case.case)?;
    writeln!(
        f,
        "  {:<12} {:>10} {:>21} {:>9} {:>9} {:>8} {:>8} {:>14}",
        "",
        "per second",
        "least to most",
        "p50 us",
        "p99 us",
        "server",
        "client",
        format!("{}=1", case.measure)
    )?;
    for result in &case.entrants {
        fmt_entrant(f, result)?;
    }
    for remark in case.remarks() {
        writeln!(f, "  {remark}")?;
    }
    case.entrants.iter().try_for_each(|result| {
        let examples = result.samples.iter().flat_map(|sample| &sample.examples);
        fmt_faults(f, result.name, result.faults, examples)
    })
}

fn fmt_entrant(f: &mut fmt::Formatter<'_>, result: &EntrantResult) -> fmt::Result {
    let spread = format!(
        "{:.0} to {:.0}",
        result.per_second_min, result.per_second_max
    );
    let ratio = result
        .ratio_to_allspark
        .map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
    writeln!(
        f,
        "  {:<12} {:>10.0} {:>21} {:>9.0} {:>9.0} {:>6.0} % {:>6.0} % {:>14}",
        result.name,
        result.per_second_median,
        spread,
        result.latency_p50_us_median,
        result.latency_p99_us_median,
        result.server_cpu_percent_median,
        result.client_cpu_percent_median,
        ratio,
    )
}

/// What an entrant did wrong, if it did.
pub(super) fn fmt_faults<'e>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    faults: u64,
    examples: impl Iterator<Item = &'e String>,
) -> fmt::Result {
    if faults > 0 {
        writeln!(f, "  {name} did {faults} things wrong:")?;
        for example in examples.take(3) {
            writeln!(f, "    {example}")?;
        }
    }
    Ok(())
}
