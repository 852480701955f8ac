//! What became of values and of questions.

use super::Section;
use crate::load::acks::AcksReport;
use crate::load::conflation::ConflationReport;

/// How many values arrived, and how many newer ones took the place of.
pub(super) fn values(report: &ConflationReport) -> Section {
    let sentences = vec![
        format!(
            "Values of {} keys were published. {} of {} arrived, each counted for each client that \
             it was for; in the place of the others came a newer one of the same key.",
            report.keys, report.arrived, report.owed,
        ),
        format!(
            "{} clients did not read {} times for {} ms, and {} of their values were replaced. Of \
             those for others {} were.",
            report.slow_clients,
            report.stalls,
            report.stall_ms,
            report.replaced_slow,
            report.replaced_others,
        ),
    ];
    Section {
        title: "Values".to_owned(),
        sentences,
        ..Section::default()
    }
}

/// How many questions were answered.
pub(super) fn questions(report: &AcksReport) -> Section {
    let questions = &report.questions;
    let sentences = vec![
        format!(
            "Clients asked {} questions. {} were answered, {} ended with their connection.",
            questions.asked, questions.answered, questions.excused,
        ),
        format!(
            "The server asked {} of them back. {} of these got two answers; {} got none, and the \
             server gave up after {} ms.",
            report.asked_back, report.answered_twice, questions.given_up, report.timeout_ms,
        ),
    ];
    Section {
        title: "Questions".to_owned(),
        sentences,
        ..Section::default()
    }
}
