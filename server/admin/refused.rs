//! What was refused or ended because of a bound, by its reason.

use std::collections::VecDeque;

use allspark::Stats;

use super::bounds::REFUSALS_MAX;
use super::words::RefusalRow;

type Of = fn(&mut Stats) -> &mut u64;

/// Reasons in words, and where they are counted.
const REASONS: [(&str, Of); 19] = [
    ("too many connections", |s| &mut s.connections_refused),
    ("too many connections of one address", |s| {
        &mut s.addresses_refused
    }),
    ("connections came too fast", |s| &mut s.accepts_refused),
    ("too many handshakes of TLS at once", |s| {
        &mut s.handshakes_refused
    }),
    ("TLS failed", |s| &mut s.tls_failures),
    ("no header of a trusted proxy", |s| &mut s.proxies_refused),
    ("too many requests under way", |s| &mut s.requests_refused),
    ("a request came too slowly", |s| &mut s.requests_timed_out),
    ("too many sessions", |s| &mut s.sessions_refused),
    ("too many sparks of one address", |s| &mut s.sparks_refused),
    ("sent too much, ended", |s| &mut s.sparks_flooding),
    ("read too slowly, ended", |s| &mut s.sparks_overflowed),
    ("did not answer a ping, ended", |s| &mut s.sparks_silent),
    ("sent too much, message dropped", |s| {
        &mut s.messages_refused
    }),
    ("read too slowly, message dropped", |s| {
        &mut s.messages_dropped
    }),
    ("changed its shard too often", |s| &mut s.moves_refused),
    ("read an answer too slowly", |s| &mut s.connections_slow),
    ("sent too much behind a request", |s| {
        &mut s.connections_overrun
    }),
    ("no memory left for its share", |s| &mut s.peers_shed),
];

/// How often anything was refused.
pub(super) fn total(stats: &Stats) -> u64 {
    let mut stats = *stats;
    REASONS.iter().map(|(_, of)| *of(&mut stats)).sum()
}

/// Adds what another shard has refused.
pub(super) fn add(sum: &mut Stats, stats: &Stats) {
    let mut stats = *stats;
    for (_, of) in &REASONS {
        *of(sum) += *of(&mut stats);
    }
}

/// What was refused lately, the newest first.
#[derive(Default)]
pub(super) struct Refused {
    before: Stats,
    rows: VecDeque<RefusalRow>,
}

impl Refused {
    /// Notes what has come since. Returns whether anything has.
    pub(super) fn take(&mut self, at: u64, now: &Stats) -> bool {
        let (mut now, mut any) = (*now, false);
        for (reason, of) in &REASONS {
            let count = of(&mut now).saturating_sub(*of(&mut self.before));
            if count == 0 {
                continue;
            }
            any = true;
            self.rows.truncate(REFUSALS_MAX - 1);
            self.rows.push_front(RefusalRow {
                at,
                reason: (*reason).to_owned(),
                count,
                address: None,
                asked: None,
            });
        }
        self.before = now;
        any
    }

    pub(super) fn rows(&mut self) -> &[RefusalRow] {
        self.rows.make_contiguous()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_since_is_noted_by_its_reason() {
        let mut refused = Refused::default();
        let mut stats = Stats::default();
        assert!(!refused.take(1, &stats));
        stats.sparks_silent = 2;
        stats.addresses_refused = 1;
        assert!(refused.take(2, &stats));
        assert!(!refused.take(3, &stats));
        assert_eq!(total(&stats), 3);
        let rows: Vec<_> = refused
            .rows()
            .iter()
            .map(|row| (row.at, row.count))
            .collect();
        assert_eq!(rows, [(2, 2), (2, 1)]);
        for at in 0..1_000 {
            stats.peers_shed += 1;
            assert!(refused.take(at, &stats));
        }
        assert_eq!(refused.rows().len(), REFUSALS_MAX);
        assert_eq!(refused.rows()[0].at, 999);
    }
}
