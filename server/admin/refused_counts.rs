//! How often somebody was refused, or ended because of a bound.

use allspark::Stats;

/// Where a counter is.
pub(super) type Of = fn(&mut Stats) -> &mut u64;

/// Where everything is counted that was refused.
const COUNTED: [Of; 19] = [
    |stats| &mut stats.connections_refused,
    |stats| &mut stats.addresses_refused,
    |stats| &mut stats.accepts_refused,
    |stats| &mut stats.handshakes_refused,
    |stats| &mut stats.tls_failures,
    |stats| &mut stats.proxies_refused,
    |stats| &mut stats.requests_refused,
    |stats| &mut stats.requests_timed_out,
    |stats| &mut stats.sessions_refused,
    |stats| &mut stats.sparks_refused,
    |stats| &mut stats.sparks_flooding,
    |stats| &mut stats.sparks_overflowed,
    |stats| &mut stats.sparks_silent,
    |stats| &mut stats.messages_refused,
    |stats| &mut stats.messages_dropped,
    |stats| &mut stats.moves_refused,
    |stats| &mut stats.connections_slow,
    |stats| &mut stats.connections_overrun,
    |stats| &mut stats.peers_shed,
];

/// How often anything was refused.
pub(super) fn total(stats: &Stats) -> u64 {
    let mut stats = *stats;
    COUNTED.iter().map(|of| *of(&mut stats)).sum()
}

/// Adds what another shard has refused.
pub(super) fn add(sum: &mut Stats, stats: &Stats) {
    let mut stats = *stats;
    for of in COUNTED {
        *of(sum) += *of(&mut stats);
    }
}
