//! How clients came back after their server was killed.

use super::Section;
use super::sim::delays_section;
use crate::load::storm::StormReport;
use crate::report::chart::Unit;

/// How many, how fast, and how often they tried.
pub(super) fn section(report: &StormReport) -> Section {
    let show = |us| Unit::Microseconds.show(us);
    let back = &report.return_us;
    let mut sentences = vec![format!(
        "The server was killed {} times, and there was none for {} ms. Of {} connections that \
         broke {} came back: half of them within {} after the server had begun anew, 99 of 100 \
         within {}, the last within {}. That took {} attempts, at most {} of one client; {} were \
         given up because nobody answered.",
        report.strikes,
        report.outage_ms,
        report.struck,
        report.returned,
        show(back.p50),
        show(back.p99),
        show(back.max),
        report.attempts,
        report.attempts_max,
        report.timeouts,
    )];
    sentences.extend(report.first_delays.map(|first| {
        format!(
            "{} delays were seen. The {} before first attempts, which are all to be {:.0} ms, were \
             {:.1} to {:.1} ms: none may be early, and a busy machine may make them {:.0} ms late.",
            report.delays_seen(),
            first.count,
            first.ms_expected,
            first.ms_min,
            first.ms_max,
            report.algorithm.tolerance_ms,
        )
    }));
    Section {
        title: "Coming back".to_owned(),
        sentences,
        ..Section::default()
    }
}

/// The delays of real clients beside what the algorithm says of them.
pub(super) fn delays(report: &StormReport) -> Option<Section> {
    delays_section("Delays before attempts to reconnect", &report.delays)
}

/// The same without what the load generator itself was late, which is what was judged.
pub(super) fn delays_punctual(report: &StormReport) -> Option<Section> {
    let title = "Delays without the lateness of the load generator";
    let mut section = delays_section(title, &report.delays_punctual)?;
    let show = |us| Unit::Microseconds.show(us);
    let late = &report.lateness_us;
    let blurred = match report.is_blurred() {
        true => " Only without it the delays are distributed as they should be.",
        false => "",
    };
    section.sentences = vec![format!(
        "Half of all attempts began at most {} after the moment for which the client had asked, 99 \
         of 100 {}, the last {}: the load generator was woken late, or had other clients to serve \
         first.{blurred} These delays, and not those above, are judged by their distribution.",
        show(late.p50),
        show(late.p99),
        show(late.max),
    )];
    Some(section)
}
