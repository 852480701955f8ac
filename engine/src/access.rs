//! What an access log needs of a request: what was asked, by whom, and how it was answered.
//!
//! It is kept by connection from the moment that the head of the request has come until its answer
//! is queued, and only if somebody wants to know ([`OnAnswered`]).
//!
//! # Invariants
//! - Of each text of a peer a bounded part is kept, and what is kept is counted.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::http::RequestHead;

use crate::limits::{ACCESS_TARGET_BYTES_MAX, ACCESS_TEXT_BYTES_MAX};
use crate::memory::{GiveBack, Key};

/// Is told of each request that was answered, or never will be, on the thread of its shard.
pub type OnAnswered = Arc<dyn Fn(&Access<'_>) + Send + Sync>;

/// A request and what became of it. Its texts are the peer's.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// When its head had come, in milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// How long it took until its answer was queued whole. A WebSocket begins with its answer.
    pub duration: Duration,
    /// Who asked, as trusted proxies say; the peer of the connection otherwise.
    pub client: SocketAddr,
    /// Through which listener, by its place in the list of them.
    pub listener: u8,
    /// Which shard answered.
    pub shard: u16,
    /// Whether the connection is encrypted.
    pub is_secure: bool,
    /// What was asked; without it what came was no request, or was not looked at.
    pub asked: Option<Asked<'a>>,
    /// What it was answered; 101 if it became a WebSocket. `None`: the connection was over before.
    pub status: Option<u16>,
    /// Bytes of the answer's body.
    pub bytes: u64,
}

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The target as it came, with its query, which may hold secrets. Its first 1,024 bytes.
    pub target: &'a str,
    /// The `x` of `HTTP/1.x`.
    pub minor_version: u8,
    /// The header `Host`; empty if there is none, as all that follow. The first 256 bytes of each.
    pub host: &'a str,
    /// The header `Referer`.
    pub referer: &'a str,
    /// The header `User-Agent`.
    pub user_agent: &'a str,
}

/// A request that is not answered yet.
struct Kept {
    at: Instant,
    at_ms: u64,
    client: SocketAddr,
    minor_version: u8,
    /// The answer has begun.
    status: Option<u16>,
    bytes: u64,
    /// Its texts, one behind the other, and where each of them ends.
    texts: Box<str>,
    ends: [u16; 5],
}

impl Kept {
    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of::<Key>() + self.texts.len()
    }

    fn asked(&self) -> Asked<'_> {
        let [method, target, host, referer, agent] = self.ends.map(usize::from);
        Asked {
            method: &self.texts[..method],
            target: &self.texts[method..target],
            minor_version: self.minor_version,
            host: &self.texts[target..host],
            referer: &self.texts[host..referer],
            user_agent: &self.texts[referer..agent],
        }
    }
}

/// Those of one shard, by connection.
pub(crate) struct Accesses {
    tell: OnAnswered,
    under_way: HashMap<Key, Box<Kept>>,
    held_bytes: usize,
}

/// What is known where a request was answered.
pub(crate) struct Place {
    pub(crate) now: Instant,
    pub(crate) unix_ms: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) listener: u8,
    pub(crate) shard: u16,
    pub(crate) is_secure: bool,
}

impl Accesses {
    pub(crate) fn new(tell: OnAnswered) -> Box<Self> {
        Box::new(Self {
            tell,
            under_way: HashMap::new(),
            held_bytes: 0,
        })
    }

    /// A request has come on a connection, or its head has. The first word counts.
    pub(crate) fn asked(
        &mut self,
        key: Key,
        (now, unix_ms): (Instant, u64),
        client: SocketAddr,
        head: &RequestHead<'_>,
    ) {
        if self.under_way.contains_key(&key) {
            return;
        }
        let header = |name| beginning(head.header(name).unwrap_or(""), ACCESS_TEXT_BYTES_MAX);
        let parts = [
            beginning(head.method(), ACCESS_TEXT_BYTES_MAX),
            beginning(head.target(), ACCESS_TARGET_BYTES_MAX),
            header("host"),
            header("referer"),
            header("user-agent"),
        ];
        let mut end = 0;
        let ends = parts.map(|part| {
            end += part.len();
            u16::try_from(end).expect("the bounds of all parts together fit")
        });
        let kept = Kept {
            at: now,
            at_ms: unix_ms,
            client,
            minor_version: head.minor_version(),
            status: None,
            bytes: 0,
            texts: parts.concat().into(),
            ends,
        };
        self.held_bytes += kept.bytes();
        self.under_way.insert(key, Box::new(kept));
    }

    /// The answer begins; its body comes later.
    pub(crate) fn begun(&mut self, key: Key, status: u16) {
        if let Some(kept) = self.under_way.get_mut(&key) {
            kept.status = Some(status);
        }
    }

    /// So many bytes of the body of the answer were queued.
    pub(crate) fn sent(&mut self, key: Key, bytes: usize) {
        if let Some(kept) = self.under_way.get_mut(&key) {
            kept.bytes += bytes as u64;
        }
    }

    /// A request is answered whole, or what was no request.
    pub(crate) fn answered(&mut self, key: Key, status: u16, bytes: usize, place: &Place) {
        let kept = self.take(key);
        self.tell(kept.as_deref(), Some(status), bytes, place);
    }

    /// The answer that has begun has ended, or the connection has. Nothing if no request waits.
    pub(crate) fn ended(&mut self, key: Key, place: &Place) {
        if let Some(kept) = self.take(key) {
            self.tell(Some(&kept), kept.status, 0, place);
        }
    }

    /// Whether a request on this connection waits for its answer, or for the end of it.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.under_way.contains_key(&key)
    }

    /// The request goes elsewhere with its connection.
    pub(crate) fn forget(&mut self, key: Key) {
        self.take(key);
    }

    fn take(&mut self, key: Key) -> Option<Box<Kept>> {
        let kept = self.under_way.remove(&key)?;
        self.held_bytes -= kept.bytes();
        Some(kept)
    }

    fn tell(&self, kept: Option<&Kept>, status: Option<u16>, bytes: usize, place: &Place) {
        let since = kept.map_or(place.now, |kept| kept.at);
        (self.tell)(&Access {
            at_ms: kept.map_or(place.unix_ms, |kept| kept.at_ms),
            duration: place.now.saturating_since(since),
            client: kept.map_or(place.peer, |kept| kept.client),
            listener: place.listener,
            shard: place.shard,
            is_secure: place.is_secure,
            asked: kept.map(Kept::asked),
            status,
            bytes: kept.map_or(0, |kept| kept.bytes) + bytes as u64,
        });
    }

    /// What is kept, in bytes.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(crate) fn give_back(&mut self) {
        self.under_way.give_back();
    }
}

/// As much of a text as takes so many bytes.
fn beginning(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

impl fmt::Debug for Accesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accesses")
            .field("under_way", &self.under_way.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const KEY: Key = Key {
        index: 1,
        generation: 0,
    };

    const LARGEST: usize = ACCESS_TARGET_BYTES_MAX + 4 * ACCESS_TEXT_BYTES_MAX;

    fn place(ms: u64) -> Place {
        Place {
            now: Instant::from_ms(ms),
            unix_ms: ms,
            peer: ([192, 0, 2, 1], 4000).into(),
            listener: 0,
            shard: 0,
            is_secure: false,
        }
    }

    #[test]
    fn what_a_peer_says_is_kept_in_part_and_nothing_stays() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let mut accesses = Accesses::new(Arc::new(move |access| {
            let asked = access.asked.unwrap();
            let texts = [
                asked.method,
                asked.target,
                asked.host,
                asked.referer,
                asked.user_agent,
            ];
            let texts = texts.map(str::to_owned);
            tell.lock()
                .unwrap()
                .push((texts, access.status, access.bytes, access.duration));
        }));
        let long = "x".repeat(3_000);
        let text = format!(
            "GET /{long} HTTP/1.1\r\nHost: h\r\nUser-Agent: {long}\r\nCookie: {long}\r\n\r\n"
        );
        let head = RequestHead::parse(text.as_bytes()).unwrap();
        let client = ([192, 0, 2, 2], 1).into();
        accesses.asked(KEY, (Instant::from_ms(1), 1), client, &head);
        accesses.asked(KEY, (Instant::from_ms(9), 9), client, &head);
        assert!(
            accesses.held_bytes() < LARGEST + 256,
            "{}",
            accesses.held_bytes()
        );
        accesses.begun(KEY, 200);
        accesses.sent(KEY, 5);
        accesses.sent(KEY, 6);
        accesses.ended(KEY, &place(4));
        accesses.ended(KEY, &place(5));
        assert_eq!((accesses.held_bytes(), accesses.has(KEY)), (0, false));
        let told = told.lock().unwrap();
        let [(texts, status, bytes, duration)] = &told[..] else {
            panic!("once: {told:?}");
        };
        let lengths = texts.each_ref().map(String::len);
        let expected = [3, ACCESS_TARGET_BYTES_MAX, 1, 0, ACCESS_TEXT_BYTES_MAX];
        assert_eq!(lengths, expected);
        assert_eq!((*status, *bytes, duration.as_millis()), (Some(200), 11, 3));
    }
}
