//! How much of one spark waits for the application.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of the messages of a spark that were not told yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<AtomicUsize>);

/// One message of them, until it is told or given up.
#[derive(Debug)]
pub(super) struct Part {
    waiting: Waiting,
    bytes: usize,
}

impl Waiting {
    pub(super) fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// One more message waits.
    pub(super) fn add(&self, bytes: usize) -> Part {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Part {
            waiting: self.clone(),
            bytes,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.waiting.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_waits_no_more() {
        let waiting = Waiting::default();
        let (one, other) = (waiting.add(3), waiting.add(4));
        assert_eq!(waiting.bytes(), 7);
        drop(one);
        assert_eq!(waiting.bytes(), 4);
        drop(other);
        assert_eq!(waiting.bytes(), 0);
    }
}
