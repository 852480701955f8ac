//! How many may come, how fast, and how much each of them may send.

use std::fmt;
use std::str::FromStr;

use allspark_protocol::http::TrustedProxies;
use allspark_protocol::options::{self, Bounded, UnknownChoice};

use crate::limits::{
    CONNECTIONS_PER_ADDRESS_DEFAULT, CONNECTIONS_PER_ADDRESS_HIGHEST, HANDSHAKES_MAX_DEFAULT,
    RATE_BURST_MS_DEFAULT, RATE_BURST_MS_HIGHEST, RATE_HIGHEST, REQUESTS_MAX_DEFAULT,
};

/// Something per second, or none of it counted with 0: up to 1 G.
pub type PerSecond = Bounded<0, RATE_HIGHEST>;

/// Milliseconds whose worth of a rate may come at once: from 1 to a minute.
pub type BurstMs = Bounded<1, RATE_BURST_MS_HIGHEST>;

/// Connections of one address: from 0, for any number, to a million.
pub type PerAddress = Bounded<0, CONNECTIONS_PER_ADDRESS_HIGHEST>;

/// What happens to connections that come faster than they may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AcceptPolicy {
    /// They are answered with 503 and `Retry-After`, and closed.
    #[default]
    Refuse,
    /// They are not accepted for now, and wait in the kernel's backlog.
    Wait,
}

impl AcceptPolicy {
    const NAMES: [(&str, Self); 2] = [("refuse", Self::Refuse), ("wait", Self::Wait)];
}

impl FromStr for AcceptPolicy {
    type Err = UnknownChoice;

    /// Finds a policy by its name, in any case.
    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        options::choose(name, &Self::NAMES)
    }
}

impl fmt::Display for AcceptPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::NAMES[*self as usize].0)
    }
}

/// What happens to messages of a client that sends faster than it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RatePolicy {
    /// The client is not listened to until it may send again. Nothing is lost: its own kernel holds
    /// what it sends.
    #[default]
    Pause,
    /// They are dropped, and counted in [`crate::Stats::messages_refused`].
    Drop,
    /// The spark ends, with reconnect; over WebSocket with close code 1008.
    End,
}

impl RatePolicy {
    const NAMES: [(&str, Self); 3] = [
        ("pause", Self::Pause),
        ("drop", Self::Drop),
        ("end", Self::End),
    ];
}

impl FromStr for RatePolicy {
    type Err = UnknownChoice;

    /// Finds a policy by its name, in any case.
    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        options::choose(name, &Self::NAMES)
    }
}

impl fmt::Display for RatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::NAMES[*self as usize].0)
    }
}

/// How many may come, and how fast.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Connections from one address, and sparks of one, as trusted proxies say it; with 0 any
    /// number. An IPv6 network of 64 bits counts as one address. Default 16,384.
    pub per_address: PerAddress,
    /// Networks whose addresses are not counted, beside those of trusted proxies. Default: the
    /// machine itself.
    pub exempt: TrustedProxies,
    /// New connections per second, of all shards together, and as many at once; with 0 any number.
    /// Default 0.
    pub accepts_per_s: PerSecond,
    /// What happens to those that come faster. Default [`AcceptPolicy::Refuse`].
    pub accept_policy: AcceptPolicy,
    /// New connections per second from one address, and as many at once; with 0 any number. Those
    /// that come faster are answered with 503. Default 0.
    pub accepts_per_s_of_address: PerSecond,
    /// Handshakes of TLS that are under way, of all shards together. Default 8,192.
    pub handshakes_max: Bounded<1, { u64::MAX }>,
    /// Requests that are under way, of all shards together: their heads or bodies have not come
    /// whole, or the application has not answered them. Polls and streams are none. Default 65,536.
    pub requests_max: Bounded<1, { u64::MAX }>,
}

impl Admission {
    /// Whether connections that come too fast wait instead of being refused.
    pub(crate) fn waits(&self) -> bool {
        self.accept_policy == AcceptPolicy::Wait
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            per_address: const { Bounded::of(CONNECTIONS_PER_ADDRESS_DEFAULT) },
            exempt: this_machine(),
            accepts_per_s: const { Bounded::of(0) },
            accept_policy: AcceptPolicy::default(),
            accepts_per_s_of_address: const { Bounded::of(0) },
            handshakes_max: const { Bounded::of(HANDSHAKES_MAX_DEFAULT) },
            requests_max: const { Bounded::of(REQUESTS_MAX_DEFAULT) },
        }
    }
}

/// The addresses by which a machine reaches itself.
pub fn this_machine() -> TrustedProxies {
    let networks = "127.0.0.0/8,::1".parse();
    networks.expect("these are networks")
}

/// How much a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRates {
    /// Messages per second of one spark, heartbeats included; with 0 any number. Default 0.
    pub messages_per_s: PerSecond,
    /// Bytes of messages per second of one spark; with 0 any number. Default 0.
    pub bytes_per_s: PerSecond,
    /// Milliseconds whose worth may come at once. A single longer message passes when nothing came
    /// before it for as long. Default 2,000.
    pub burst_ms: BurstMs,
    /// What happens when more comes. Default [`RatePolicy::Pause`].
    pub policy: RatePolicy,
}

impl MessageRates {
    /// Whether anything is counted.
    pub(crate) fn is_on(&self) -> bool {
        self.messages_per_s.get() > 0 || self.bytes_per_s.get() > 0
    }
}

impl Default for MessageRates {
    fn default() -> Self {
        const {
            Self {
                messages_per_s: Bounded::of(0),
                bytes_per_s: Bounded::of(0),
                burst_ms: Bounded::of(RATE_BURST_MS_DEFAULT),
                policy: RatePolicy::Pause,
            }
        }
    }
}

/// No number is a bound.
pub(crate) fn given(number: PerSecond) -> Option<u64> {
    Some(number.get()).filter(|number| *number > 0)
}
