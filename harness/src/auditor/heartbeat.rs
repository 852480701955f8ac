//! Whether each client is pinged once per interval.

use std::collections::HashSet;
use std::time::Duration;

use allspark_protocol::Instant;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::{Fault, Findings};

/// The largest jitter that can be told from a larger one: longer than any interval.
const JITTER_US_MAX: u64 = 2 * u32::MAX as u64;

/// The first range of jitter. Below it the clock of a load says nothing.
const JITTER_BIN_US_MIN: u64 = 16;

/// The oldest ping that can be told from an older one.
const AGE_MS_MAX: u64 = 3_600_000;

/// What is expected of pings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeartbeatRule {
    /// Between two pings of one client.
    pub(crate) interval: Duration,
    /// How far a ping may be from its time.
    pub(crate) tolerance: Duration,
}

/// How punctual the pings were.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HeartbeatReport {
    /// The interval that was expected.
    pub(crate) interval_ms: u64,
    /// Pings in all.
    pub(crate) pings: u64,
    /// Pings with one before them, whose distance could be judged on both sides.
    pub(crate) judged: u64,
    /// The fewest pings that a client got.
    pub(crate) pings_per_client_min: u16,
    /// The most pings that a client got.
    pub(crate) pings_per_client_max: u16,
    /// Half of the judged pings were at most this far from their time.
    pub(crate) jitter_us_p50: u64,
    /// 99 of 100 were at most this far from it.
    pub(crate) jitter_us_p99: u64,
    /// None was farther from it.
    pub(crate) jitter_us_max: u64,
    /// How many were how far from it; each range is twice as wide as the one before it.
    pub(crate) jitter_us_bins: Vec<JitterBin>,
    /// 99 of 100 pings were at most this old when they arrived, by the moment that they carry.
    /// Where the server has another clock it says nothing.
    pub(crate) age_ms_p99: u64,
    /// None was older.
    pub(crate) age_ms_max: u64,
}

/// Pings whose distance from their time was in one range.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct JitterBin {
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
    pub(crate) count: u64,
}

/// The pings of all clients.
pub(super) struct Heartbeats {
    rule: HeartbeatRule,
    /// When each client was pinged last, or opened, in microseconds, which may wrap around:
    /// only differences count, and they are shorter than the 71 minutes that fit.
    last_us: Vec<u32>,
    pings: Vec<u16>,
    total: u64,
    opened: Vec<bool>,
    /// Clients that are late for reasons of their own.
    exempt: HashSet<u32>,
    /// Whether each client's connection is so new that it was not pinged yet.
    fresh: Vec<bool>,
    jitter_us: Histogram<u64>,
    age_ms: Histogram<u64>,
}

impl Heartbeats {
    pub(super) fn new(rule: HeartbeatRule, clients: u32) -> Self {
        Self {
            rule,
            last_us: vec![0; clients as usize],
            pings: vec![0; clients as usize],
            total: 0,
            opened: vec![false; clients as usize],
            exempt: HashSet::new(),
            fresh: vec![true; clients as usize],
            jitter_us: Histogram::new_with_max(JITTER_US_MAX, 3).expect("the bounds are constants"),
            age_ms: Histogram::new_with_max(AGE_MS_MAX, 3).expect("the bounds are constants"),
        }
    }

    /// A client does not always read, so its pings are counted, and not judged.
    pub(super) fn exempt(&mut self, client: u32) {
        self.exempt.insert(client);
    }

    pub(super) fn opened(&mut self, client: u32, now: Instant) {
        self.last_us[client as usize] = wrapped_us(now);
        self.opened[client as usize] = true;
        self.fresh[client as usize] = true;
    }

    /// The first ping of a connection may come at any time of the first interval, because servers
    /// spread their pings; after that both an early and a late ping are wrong.
    pub(super) fn pinged(
        &mut self,
        client: u32,
        now: Instant,
        age_ms: Option<u64>,
        findings: &mut Findings,
    ) {
        let gap = self.gap(client, now);
        let is_first = std::mem::take(&mut self.fresh[client as usize]);
        self.judge_late(client, gap, findings);
        if !is_first && !self.is_exempt(client) {
            self.judge_early(client, gap, findings);
            let jitter = gap.abs_diff(self.rule.interval);
            let jitter_us = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX);
            self.jitter_us.saturating_record(jitter_us);
        }
        self.last_us[client as usize] = wrapped_us(now);
        self.pings[client as usize] = self.pings[client as usize].saturating_add(1);
        self.total += 1;
        if let Some(age_ms) = age_ms {
            self.age_ms.saturating_record(age_ms);
        }
    }

    /// The client is about to leave: a ping that should have come by now is late.
    pub(super) fn closed(&mut self, client: u32, now: Instant, findings: &mut Findings) {
        let gap = self.gap(client, now);
        self.judge_late(client, gap, findings);
    }

    pub(super) fn into_report(self) -> HeartbeatReport {
        let counts = || {
            let pings = self.pings.iter().copied().zip(&self.opened);
            pings.filter_map(|(pings, opened)| opened.then_some(pings))
        };
        HeartbeatReport {
            interval_ms: u64::try_from(self.rule.interval.as_millis()).unwrap_or(u64::MAX),
            pings: self.total,
            judged: self.jitter_us.len(),
            pings_per_client_min: counts().min().unwrap_or(0),
            pings_per_client_max: counts().max().unwrap_or(0),
            jitter_us_p50: self.jitter_us.value_at_quantile(0.5),
            jitter_us_p99: self.jitter_us.value_at_quantile(0.99),
            jitter_us_max: self.jitter_us.max(),
            jitter_us_bins: bins(&self.jitter_us),
            age_ms_p99: self.age_ms.value_at_quantile(0.99),
            age_ms_max: self.age_ms.max(),
        }
    }

    fn gap(&self, client: u32, now: Instant) -> Duration {
        let us = wrapped_us(now).wrapping_sub(self.last_us[client as usize]);
        Duration::from_micros(u64::from(us))
    }

    fn is_exempt(&self, client: u32) -> bool {
        !self.exempt.is_empty() && self.exempt.contains(&client)
    }

    fn judge_late(&self, client: u32, gap: Duration, findings: &mut Findings) {
        if gap > self.rule.interval + self.rule.tolerance && !self.is_exempt(client) {
            findings.note(Fault::PingLate, || {
                format!("client {client} was not pinged for {gap:?}")
            });
        }
    }

    fn judge_early(&self, client: u32, gap: Duration, findings: &mut Findings) {
        if gap + self.rule.tolerance < self.rule.interval {
            findings.note(Fault::PingEarly, || {
                format!("client {client} was pinged again after {gap:?}")
            });
        }
    }
}

/// Counts of ranges that double, from the first that is not empty to the last.
fn bins(jitter_us: &Histogram<u64>) -> Vec<JitterBin> {
    let mut from_us = 0;
    let bins = jitter_us.iter_log(JITTER_BIN_US_MIN, 2.0).map(|step| {
        let to_us = step.value_iterated_to() + 1;
        let bin = JitterBin {
            from_us,
            to_us,
            count: step.count_since_last_iteration(),
        };
        from_us = to_us;
        bin
    });
    bins.skip_while(|bin| bin.count == 0).collect()
}

fn wrapped_us(now: Instant) -> u32 {
    (now.as_ns() / 1000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: HeartbeatRule = HeartbeatRule {
        interval: Duration::from_millis(1000),
        tolerance: Duration::from_millis(100),
    };

    /// One client, opened at 5 s, pinged at these moments and closed at the last one.
    fn judged(pings_ms: &[u64], closed_ms: u64) -> (Findings, HeartbeatReport) {
        let mut findings = Findings::default();
        let mut heartbeats = Heartbeats::new(RULE, 1);
        heartbeats.opened(0, Instant::from_ms(5000));
        for &ms in pings_ms {
            heartbeats.pinged(0, Instant::from_ms(ms), Some(ms % 10), &mut findings);
        }
        heartbeats.closed(0, Instant::from_ms(closed_ms), &mut findings);
        (findings, heartbeats.into_report())
    }

    #[test]
    fn punctual_pings_are_right_and_their_jitter_is_reported() {
        let (findings, report) = judged(&[5300, 6300, 7307, 8250], 9200);
        assert_eq!(findings.total(), 0);
        assert_eq!((report.pings, report.judged), (4, 3));
        assert_eq!(report.pings_per_client_min, 4);
        assert_eq!(report.age_ms_max, 7);
        assert!((56_900..=57_100).contains(&report.jitter_us_max));
        let bins = &report.jitter_us_bins;
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), report.judged);
        assert!(bins.windows(2).all(|pair| pair[0].to_us == pair[1].from_us));
    }

    #[test]
    fn a_ping_too_early_or_too_late_is_found() {
        let (findings, _) = judged(&[5300, 6100], 6500);
        assert_eq!(findings.count(Fault::PingEarly), 1);
        let (findings, _) = judged(&[5300, 6500], 6600);
        assert_eq!(findings.count(Fault::PingLate), 1);
        assert_eq!(judged(&[6050], 6100).0.total(), 0, "the first one may wait");
    }

    #[test]
    fn a_ping_that_never_comes_is_late() {
        assert_eq!(judged(&[], 5900).0.total(), 0);
        assert_eq!(judged(&[], 6200).0.count(Fault::PingLate), 1);
    }

    #[test]
    fn a_new_connection_begins_a_new_count() {
        let mut findings = Findings::default();
        let mut heartbeats = Heartbeats::new(RULE, 1);
        for opened_ms in [1000, 5000] {
            heartbeats.opened(0, Instant::from_ms(opened_ms));
            for ms in [opened_ms + 50, opened_ms + 1050] {
                heartbeats.pinged(0, Instant::from_ms(ms), None, &mut findings);
            }
        }
        assert_eq!(findings.total(), 0);
    }

    #[test]
    fn the_clock_may_wrap() {
        let mut findings = Findings::default();
        let mut heartbeats = Heartbeats::new(RULE, 1);
        let wrap_ms = u64::from(u32::MAX) / 1000;
        heartbeats.opened(0, Instant::from_ms(wrap_ms - 500));
        heartbeats.pinged(0, Instant::from_ms(wrap_ms - 400), None, &mut findings);
        heartbeats.pinged(0, Instant::from_ms(wrap_ms + 600), None, &mut findings);
        assert_eq!(findings.total(), 0);
    }
}
