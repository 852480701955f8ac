//! What was answered to requests with an `Idempotency-Key`, so that a request which is sent again
//! is answered again and done once. What is kept is bounded in number, bytes and time; the oldest
//! goes first.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

/// Answers that are kept for one key of the API.
pub(super) const REPLAYS_MAX: usize = 10_000;

/// Bytes of all of them.
pub(super) const REPLAY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long they are kept: an application has tried again by then, or never will.
pub(super) const REPLAY_NS: u64 = 10 * 60 * 1_000_000_000;

/// Bytes of an `Idempotency-Key`.
pub(super) const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;

/// What one entry costs beside its answer: both digests, in the map and in the queue.
const ENTRY_BYTES: usize = 160;

type Digest = [u8; SHA256_OUTPUT_LEN];

/// The answers for one key of the API.
#[derive(Debug, Default)]
pub(super) struct Replays {
    entries: HashMap<Digest, Entry>,
    /// In the order in which they came, and when.
    order: VecDeque<(Digest, u64)>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    request: Digest,
    answer: Arc<str>,
}

/// What is known of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing: it is to be done.
    New(Name),
    /// It was done, and this was the answer.
    Done(Arc<str>),
    /// The same key has come with another request.
    Other,
}

/// An `Idempotency-Key` and the request that it came with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    key: Digest,
    request: Digest,
}

impl Replays {
    /// Looks whether a request has come already.
    pub(super) fn find(&mut self, key: &str, path: &str, body: &[u8], now_ns: u64) -> Known {
        self.forget_before(now_ns.saturating_sub(REPLAY_NS));
        let key = sha256(&[key.as_bytes()]);
        let request = sha256(&[path.as_bytes(), b"\n", body]);
        match self.entries.get(&key) {
            None => Known::New(Name { key, request }),
            Some(entry) if entry.request == request => Known::Done(Arc::clone(&entry.answer)),
            Some(_) => Known::Other,
        }
    }

    /// A request was done.
    pub(super) fn keep(&mut self, name: Name, answer: &str, now_ns: u64) {
        let Name { key, request } = name;
        let answer = Arc::from(answer);
        self.bytes += ENTRY_BYTES + str::len(&answer);
        if let Some(old) = self.entries.insert(key, Entry { request, answer }) {
            self.bytes -= ENTRY_BYTES + old.answer.len();
        } else {
            self.order.push_back((key, now_ns));
        }
        while self.entries.len() > REPLAYS_MAX || self.bytes > REPLAY_BYTES_MAX {
            self.forget_oldest();
        }
    }

    fn forget_before(&mut self, moment_ns: u64) {
        while self.order.front().is_some_and(|(_, at)| *at < moment_ns) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((key, _)) = self.order.pop_front()
            && let Some(old) = self.entries.remove(&key)
        {
            self.bytes -= ENTRY_BYTES + old.answer.len();
        }
        if self.order.is_empty() {
            // A peak must not stay.
            *self = Self::default();
        }
    }
}

fn sha256(parts: &[&[u8]]) -> Digest {
    let digest = match parts {
        [one] => digest(&SHA256, one),
        parts => {
            let mut context = ring::digest::Context::new(&SHA256);
            parts.iter().for_each(|part| context.update(part));
            context.finish()
        }
    };
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(replays: &mut Replays, key: &str, body: &str, at: u64) {
        match replays.find(key, "/publish", body.as_bytes(), at) {
            Known::New(name) => replays.keep(name, body, at),
            known => panic!("{known:?}"),
        }
    }

    #[test]
    fn a_request_is_done_once() {
        let mut replays = Replays::default();
        done(&mut replays, "a", "1", 0);
        let find = |replays: &mut Replays, key: &str, path: &str, body: &str| {
            replays.find(key, path, body.as_bytes(), 1)
        };
        let again = find(&mut replays, "a", "/publish", "1");
        assert_eq!(again, Known::Done("1".into()));
        assert_eq!(find(&mut replays, "a", "/publish", "2"), Known::Other);
        assert_eq!(find(&mut replays, "a", "/batch", "1"), Known::Other);
        let new = find(&mut replays, "b", "/publish", "1");
        assert!(matches!(new, Known::New(_)));
        let late = replays.find("a", "/publish", b"1", REPLAY_NS + 1);
        assert!(matches!(late, Known::New(_)), "it is forgotten");
        assert_eq!((replays.bytes, replays.order.len()), (0, 0));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many_or_too_much() {
        let mut replays = Replays::default();
        for number in 0..=REPLAYS_MAX {
            done(&mut replays, &number.to_string(), "x", 0);
        }
        assert_eq!(replays.entries.len(), REPLAYS_MAX);
        assert!(matches!(
            replays.find("0", "/publish", b"x", 0),
            Known::New(_)
        ));
        let large = "x".repeat(REPLAY_BYTES_MAX / 2);
        done(&mut replays, "large", &large, 0);
        done(&mut replays, "larger", &large, 0);
        assert!(replays.bytes <= REPLAY_BYTES_MAX);
        assert_eq!(replays.entries.len(), replays.order.len());
    }
}
