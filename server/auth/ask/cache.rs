//! Answers that still count.
//!
//! Two generations: once the younger one is full, the older one is forgotten. So strangers with
//! ever new credentials cost a bounded amount, and who comes back often is not forgotten for long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::question::Mark;

/// Bytes of a generation: some ten thousand answers of the usual size.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes that an entry costs besides its answer.
const ENTRY_BYTES: usize = 128;

/// Answers by question.
#[derive(Default)]
pub(super) struct Cache {
    young: HashMap<Mark, Entry>,
    old: HashMap<Mark, Entry>,
    young_bytes: usize,
}

#[derive(Clone)]
struct Entry {
    answer: Arc<Answer>,
    until: Instant,
}

impl Cache {
    /// The answer to a question that still counts.
    pub(super) fn get(&self, mark: &Mark, now: Instant) -> Option<Arc<Answer>> {
        let entry = self.young.get(mark).or_else(|| self.old.get(mark))?;
        (now < entry.until).then(|| Arc::clone(&entry.answer))
    }

    /// Keeps an answer. One that says nothing is not worth it: the URL may be back in a moment.
    pub(super) fn put(
        &mut self,
        mark: Mark,
        answer: &Arc<Answer>,
        lifetime: Duration,
        now: Instant,
    ) {
        if lifetime.is_zero() || **answer == Answer::Unavailable {
            return;
        }
        let bytes = ENTRY_BYTES + answer.bytes();
        if self.young_bytes + bytes > BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        let entry = Entry {
            answer: Arc::clone(answer),
            until: now + lifetime,
        };
        self.young_bytes += bytes;
        if let Some(before) = self.young.insert(mark, entry) {
            self.young_bytes -= ENTRY_BYTES + before.answer.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::verdict::{Auth, Method};

    fn mark(number: u32) -> Mark {
        let mut mark = Mark::default();
        mark[..4].copy_from_slice(&number.to_le_bytes());
        mark
    }

    #[test]
    fn an_answer_counts_for_its_time() {
        let (mut cache, now, second) = (Cache::default(), Instant::now(), Duration::from_secs(1));
        let allowed = Arc::new(Answer::Allowed(Auth::new(Method::Url)));
        cache.put(mark(1), &allowed, second, now);
        cache.put(mark(2), &Arc::new(Answer::Unavailable), second, now);
        cache.put(mark(3), &allowed, Duration::ZERO, now);
        assert!(cache.get(&mark(1), now).is_some());
        assert!(cache.get(&mark(1), now + second).is_none());
        assert!(cache.get(&mark(2), now).is_none() && cache.get(&mark(3), now).is_none());
    }

    #[test]
    fn ever_new_questions_cost_a_bounded_amount() {
        let (mut cache, now, hour) = (Cache::default(), Instant::now(), Duration::from_secs(3600));
        let allowed = Arc::new(Answer::Allowed(Auth::new(Method::Url)));
        for number in 0..100_000 {
            cache.put(mark(number), &allowed, hour, now);
            cache.put(mark(number), &allowed, hour, now);
        }
        assert!(cache.get(&mark(99_999), now).is_some());
        assert!(cache.get(&mark(0), now).is_none());
        let entries = cache.young.len() + cache.old.len();
        assert!(entries * ENTRY_BYTES <= 2 * BYTES_MAX, "{entries}");
        let sum: usize = cache.young.values().map(|entry| entry.answer.bytes()).sum();
        assert_eq!(sum + cache.young.len() * ENTRY_BYTES, cache.young_bytes);
    }
}
