//! Delays before attempts to reconnect, beside the algorithm: what text and page have in common.

use std::fmt;

use crate::auditor::DelayReport;

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
pub(super) fn fmt_delays(f: &mut fmt::Formatter<'_>, delays: &[DelayReport]) -> fmt::Result {
    if delays.is_empty() {
        return Ok(());
    }
    fmt_row(f, "delays", &HEAD.map(str::to_owned))?;
    for delay in delays {
        fmt_row(f, "", &row(delay))?;
    }
    Ok(())
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
