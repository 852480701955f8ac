//! Who was refused lately, and why: for whoever looks at a server that turns clients away.
//!
//! Counters say how many there were ([`crate::Stats`]), the log has one line per second of each
//! kind. Here stand the last of each kind, one by one.
//!
//! # Invariants
//! - Of each reason the last [`REFUSALS_KEPT`] are kept, so a flood of one kind hides no other.
//! - Nobody waits: what comes while somebody else notes or reads is counted instead.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::{REFUSAL_TEXT_BYTES_MAX, REFUSALS_KEPT};

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident, $name:literal, $sentence:literal;)*) => {
        /// Why somebody was refused, or ended because of a bound.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum RefusalReason { $($(#[$doc])* $reason,)* }

        impl RefusalReason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$reason,)*];

            /// A word for it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$reason => $name,)* }
            }
        }

        impl fmt::Display for RefusalReason {
            /// A sentence.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$reason => $sentence,)* })
            }
        }
    };
}

reasons! {
    /// There are as many connections as there may be, or no memory is left.
    Connections, "connections",
        "there are as many connections as connections-max allows, or no memory is left";
    /// There are as many connections of its address as there may be.
    Addresses, "addresses",
        "there are as many connections of its address as connections-per-address allows";
    /// Connections come too fast.
    Accepts, "accepts",
        "connections come faster than accept-rate or accept-rate-per-address allows";
    /// Too many handshakes of TLS are under way.
    Handshakes, "handshakes", "as many handshakes of TLS are under way as handshakes-max allows";
    /// A handshake of TLS has failed, or what came behind it.
    Tls, "tls", "TLS has failed";
    /// A header of the PROXY protocol is missing, wrong, or from somebody who is no trusted proxy.
    Proxies, "proxies", "the header of the PROXY protocol is missing or wrong";
    /// Too many requests are under way.
    Requests, "requests", "as many requests are under way as requests-max allows";
    /// A request came too slowly.
    RequestTimedOut, "requestsTimedOut", "the request came too slowly";
    /// What came is no request, or one that is too large.
    BadRequest, "badRequests", "what came is no request, or too large";
    /// A layer has refused a request: authorization, origins, or one of the application's.
    Layer, "layers", "a layer refused the request";
    /// Too many sessions are not polled, or no memory is left.
    Sessions, "sessions",
        "as many sessions are not polled as sessions-max allows, or no memory is left";
    /// There are as many sparks of its client's address as there may be.
    Sparks, "sparks", "there are as many sparks of its address as connections-per-address allows";
    /// Too much is on its way to other shards.
    Moves, "moves", "too much is on its way to other shards, or waits for the application";
    /// A peer sent too much behind a request.
    Overrun, "overrun", "too much came behind a request";
    /// A peer reads too slowly what it is sent, or sends a message of a stream too slowly.
    Slow, "slow", "the peer takes, or sends of a message, less than min-rate";
    /// More waited for a spark than may wait.
    Overflow, "sparksOverflowed", "more waited to be sent to it than send-queue allows";
    /// A client sent too much.
    Flooding, "sparksFlooding",
        "the client sent more than message-rate or message-bytes-rate allows";
    /// A peer wanted more memory than its share, and none was left.
    Shed, "shed", "it wanted more memory than its share, and memory-max is reached";
}

/// Somebody who was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// By which shard.
    pub shard: u16,
    /// Through which listener the client came, by its place in the list of them.
    pub listener: u8,
    /// The client, as trusted proxies say; the peer of the connection otherwise.
    pub client: SocketAddr,
    /// Why.
    pub reason: RefusalReason,
    /// What it was answered, if it was.
    pub status: Option<u16>,
    /// What it asked for, if it came so far: method and path, without the query, which may hold
    /// secrets. Text of the client's.
    pub asked: Option<Box<str>>,
    /// More about the reason, if more is known. It may hold text of the client's.
    pub detail: Option<Box<str>>,
    /// The id of the spark that was ended.
    pub spark: Option<Box<str>>,
}

impl Refusal {
    pub(crate) fn new(at_ms: u64, shard: u16, client: SocketAddr, reason: RefusalReason) -> Self {
        Self {
            at_ms,
            shard,
            listener: 0,
            client,
            reason,
            status: None,
            asked: None,
            detail: None,
            spark: None,
        }
    }

    pub(crate) fn asked(mut self, method: &str, path: &str) -> Self {
        let mut asked =
            String::with_capacity(REFUSAL_TEXT_BYTES_MAX.min(method.len() + 1 + path.len()));
        for part in [method, " ", path] {
            asked.push_str(beginning(part, REFUSAL_TEXT_BYTES_MAX - asked.len()));
        }
        self.asked = Some(asked.into());
        self
    }

    pub(crate) fn detail(mut self, detail: &str) -> Self {
        self.detail = Some(beginning(detail, REFUSAL_TEXT_BYTES_MAX).into());
        self
    }
}

/// As much of a text as takes so many bytes.
fn beginning(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The last refusals of all shards.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    rings: Mutex<Vec<Ring>>,
    missed: AtomicU64,
}

/// The last of one reason.
#[derive(Debug, Default)]
struct Ring {
    kept: Vec<Refusal>,
    /// The place of the oldest, once it is full.
    oldest: usize,
}

impl Ring {
    fn push(&mut self, refusal: Refusal) {
        if self.kept.len() < REFUSALS_KEPT {
            self.kept.push(refusal);
        } else {
            self.kept[self.oldest] = refusal;
            self.oldest = (self.oldest + 1) % REFUSALS_KEPT;
        }
    }
}

impl Refusals {
    /// Notes somebody, unless somebody else is at it just now.
    pub(crate) fn note(&self, refusal: Refusal) {
        let Ok(mut rings) = self.rings.try_lock() else {
            self.missed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        if rings.is_empty() {
            rings.resize_with(RefusalReason::ALL.len(), Ring::default);
        }
        rings[refusal.reason as usize].push(refusal);
    }

    /// Those that are kept, the last one first.
    pub(crate) fn recent(&self) -> Vec<Refusal> {
        let rings = self.lock();
        let mut recent: Vec<_> = rings.iter().flat_map(|ring| &ring.kept).cloned().collect();
        drop(rings);
        recent.sort_by_key(|refusal| std::cmp::Reverse(refusal.at_ms));
        recent
    }

    /// How many were not noted, as somebody else was at it.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Ring>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(at_ms: u64, reason: RefusalReason) -> Refusal {
        Refusal::new(at_ms, 0, ([10, 0, 0, 1], 4000).into(), reason)
    }

    #[test]
    fn the_last_of_each_reason_are_kept_and_a_flood_hides_no_other() {
        let refusals = Refusals::default();
        refusals.note(refusal(5, RefusalReason::Tls));
        let many = 10 * REFUSALS_KEPT as u64;
        for at_ms in 10..10 + many {
            refusals.note(refusal(at_ms, RefusalReason::Accepts));
        }
        let recent = refusals.recent();
        assert_eq!(recent.len(), REFUSALS_KEPT + 1);
        let times: Vec<u64> = recent.iter().map(|refusal| refusal.at_ms).collect();
        let last = (10..10 + many).rev().take(REFUSALS_KEPT);
        assert!(times.into_iter().eq(last.chain([5])));
        assert_eq!(recent.last().unwrap().reason, RefusalReason::Tls);
    }

    #[test]
    fn who_notes_never_waits_and_what_is_missed_is_counted() {
        let refusals = Refusals::default();
        let reader = refusals.lock();
        refusals.note(refusal(1, RefusalReason::Shed));
        drop(reader);
        assert_eq!((refusals.missed(), refusals.recent().len()), (1, 0));
    }

    #[test]
    fn text_of_peers_is_kept_in_part() {
        let long = "\u{20ac}".repeat(REFUSAL_TEXT_BYTES_MAX);
        let refusal = refusal(1, RefusalReason::Layer)
            .asked("GET", &long)
            .detail(&long);
        let (asked, detail) = (refusal.asked.unwrap(), refusal.detail.unwrap());
        assert!(asked.starts_with("GET \u{20ac}") && asked.len() <= REFUSAL_TEXT_BYTES_MAX);
        assert!(
            detail.len() <= REFUSAL_TEXT_BYTES_MAX && detail.len() > REFUSAL_TEXT_BYTES_MAX - 3
        );
        let long_method = "M".repeat(2 * REFUSAL_TEXT_BYTES_MAX);
        let refusal = refusal_of_method(&long_method);
        assert_eq!(refusal.asked.unwrap().len(), REFUSAL_TEXT_BYTES_MAX);
    }

    fn refusal_of_method(method: &str) -> Refusal {
        refusal(1, RefusalReason::Layer).asked(method, "/")
    }

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let mut names: Vec<_> = RefusalReason::ALL
            .iter()
            .map(|reason| reason.name())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RefusalReason::ALL.len());
    }
}
