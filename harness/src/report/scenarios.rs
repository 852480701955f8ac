//! What only some loads have to say, as text.

use std::fmt;

use super::delays::fmt_delays;
use crate::load::churn::ChurnReport;
use crate::load::mixed::MixedReport;
use crate::load::rooms::RoomsReport;
use crate::load::storm::StormReport;

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
