//! What a server can be told, with Primus's names and defaults where Primus has them.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use allspark_protocol::http::{
    Cors, ForwardedHeader, RequestHead, Response, StaticBody, TrustedProxies,
};
use allspark_protocol::limits::{HTTP_HEAD_BYTES_MAX, MESSAGE_BYTES_MAX_DEFAULT, SHARDS_MAX};
use allspark_protocol::options::{self, Bounded, MaxLength, UnknownChoice};
use allspark_protocol::parser::ParserKind;
use allspark_protocol::primus::{Pathname, PingInterval};

mod admission;
mod live;

pub(crate) use admission::given;
pub use admission::{
    AcceptPolicy, Admission, BurstMs, MessageRates, PerAddress, PerSecond, RatePolicy, this_machine,
};
pub use live::{LiveOptions, NeedsRestart};

use crate::access::OnAnswered;
use crate::limits::{
    CONNECTIONS_MAX_DEFAULT, HEAD_BYTES_MAX_LEAST, KEEP_ALIVE_TIMEOUT_MS_DEFAULT,
    MIN_RATE_BYTES_PER_S_DEFAULT, MIN_RATE_BYTES_PER_S_HIGHEST, REQUEST_TIMEOUT_MS_DEFAULT,
    SEND_QUEUE_BYTES_LEAST, SEND_QUEUE_SLACK_BYTES, SESSIONS_MAX_DEFAULT, TIMEOUT_MS_HIGHEST,
};
use crate::rooms::RoomOptions;
use crate::routes::Routes;

/// Milliseconds after which something is given up: from 1 to a day.
pub type TimeoutMs = Bounded<1, TIMEOUT_MS_HIGHEST>;

/// Bytes per second: from 0 to 1 MiB.
pub type MinRate = Bounded<0, MIN_RATE_BYTES_PER_S_HIGHEST>;

/// Bytes of the head of a request: from 256 to 16,384.
pub type HeadMax = Bounded<HEAD_BYTES_MAX_LEAST, { HTTP_HEAD_BYTES_MAX as u64 }>;

/// How many there may be: from 0 on.
pub type Count = Bounded<0, { u64::MAX }>;

/// How many, or how many bytes, there may be: from 1 on.
pub type CountAtLeastOne = Bounded<1, { u64::MAX }>;

/// Shards of a server: from 1 to 1024.
pub type ShardCount = Bounded<1, { SHARDS_MAX as u64 }>;

/// Answers requests that are not for Primus.
pub type Fallback = Arc<dyn Fn(&RequestHead<'_>) -> Response + Send + Sync>;

/// Files, each under its name.
pub type Files = Arc<[(&'static str, StaticBody)]>;

/// What happens to a message for a spark whose send queue is full. Heartbeats and closing frames
/// are exempt. What is dropped is counted in [`crate::Stats::messages_dropped`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendPolicy {
    /// End the spark, with reconnect: its client comes back and starts afresh.
    #[default]
    Disconnect,
    /// Drop the message.
    DropNewest,
    /// Drop the oldest messages that wait, until the message fits.
    DropOldest,
    /// Drop everything that waits and keep the message.
    KeepLatest,
}

impl SendPolicy {
    const NAMES: [(&str, Self); 4] = [
        ("disconnect", Self::Disconnect),
        ("drop-newest", Self::DropNewest),
        ("drop-oldest", Self::DropOldest),
        ("keep-latest", Self::KeepLatest),
    ];

    /// Whether it ends the spark.
    pub(crate) fn ends_spark(self) -> bool {
        self == Self::Disconnect
    }
}

impl FromStr for SendPolicy {
    type Err = UnknownChoice;

    /// Finds a policy by its name, in any case.
    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        options::choose(name, &Self::NAMES)
    }
}

impl fmt::Display for SendPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::NAMES[*self as usize].0)
    }
}

/// Which request headers a spark keeps after its `connection` event. While that event runs, all of
/// them can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeepHeaders {
    /// None: an idle spark is to cost little memory.
    #[default]
    None,
    /// These, by name, in any case.
    Named(Vec<String>),
    /// All.
    All,
}

/// Bytes of a send queue that does not contradict the bytes of the longest message: two of them
/// and some more fit, so that a client which reads at once what it is sent is never taken for slow.
pub const fn send_queue_bytes_for(max_length: MaxLength) -> CountAtLeastOne {
    let bytes = 2 * max_length.get() + SEND_QUEUE_SLACK_BYTES as u64;
    let least = SEND_QUEUE_BYTES_LEAST as u64;
    Bounded::of(if bytes < least { least } else { bytes })
}

/// Options of the engine. None of them has a type that could hold a value without a meaning.
#[derive(Clone)]
pub struct Options {
    /// Requests whose path starts with this belong to Primus. Default `/primus`.
    pub pathname: Pathname,
    /// How messages become values. Default JSON.
    pub parser: ParserKind,
    /// Milliseconds between two pings of a spark, or off. Default 30,000.
    pub ping_interval: PingInterval,
    /// Bytes that may wait to be sent to one spark, the memory for their structure included. As
    /// long as the kernel takes everything, twice as many. A single longer message passes when
    /// nothing else waits. Default: [`send_queue_bytes_for`] Primus's `maxLength`.
    pub send_queue_bytes_max: CountAtLeastOne,
    /// What happens when more would have to wait.
    pub send_policy: SendPolicy,
    /// Milliseconds that the head of a request may take from its first byte, and that a connection
    /// may take for its first one. A body may take longer, and so may what is sent: then at least
    /// [`Options::min_rate_bytes_per_s`] must have moved in each period of this length. Default
    /// 30,000.
    pub request_timeout_ms: TimeoutMs,
    /// Milliseconds that a connection may wait between two requests. Default 75,000.
    pub keep_alive_timeout_ms: TimeoutMs,
    /// Bytes per second, at the least, that a peer must send of a request's body, and take of what
    /// it is sent. Default 500; with 0 a single byte in [`Options::request_timeout_ms`] will do.
    pub min_rate_bytes_per_s: MinRate,
    /// Bytes of the head of a request; a longer one is answered with 431. Default 16,384.
    pub head_bytes_max: HeadMax,
    /// Connections of all shards together; a further one is answered with 503 and closed. Default
    /// 1,048,576.
    pub connections_max: CountAtLeastOne,
    /// Sessions of polling transports, of all shards together, that no request waits for at the
    /// moment; who asks for a further one gets 503. Default 131,072.
    pub sessions_max: Count,
    /// How many may come, and how fast.
    pub admission: Admission,
    /// How much a client may send. Default: as much as it likes.
    pub message_rates: MessageRates,
    /// Bytes that all shards together may hold for peers: parts of requests and messages, what
    /// waits to be sent, what a spark remembers of its request, and what plugins keep for its
    /// client ([`Spark::charge`](crate::Spark::charge)). Of it 4 MiB per shard, or half, are kept
    /// free for what a turn takes in. With more than the rest new connections and sessions get 503,
    /// and a peer that wants more although it has its share is ended.
    /// Default `None`: half of what the machine has, or the control group; without a bound where
    /// nobody says how much that is, and in simulations.
    pub memory_bytes_max: Option<CountAtLeastOne>,
    /// Which request headers a spark keeps.
    pub keep_headers: KeepHeaders,
    /// What rooms may be. Default: [`RoomOptions::default`].
    pub rooms: RoomOptions,
    /// Proxies whose word counts about whom a request comes from. Default none: then it comes from
    /// the peer of its connection. Primus believes everybody.
    pub trusted_proxies: TrustedProxies,
    /// The header in which they say that. Default `X-Forwarded-For`.
    pub forwarded_header: ForwardedHeader,
    /// Whether a WebSocket may be asked for over HTTP/1.0, which RFC 6455, 4.1 forbids and a proxy
    /// does that was not told otherwise. If not, such a request gets 400. Default true, as in
    /// Primus.
    pub upgrades_of_http_1_0: bool,
    /// What scripts of other origins may do. Default: what they want, as in Primus.
    pub cors: Cors,
    /// What is served beside the transport: each under its name behind the pathname, for instance
    /// `/primus.js`. A name that ends with `?word` is for requests whose query has the word, and
    /// stands before the name without it. Who asks for an upgrade is not served. Default none.
    pub files: Files,
    /// Where requests go that are not for Primus. Default: no routes.
    pub routes: Arc<Routes>,
    /// What [internal](crate::Purpose::Internal) listeners serve, and no others do. Default: no
    /// routes.
    pub internal_routes: Arc<Routes>,
    /// Whether copies of the listening sockets are kept for a process that may take them over, see
    /// [`Server::take_listeners`](crate::Server::take_listeners). Default false.
    pub keeps_listeners: bool,
    /// Answers requests that are neither for Primus nor for a route; without it they get 404.
    pub fallback: Option<Fallback>,
    /// Is told of each request that was answered, on the thread of its shard: it must not wait.
    /// Default: nobody is, and nothing is kept of requests.
    pub on_answered: Option<OnAnswered>,
    /// Has the allocator give freed memory back to the system. Called on the thread of a shard some
    /// seconds after it has worked; `true` if it holds much less than before, or has nothing else
    /// to do. Default: nothing.
    pub give_back: Option<fn(bool)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pathname: Pathname::default(),
            parser: ParserKind::Json,
            ping_interval: PingInterval::default(),
            send_queue_bytes_max: const {
                send_queue_bytes_for(Bounded::of(MESSAGE_BYTES_MAX_DEFAULT as u64))
            },
            head_bytes_max: const { Bounded::of(HTTP_HEAD_BYTES_MAX as u64) },
            connections_max: const { Bounded::of(CONNECTIONS_MAX_DEFAULT as u64) },
            sessions_max: const { Bounded::of(SESSIONS_MAX_DEFAULT as u64) },
            admission: Admission::default(),
            message_rates: MessageRates::default(),
            memory_bytes_max: None,
            send_policy: SendPolicy::default(),
            request_timeout_ms: const { Bounded::of(REQUEST_TIMEOUT_MS_DEFAULT) },
            keep_alive_timeout_ms: const { Bounded::of(KEEP_ALIVE_TIMEOUT_MS_DEFAULT) },
            min_rate_bytes_per_s: const { Bounded::of(MIN_RATE_BYTES_PER_S_DEFAULT as u64) },
            keep_headers: KeepHeaders::default(),
            rooms: RoomOptions::default(),
            trusted_proxies: TrustedProxies::default(),
            forwarded_header: ForwardedHeader::default(),
            upgrades_of_http_1_0: true,
            cors: Cors::default(),
            files: Arc::new([]),
            routes: Arc::default(),
            internal_routes: Arc::default(),
            keeps_listeners: false,
            fallback: None,
            on_answered: None,
            give_back: None,
        }
    }
}

impl Options {
    /// Whom a request comes from whose connection has this peer, if trusted proxies say so.
    pub(crate) fn client(&self, head: &RequestHead<'_>, peer: SocketAddr) -> Option<SocketAddr> {
        self.trusted_proxies
            .client(head, self.forwarded_header, peer)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("pathname", &self.pathname)
            .field("parser", &self.parser)
            .field("ping_interval", &self.ping_interval)
            .field("send_queue_bytes_max", &self.send_queue_bytes_max)
            .field("connections_max", &self.connections_max)
            .field("sessions_max", &self.sessions_max)
            .field("memory_bytes_max", &self.memory_bytes_max)
            .field("send_policy", &self.send_policy)
            .field("admission", &self.admission)
            .field("message_rates", &self.message_rates)
            .field("rooms", &self.rooms)
            .field("request_timeout_ms", &self.request_timeout_ms)
            .field("keep_alive_timeout_ms", &self.keep_alive_timeout_ms)
            .field("min_rate_bytes_per_s", &self.min_rate_bytes_per_s)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_found_by_its_name_in_any_case() {
        for (name, policy) in SendPolicy::NAMES {
            assert_eq!(name.to_uppercase().parse(), Ok(policy));
            assert_eq!(policy.to_string(), name);
        }
        let reason = "drop-all".parse::<SendPolicy>().unwrap_err().to_string();
        assert!(reason.contains("drop-newest, drop-oldest"), "{reason}");
    }
}
