//! How sparks and servers end.

use std::num::NonZeroU32;

use crate::limits::{DRAIN_SECONDS_DEFAULT, DRAIN_SPARKS_PER_S_DEFAULT, END_TIMEOUT_MS};

/// Where a spark stands. The numbers are Primus's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// The `connection` event has not come yet.
    Opening = 1,
    /// The spark has ended.
    Closed = 2,
    /// Messages can be written.
    Open = 3,
}

/// How a spark ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndOptions {
    /// Whether the client shall reconnect. Default false: it is told not to, by
    /// `primus::server::close`.
    pub reconnect: bool,
}

/// How a server ends. The defaults are Primus's.
///
/// Of several that are asked for each begins at its time. One that begins while another is under
/// way takes its place: it ends those who are left, in its own words and at its own pace. What
/// closes does not open again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destroy {
    /// Whether the listeners are closed and the shards end. Otherwise only the sparks end, and
    /// requests under the pathname go where all others go. Default true.
    ///
    /// Listeners close before the first spark ends, however long the rest takes: a client that
    /// reconnects at once must come to another server. Primus ends all sparks and closes its server
    /// in one step, so that nobody sees an order there.
    pub close: bool,
    /// Whether clients shall reconnect, for instance to another node. Default false.
    pub reconnect: bool,
    /// Milliseconds to wait before it begins. Default 0.
    #[doc(alias = "timeout")]
    pub timeout_ms: u64,
    /// Sparks that each shard ends per second, so that clients which reconnect do not come to
    /// another node all at once. A shard that was late makes up for a tenth of a second at most.
    /// Default `None`: as fast as a shard can beside its other work.
    pub sparks_per_s: Option<NonZeroU32>,
}

impl Default for Destroy {
    fn default() -> Self {
        Self {
            close: true,
            reconnect: false,
            timeout_ms: 0,
            sparks_per_s: None,
        }
    }
}

/// How a server drains: every client is told to reconnect, spread over a time, and the server ends.
///
/// It takes `delay_ms`, then `seconds` at most, and then as long as requests and goodbyes are under
/// way, 10 seconds at most, whatever peers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Milliseconds for which everything goes on as before, but
    /// [`Handle::is_draining`](super::Handle::is_draining) says so already: load balancers that ask
    /// for it notice and send nobody any more. Default 0.
    pub delay_ms: u64,
    /// Seconds over which sparks are told to reconnect, at most. Default 15: with the 10 that
    /// requests under way may take it is less than the 30 seconds after which Kubernetes ends a
    /// process.
    pub seconds: u32,
    /// Sparks per second, of all shards together, at which a server with few sparks needs less than
    /// `seconds`. One with more goes faster, so that the time is kept. Default 200: no server minds
    /// that many new connections per second.
    pub sparks_per_s: NonZeroU32,
    /// Milliseconds, after accepting has stopped, for which a shard serves whoever it has accepted
    /// in that moment, and does not end before. Default 0; where another process accepts on the
    /// same sockets from then on, so that nobody shall notice anything, two seconds.
    pub linger_ms: u64,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            delay_ms: 0,
            seconds: DRAIN_SECONDS_DEFAULT,
            sparks_per_s: DRAIN_SPARKS_PER_S_DEFAULT,
            linger_ms: 0,
        }
    }
}

impl Drain {
    /// Milliseconds over which so many sparks are told to reconnect.
    ///
    /// ```
    /// use allspark_engine::Drain;
    ///
    /// let drain = Drain::default();
    /// assert_eq!(drain.spread_ms(100), 500);
    /// assert_eq!(drain.spread_ms(1_000_000), 15_000);
    /// ```
    pub fn spread_ms(&self, sparks: u64) -> u64 {
        let at_pace = sparks.saturating_mul(1000) / u64::from(self.sparks_per_s.get());
        at_pace.min(u64::from(self.seconds) * 1000)
    }

    /// Milliseconds that a drain takes at most, from when it is asked for.
    pub fn longest_ms(&self) -> u64 {
        let spread_ms = (u64::from(self.seconds) * 1000).max(self.linger_ms);
        self.delay_ms
            .saturating_add(spread_ms)
            .saturating_add(END_TIMEOUT_MS)
    }
}

/// How far a server that drains is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draining {
    /// Sparks that there were when it was asked for.
    pub sparks_before: u64,
    /// Sparks that are left.
    pub sparks_left: u64,
    /// Connections that are left.
    pub connections_left: u64,
}
