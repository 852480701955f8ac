//! How sparks and servers end.

use std::num::NonZeroU32;

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
