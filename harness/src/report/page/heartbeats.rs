//! How punctual pings were.

use super::Section;
use crate::auditor::HeartbeatReport;
use crate::report::chart::{Axis, Bin, Chart, Figure, Histogram, Unit};

pub(super) fn section(report: &HeartbeatReport) -> Section {
    let bins = report.jitter_us_bins.iter().map(|bin| Bin {
        from: bin.from_us as f64,
        to: bin.to_us as f64,
        count: bin.count as f64,
        expected: None,
    });
    let show = |us: u64| Unit::Microseconds.show(us as f64);
    Section {
        title: "Heartbeats".to_owned(),
        sentences: vec![format!(
            "{} pings came, {} to {} per client, one every {} ms. Half of those that could be \
             judged were within {} of their time, 99 of 100 within {}, all within {}. On arrival \
             99 of 100 were at most {} ms old, all at most {} ms.",
            report.pings,
            report.pings_per_client_min,
            report.pings_per_client_max,
            report.interval_ms,
            show(report.jitter_us_p50),
            show(report.jitter_us_p99),
            show(report.jitter_us_max),
            report.age_ms_p99,
            report.age_ms_max,
        )],
        figures: vec![Figure {
            title: "Jitter of pings".to_owned(),
            caption: format!(
                "How far {} pings were from one interval after the one before them, early or \
                 late. Each range is twice as wide as the one before it.",
                report.judged
            ),
            chart: Chart::Histogram(Histogram {
                x: Axis::new("distance from the right moment", Unit::Microseconds),
                label: "pings",
                bins: bins.collect(),
            }),
        }],
        table: None,
    }
}
