//! Connections that came and went.

use super::Section;
use crate::load::churn::ChurnReport;
use crate::report::chart::Unit;

/// How many, how fast, and what they left behind.
pub(super) fn section(report: &ChurnReport) -> Section {
    let show = |us| Unit::Microseconds.show(us);
    let opening = &report.opening_us;
    let mut sentences = vec![format!(
        "{} connections of {} messages each came and went, {} on average. They opened within {} \
         for half of them, {} for 99 of 100 and {} for all.",
        report.connections,
        report.messages_per_connection,
        Unit::PerSecond.show(report.connections_per_second),
        show(opening.p50),
        show(opening.p99),
        show(opening.max),
    )];
    let before = report.server_rss_anon_before_bytes;
    let memory = before.zip(report.server_rss_anon_after_bytes);
    sentences.extend(memory.map(|(before, after)| {
        format!(
            "The server had {} of memory before the first and {} after everybody had left.",
            Unit::Bytes.show(before as f64),
            Unit::Bytes.show(after as f64),
        )
    }));
    Section {
        title: "Connections that came and went".to_owned(),
        sentences,
        ..Section::default()
    }
}
