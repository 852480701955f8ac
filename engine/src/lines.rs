//! Lines of the log that a peer can cause. Of each kind at most one per second is logged; it says
//! how many were not logged since the one before.

use std::sync::atomic::{AtomicU64, Ordering};

use allspark_protocol::Instant;

use crate::limits::LOG_LINE_INTERVAL_MS;

/// The kinds of such lines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    /// The machine lets no connection be accepted.
    AcceptFailed,
    /// A connection was refused because there are too many.
    ConnectionRefused,
    /// A session was refused because too many are not polled.
    SessionRefused,
    /// A peer was ended because it wanted more memory than its share.
    Shed,
    /// A function of the application panicked.
    Panicked,
    /// A client reads too slowly.
    Overflowed,
    /// A connection is lost between two shards.
    TravelFailed,
    /// A request was refused because too much is on its way to other shards.
    MoveRefused,
    /// A connection came without the header of the PROXY protocol that it needs.
    ProxyRefused,
    /// A connection with TLS has failed.
    TlsFailed,
    /// The application has made an id that can't be one.
    IdRefused,
    /// A connection was refused because there are too many of its address.
    AddressRefused,
    /// A connection was refused because they come too fast.
    AcceptRefused,
    /// Nobody is accepted for a while because connections come too fast.
    AcceptRests,
    /// A spark was refused because there are too many of its client's address.
    SparkRefused,
    /// A connection was closed because too many handshakes are under way.
    HandshakeRefused,
    /// A request was refused because too many are under way.
    RequestRefused,
    /// A client sends too much.
    Flooded,
}

/// How many kinds there are.
const KINDS: usize = Line::Flooded as usize + 1;

/// When each kind of line may be logged again. All shards of a server share it.
#[derive(Debug, Default)]
pub(crate) struct Lines([Throttle; KINDS]);

impl Lines {
    /// Whether a line of this kind may be logged now; if not, it is counted.
    pub(crate) fn admit(&self, line: Line, now: Instant) -> Option<Admitted> {
        self.0[line as usize].admit(now)
    }
}

/// A line that may be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// How many of its kind were not, since the last that was; `None` for none.
    pub(crate) unlogged: Option<u64>,
}

#[derive(Debug, Default)]
struct Throttle {
    next_ms: AtomicU64,
    unlogged: AtomicU64,
}

impl Throttle {
    fn admit(&self, now: Instant) -> Option<Admitted> {
        let now_ms = now.as_ms();
        let next_ms = self.next_ms.load(Ordering::Relaxed);
        let later_ms = now_ms + LOG_LINE_INTERVAL_MS;
        let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
        // Of several threads that come at the same time one succeeds.
        let is_due = now_ms >= next_ms
            && self
                .next_ms
                .compare_exchange(next_ms, later_ms, success, failure)
                .is_ok();
        if !is_due {
            self.unlogged.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let unlogged = self.unlogged.swap(0, Ordering::Relaxed);
        Some(Admitted {
            unlogged: (unlogged > 0).then_some(unlogged),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_of_a_kind_per_second_says_how_many_there_were() {
        let lines = Lines::default();
        let at = |ms| lines.admit(Line::AcceptFailed, Instant::from_ms(ms));
        let logged = |unlogged| Some(Admitted { unlogged });
        assert_eq!(at(0), logged(None));
        assert_eq!((at(0), at(500), at(999)), (None, None, None));
        let other = lines.admit(Line::Overflowed, Instant::from_ms(999));
        assert_eq!(other, logged(None), "another kind is not held back");
        assert_eq!(at(1000), logged(Some(3)));
        assert_eq!(at(5000), logged(None));
    }

    #[test]
    fn every_line_is_logged_or_counted_whichever_shard_it_is_from() {
        let lines = Lines::default();
        let told: u64 = std::thread::scope(|scope| {
            let shard = || {
                let admitted = (0..1000).filter_map(|ms| {
                    let admitted = lines.admit(Line::Panicked, Instant::from_ms(ms * 7));
                    admitted.map(|line| 1 + line.unlogged.unwrap_or(0))
                });
                admitted.sum::<u64>()
            };
            let shards: Vec<_> = (0..4).map(|_| scope.spawn(shard)).collect();
            shards.into_iter().map(|s| s.join().unwrap()).sum()
        });
        let rest = lines.admit(Line::Panicked, Instant::from_ms(1_000_000));
        let rest = rest.and_then(|line| line.unlogged).unwrap_or(0);
        assert_eq!(told + rest, 4000);
    }
}
