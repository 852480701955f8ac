//! What attackers did to a server and to its honest clients.

use super::{Section, latency};
use crate::load::siege::{SiegeMemory, SiegeReport, TroopReport};
use crate::report::chart::Unit;

/// Who attacked, and what the honest clients saw before, under and after it.
pub(super) fn section(report: &SiegeReport) -> Section {
    let mut sentences: Vec<String> = report.attackers.iter().map(troop).collect();
    sentences.extend(report.p99_factor().map(|factor| {
        let judged = match report.p99_factor_max {
            max if max > 0.0 => format!("It may be {max} times as long."),
            _ => "That is not judged.".to_owned(),
        };
        format!("p99 was {factor:.2} times as long under attack as before. {judged}")
    }));
    sentences.extend(report.memory.as_ref().map(memory));
    let periods = [
        ("before", &report.before),
        ("under attack", &report.during),
        ("after", &report.after),
    ];
    let curves = periods.into_iter().filter_map(|(name, period)| {
        let curve = period.as_ref()?.window.latency_curve.clone();
        Some((name.to_owned(), curve))
    });
    let caption = "Messages of honest clients, from the moment when each was due to its arrival.";
    Section {
        title: "The siege".to_owned(),
        sentences,
        figures: vec![latency::figure(caption.to_owned(), curves.collect())],
        table: None,
    }
}

fn troop(troop: &TroopReport) -> String {
    format!(
        "{} attackers ({}) made {} connections, {} at a time; {} were refused, {} answers were \
         errors, and the server ended {}. They sent {}.",
        troop.attackers,
        troop.attack,
        troop.connections,
        troop.at_once_max,
        troop.refused,
        troop.errors,
        troop.ended,
        Unit::Bytes.show(troop.sent_bytes as f64),
    )
}

fn memory(memory: &SiegeMemory) -> String {
    let show = |bytes: u64| Unit::Bytes.show(bytes as f64);
    let after = memory.after.map_or_else(String::new, |after| {
        format!(", and {} after it", show(after.rss_anon_bytes))
    });
    let budget = match memory.budget_bytes {
        Some(budget) => format!("It may have {}.", show(budget)),
        None => "What it may have is not known.".to_owned(),
    };
    format!(
        "The server had {} of memory before the attack, {} at its peak, {} at its end{after}. \
         {budget}",
        show(memory.before.rss_anon_bytes),
        show(memory.peak_rss_anon_bytes),
        show(memory.during.rss_anon_bytes),
    )
}
