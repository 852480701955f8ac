//! Who was refused lately, or ended because of a bound, and why: what the engine keeps of that,
//! and, by their counters alone, what it does not keep one by one.

use std::collections::VecDeque;

use allspark::Stats;
use allspark_engine::Refusal;

use super::bounds::REFUSALS_MAX;
use super::refused_counts::Of;
use super::words::RefusalRow;

/// What of it is not kept one by one, in words.
const IN_WORDS: [(&str, Of); 3] = [
    ("a spark did not answer its ping", |stats| {
        &mut stats.sparks_silent
    }),
    ("a client sent too much: messages were dropped", |stats| {
        &mut stats.messages_refused
    }),
    (
        "a client reads too slowly: messages were dropped",
        |stats| &mut stats.messages_dropped,
    ),
];

/// What was refused lately, the newest first.
#[derive(Default)]
pub(super) struct Refused {
    before: Stats,
    counted: VecDeque<RefusalRow>,
    told: Vec<RefusalRow>,
}

impl Refused {
    /// Notes what the counters say has come since.
    pub(super) fn count(&mut self, at: u64, now: &Stats) {
        let mut now = *now;
        for (reason, of) in &IN_WORDS {
            let count = of(&mut now).saturating_sub(*of(&mut self.before));
            if count > 0 {
                self.counted.truncate(REFUSALS_MAX - 1);
                let row = RefusalRow::new(at, (*reason).to_owned());
                self.counted.push_front(RefusalRow { count, ..row });
            }
        }
        self.before = now;
    }

    /// All of it, with what the engine has kept. `None` if it is what was told last time.
    pub(super) fn news(&mut self, kept: &[Refusal]) -> Option<&[RefusalRow]> {
        let rows = self.rows(kept);
        if rows == self.told {
            return None;
        }
        self.told = rows;
        Some(&self.told)
    }

    /// All of it, for somebody who has heard nothing yet.
    pub(super) fn all(&mut self, kept: &[Refusal]) -> &[RefusalRow] {
        self.told = self.rows(kept);
        &self.told
    }

    fn rows(&self, kept: &[Refusal]) -> Vec<RefusalRow> {
        let mut all: Vec<RefusalRow> = kept.iter().map(RefusalRow::from).collect();
        all.extend(self.counted.iter().cloned());
        all.sort_by_key(|row| std::cmp::Reverse(row.at));
        let mut rows: Vec<RefusalRow> = Vec::new();
        for row in all {
            // What came again right before is one row.
            let is_full = rows.len() == REFUSALS_MAX;
            match rows.last_mut() {
                Some(last) if last.is_like(&row) => last.count += row.count,
                _ if is_full => break,
                _ => rows.push(row),
            }
        }
        rows
    }
}

impl RefusalRow {
    fn new(at: u64, reason: String) -> Self {
        Self {
            at,
            reason,
            count: 1,
            address: None,
            asked: None,
            spark: None,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.address == other.address
            && self.asked == other.asked
            && self.spark == other.spark
            && self.at.abs_diff(other.at) < 60_000
    }
}

impl From<&Refusal> for RefusalRow {
    fn from(refusal: &Refusal) -> Self {
        let status = refusal.status.map(|status| status.to_string());
        let parts = [
            refusal.asked.as_deref(),
            status.as_deref(),
            refusal.detail.as_deref(),
        ];
        let asked: Vec<&str> = parts.into_iter().flatten().collect();
        Self {
            // Ports of one client differ each time.
            address: Some(refusal.client.ip().to_canonical().to_string()),
            asked: (!asked.is_empty()).then(|| asked.join(" · ")),
            spark: refusal.spark.as_deref().map(str::to_owned),
            ..Self::new(refusal.at_ms, refusal.reason.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_counted_is_noted_in_words() {
        let mut refused = Refused::default();
        let mut stats = Stats::default();
        refused.count(1, &stats);
        assert_eq!(refused.news(&[]), None);
        stats.sparks_silent = 2;
        stats.addresses_refused = 1;
        refused.count(2, &stats);
        assert_eq!(crate::admin::refused_counts::total(&stats), 3);
        let rows = refused.news(&[]).unwrap();
        assert_eq!((rows.len(), rows[0].at, rows[0].count), (1, 2, 2));
        assert_eq!(refused.news(&[]), None, "it was told");
    }

    #[test]
    fn what_comes_again_is_one_row_and_there_are_few_rows() {
        let mut refused = Refused::default();
        let mut stats = Stats::default();
        for minute in 0..1_000 {
            for second in 0..3 {
                stats.sparks_silent += 1;
                refused.count(minute * 100_000 + second, &stats);
            }
        }
        assert_eq!(refused.counted.len(), REFUSALS_MAX);
        let rows = refused.news(&[]).unwrap();
        assert_eq!((rows[0].at, rows[0].count), (999 * 100_000 + 2, 3));
    }
}
