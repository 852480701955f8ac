//! The delays before attempts to reconnect, each beside what the algorithm says of it.

use super::Section;
use crate::auditor::{DelayReport, FirstDelays};
use crate::report::chart::{Axis, Bin, Chart, Figure, Histogram, Table, Unit};
use crate::report::delays::{HEAD, row, rows};

/// A table of all attempts and a chart of each, if there are any.
pub(super) fn section(
    title: &str,
    first: Option<&FirstDelays>,
    delays: &[DelayReport],
) -> Option<Section> {
    (!delays.is_empty()).then(|| Section {
        title: title.to_owned(),
        sentences: vec![
            "The first attempt comes exactly min after the loss. Attempt n waits between \
             min · factor^(n-1) and twice that, every millisecond as likely as any other. \
             KS is the test of Kolmogorov and Smirnov, χ² that of Pearson; p is how likely a \
             right client is to differ from the algorithm at least as much. Delays do not fit if \
             either p is below one in a million."
                .to_owned(),
        ],
        figures: delays.iter().map(figure).collect(),
        table: Some(table(first, delays)),
    })
}

fn figure(delay: &DelayReport) -> Figure {
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
    let [.., verdict] = row(delay);
    Figure {
        title: format!("Attempt {}", delay.attempt),
        caption: format!("{} delays: {verdict}.", delay.count),
        chart: Chart::Histogram(Histogram {
            x: Axis::new("delay", Unit::Seconds),
            label: "delays",
            bins: bins.map(bin).collect(),
        }),
    }
}

fn table(first: Option<&FirstDelays>, delays: &[DelayReport]) -> Table {
    Table {
        head: HEAD.map(str::to_owned).to_vec(),
        rows: rows(first, delays).map(|cells| cells.to_vec()).collect(),
    }
}
