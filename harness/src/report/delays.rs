//! Delays before attempts to reconnect, beside the algorithm: what text and page have in common.

use std::fmt;

use crate::auditor::{DelayReport, FirstDelays};

/// What each column of the table is.
pub(super) const HEAD: [&str; 11] = [
    "attempt", "delays", "min ms", "max ms", "mean ms", "expected", "KS D", "KS p", "χ²", "χ² p",
    "verdict",
];

/// How wide each column is on the terminal.
const WIDTHS: [usize; 11] = [7, 9, 8, 8, 10, 10, 9, 9, 8, 9, 14];

/// The delays before one attempt in the columns of [`HEAD`].
pub(super) fn row(delay: &DelayReport) -> [String; 11] {
    let none = || "–".to_owned();
    let [distance, distance_p, deviation, deviation_p, verdict] = match delay.tests {
        Some(tests) => [
            format!("{:.5}", tests.kolmogorov_smirnov),
            likelihood(tests.kolmogorov_smirnov_p),
            format!("{:.1}", tests.chi_square),
            likelihood(tests.chi_square_p),
            if tests.fits { "fits" } else { "does not fit" }.to_owned(),
        ],
        None => [none(), none(), none(), none(), "too few".to_owned()],
    };
    [
        delay.attempt.to_string(),
        delay.count.to_string(),
        delay.ms_min.to_string(),
        delay.ms_max.to_string(),
        format!("{:.1}", delay.ms_mean),
        format!("{:.1}", delay.ms_mean_expected),
        distance,
        distance_p,
        deviation,
        deviation_p,
        verdict,
    ]
}

/// One line per attempt, if there are any.
pub(super) fn fmt_delays(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    first: Option<&FirstDelays>,
    delays: &[DelayReport],
) -> fmt::Result {
    if first.is_none() && delays.is_empty() {
        return Ok(());
    }
    fmt_row(f, name, &HEAD.map(str::to_owned))?;
    for cells in rows(first, delays) {
        fmt_row(f, "", &cells)?;
    }
    Ok(())
}

/// The rows of the table under [`HEAD`].
pub(super) fn rows(
    first: Option<&FirstDelays>,
    delays: &[DelayReport],
) -> impl Iterator<Item = [String; 11]> {
    first
        .map(first_row)
        .into_iter()
        .chain(delays.iter().map(row))
}

/// The first attempt, which has no distribution: whatever differs from it has been found.
fn first_row(first: &FirstDelays) -> [String; 11] {
    let none = || "–".to_owned();
    let ms = |ms: f64| format!("{ms:.0}");
    [
        "1".to_owned(),
        first.count.to_string(),
        ms(first.ms_min),
        ms(first.ms_max),
        none(),
        format!("{:.1}", first.ms_expected),
        none(),
        none(),
        none(),
        none(),
        "constant".to_owned(),
    ]
}

fn fmt_row(f: &mut fmt::Formatter<'_>, name: &str, cells: &[String; 11]) -> fmt::Result {
    write!(f, "{name:14}")?;
    for (cell, width) in cells.iter().zip(WIDTHS) {
        write!(f, "{cell:>width$}")?;
    }
    writeln!(f)
}

/// A likelihood, however small it is.
fn likelihood(p: f64) -> String {
    match p {
        0.001.. => format!("{p:.3}"),
        _ => format!("{p:.1e}"),
    }
}
