//! How long messages took.

use super::Tile;
use crate::load::meter::Window;
use crate::report::chart::{Chart, Figure, Line, PercentileCurve, Table, Unit};

/// One number of it.
pub(super) fn tile(label: &'static str, us: f64, note: &str) -> Tile {
    Tile {
        label,
        value: Unit::Microseconds.show(us),
        note: note.to_owned(),
    }
}

/// How long messages took, of one or several servers: names, and quantiles with microseconds.
pub(super) fn figure(caption: String, lines: Vec<(String, Vec<(f64, f64)>)>) -> Figure {
    let lines = lines.into_iter();
    Figure {
        title: "Latency by percentile".to_owned(),
        caption: format!(
            "{caption} Each step to the right leaves out nine tenths of the rest: what is far \
             right happened rarely."
        ),
        chart: Chart::Percentiles(PercentileCurve {
            label: "latency",
            unit: Unit::Microseconds,
            lines: lines.map(|(name, points)| Line { name, points }).collect(),
        }),
    }
}

pub(super) fn table(window: &Window) -> Table {
    let latency = &window.latency_us;
    let head = ["", "p50", "p90", "p99", "p99.9", "p99.99", "max"].map(str::to_owned);
    let values = [
        latency.p50,
        latency.p90,
        latency.p99,
        latency.p999,
        latency.p9999,
        latency.max,
    ];
    let values = values.map(|us| Unit::Microseconds.show(us));
    Table {
        head: head.to_vec(),
        rows: vec![["latency".to_owned()].into_iter().chain(values).collect()],
    }
}
