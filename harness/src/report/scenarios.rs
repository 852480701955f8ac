//! What only some loads have to say, as text.

use std::fmt;

use super::delays::fmt_delays;
use crate::load::acks::AcksReport;
use crate::load::churn::ChurnReport;
use crate::load::conflation::ConflationReport;
use crate::load::mixed::MixedReport;
use crate::load::publish::PublishReport;
use crate::load::rooms::RoomsReport;
use crate::load::siege::{Period, SiegeMemory, SiegeReport};
use crate::load::storm::StormReport;
use crate::load::trust::TlsReport;

pub(super) fn churn(f: &mut fmt::Formatter<'_>, churn: &ChurnReport) -> fmt::Result {
    let opening = &churn.opening_us;
    writeln!(
        f,
        "connections   {} of {} messages each: {:.0} per second; opened in p50 {:.0} us, \
         p99 {:.0} us, max {:.0} us",
        churn.connections,
        churn.messages_per_connection,
        churn.connections_per_second,
        opening.p50,
        opening.p99,
        opening.max,
    )?;
    let memory = churn
        .server_rss_anon_before_bytes
        .zip(churn.server_rss_anon_after_bytes);
    if let Some((before, after)) = memory {
        writeln!(
            f,
            "memory        server {before} bytes before, {after} bytes after everybody left"
        )?;
    }
    Ok(())
}

pub(super) fn tls(f: &mut fmt::Formatter<'_>, tls: &TlsReport) -> fmt::Result {
    match tls.resumes {
        true => writeln!(
            f,
            "handshakes    {} resumed an earlier session",
            tls.resumed
        ),
        false => writeln!(f, "handshakes    each from nothing"),
    }
}

pub(super) fn mixed(f: &mut fmt::Formatter<'_>, mixed: &MixedReport) -> fmt::Result {
    let roles = mixed.roles.iter().filter(|(_, count)| *count > 0);
    let roles = roles.map(|(name, count)| format!("{count} {name}"));
    writeln!(f, "clients       {}", roles.collect::<Vec<_>>().join(", "))?;
    writeln!(
        f,
        "disturbances  {} times somebody did not read, {} vanished, {} left; {} came back",
        mixed.stalls, mixed.vanished, mixed.left, mixed.returned,
    )?;
    let Some(sparks) = mixed.sparks else {
        return writeln!(f, "sparks        the server does not say how many it has");
    };
    let show = |count: Option<u64>| count.map_or("?".to_owned(), |count| count.to_string());
    writeln!(
        f,
        "sparks        the server had {} before, {} with all clients, {} after",
        sparks.before,
        show(sparks.with_clients),
        show(sparks.after),
    )
}

pub(super) fn rooms(f: &mut fmt::Formatter<'_>, rooms: &RoomsReport) -> fmt::Result {
    writeln!(
        f,
        "rooms         {} rooms with {} members in all, the largest {}",
        rooms.rooms, rooms.memberships, rooms.members_max,
    )
}

pub(super) fn conflation(f: &mut fmt::Formatter<'_>, conflation: &ConflationReport) -> fmt::Result {
    writeln!(
        f,
        "values        of {} keys: {} of {} arrived, newer ones took the place of {} at {} clients \
         that did not read {} times for {} ms, and of {} at others",
        conflation.keys,
        conflation.arrived,
        conflation.owed,
        conflation.replaced_slow,
        conflation.slow_clients,
        conflation.stalls,
        conflation.stall_ms,
        conflation.replaced_others,
    )
}

pub(super) fn acks(f: &mut fmt::Formatter<'_>, acks: &AcksReport) -> fmt::Result {
    let questions = &acks.questions;
    writeln!(
        f,
        "questions     {} asked, {} answered, {} with nothing after {} ms, {} ended with their \
         connection; {} asked back, of which {} were answered twice",
        questions.asked,
        questions.answered,
        questions.given_up,
        acks.timeout_ms,
        questions.excused,
        acks.asked_back,
        acks.answered_twice,
    )
}

pub(super) fn publish(f: &mut fmt::Formatter<'_>, publish: &PublishReport) -> fmt::Result {
    let (answer, last) = (&publish.answer_us, &publish.last_us);
    writeln!(
        f,
        "published     {:.0} messages per second in {:.0} requests of {} by {} connections",
        publish.messages_per_second,
        publish.requests_per_second,
        publish.batch,
        publish.connections,
    )?;
    writeln!(
        f,
        "answered      in p50 {:.0} us, p99 {:.0} us, max {:.0} us",
        answer.p50, answer.p99, answer.max,
    )?;
    writeln!(
        f,
        "last of {:<5} has it in p50 {:.0} us, p99 {:.0} us, max {:.0} us after the request",
        publish.receivers, last.p50, last.p99, last.max,
    )
}

pub(super) fn storm(f: &mut fmt::Formatter<'_>, storm: &StormReport) -> fmt::Result {
    let back = &storm.return_us;
    writeln!(
        f,
        "storm         {} of {} connections came back after {} outages of {} ms: half of them \
         {:.0} ms after the new beginning, 99 % in {:.0} ms, the last in {:.0} ms; {} attempts, at \
         most {} of a client, {} of them given up unanswered",
        storm.returned,
        storm.struck,
        storm.strikes,
        storm.outage_ms,
        back.p50 / 1000.0,
        back.p99 / 1000.0,
        back.max / 1000.0,
        storm.attempts,
        storm.attempts_max,
        storm.timeouts,
    )?;
    if let Some(first) = storm.first_delays {
        writeln!(
            f,
            "delays        {} in all; attempt 1: {} of {:.1} to {:.1} ms (algorithm {:.0}, at \
             most {:.0} late)",
            storm.delays_seen(),
            first.count,
            first.ms_min,
            first.ms_max,
            first.ms_expected,
            storm.algorithm.tolerance_ms,
        )?;
    }
    fmt_delays(f, "", None, &storm.delays)?;
    let late = &storm.lateness_us;
    writeln!(
        f,
        "lateness      of the load generator itself: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        late.p50 / 1000.0,
        late.p99 / 1000.0,
        late.max / 1000.0,
    )?;
    if storm.is_blurred() {
        writeln!(
            f,
            "              Only without it, as below, are the delays distributed as they should be."
        )?;
        fmt_delays(f, "  punctual", None, &storm.delays_punctual)?;
    }
    Ok(())
}

pub(super) fn siege(f: &mut fmt::Formatter<'_>, siege: &SiegeReport) -> fmt::Result {
    for troop in &siege.attackers {
        writeln!(
            f,
            "attackers     {} {}: {} connections, {} at a time, {} refused, {} errors answered, {} \
             ended by the server; {} bytes sent",
            troop.attackers,
            troop.attack,
            troop.connections,
            troop.at_once_max,
            troop.refused,
            troop.errors,
            troop.ended,
            troop.sent_bytes,
        )?;
    }
    let periods = [
        ("before", &siege.before),
        ("under attack", &siege.during),
        ("after", &siege.after),
    ];
    for (name, period) in periods {
        if let Some(period) = period {
            fmt_period(f, name, period)?;
        }
    }
    if let Some(factor) = siege.p99_factor() {
        let judged = match siege.p99_factor_max {
            max if max > 0.0 => format!("may be {max}"),
            _ => "is not judged".to_owned(),
        };
        writeln!(
            f,
            "p99           {factor:.2} times as long under attack as before, which {judged}"
        )?;
    }
    match &siege.memory {
        Some(memory) => fmt_siege_memory(f, memory),
        None => Ok(()),
    }
}

fn fmt_period(f: &mut fmt::Formatter<'_>, name: &str, period: &Period) -> fmt::Result {
    let (window, latency) = (&period.window, &period.window.latency_us);
    write!(
        f,
        "{name:<12}  {:.0} messages per second, p50 {:.0} us, p99 {:.0} us, max {:.0} us; ",
        window.received_per_second, latency.p50, latency.p99, latency.max,
    )?;
    if let Some((connections, opening)) = period.connections.zip(period.opening_us) {
        write!(
            f,
            "{connections} connections, opened in p50 {:.0} us, p99 {:.0} us, max {:.0} us; ",
            opening.p50, opening.p99, opening.max,
        )?;
    }
    write!(f, "processor: client {:.0} %", window.client_cpu_percent)?;
    match window.server_cpu_percent {
        Some(server) => writeln!(f, ", server {server:.0} %"),
        None => writeln!(f),
    }
}

fn fmt_siege_memory(f: &mut fmt::Formatter<'_>, memory: &SiegeMemory) -> fmt::Result {
    write!(
        f,
        "memory        server {} bytes before (PSS {}), {} at the peak, {} at the end of the \
         attack (PSS {})",
        memory.before.rss_anon_bytes,
        memory.before.pss_bytes,
        memory.peak_rss_anon_bytes,
        memory.during.rss_anon_bytes,
        memory.during.pss_bytes,
    )?;
    if let Some(after) = memory.after {
        write!(
            f,
            ", {} after (PSS {})",
            after.rss_anon_bytes, after.pss_bytes
        )?;
    }
    match memory.budget_bytes {
        Some(budget) => writeln!(f, "; it may have {budget}"),
        None => writeln!(f, "; what it may have is not known"),
    }
}
