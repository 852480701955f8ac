//! What clients did that did a bit of everything.

use super::Section;
use crate::load::mixed::MixedReport;
use crate::report::chart::Table;

/// Who did what, how often, and what the server says of it.
pub(super) fn section(report: &MixedReport) -> Section {
    let times = format!(
        "Somebody did not read for a while {} times, vanished without a goodbye {} times, and left \
         {} times; {} times somebody came back. The seed is {}.",
        report.stalls, report.vanished, report.left, report.returned, report.seed,
    );
    let show = |count: Option<u64>| count.map_or("an unknown number".to_owned(), |n| n.to_string());
    let sparks = match report.sparks {
        None => "The server does not say how many sparks it has.".to_owned(),
        Some(sparks) => format!(
            "By its own account the server had {} sparks before, {} with all clients and {} after \
             the last goodbye.",
            sparks.before,
            show(sparks.with_clients),
            show(sparks.after),
        ),
    };
    let rows = report.roles.iter();
    let rows = rows.map(|(name, count)| vec![(*name).to_owned(), count.to_string()]);
    Section {
        title: "A bit of everything".to_owned(),
        sentences: vec![times, sparks],
        table: Some(Table {
            head: vec!["role".to_owned(), "clients".to_owned()],
            rows: rows.collect(),
        }),
        ..Section::default()
    }
}
