//! The engine's own bounds, each with its reason.

/// Milliseconds that a connection has for its first request, and for the rest of one that began.
pub const REQUEST_TIMEOUT_MS: u64 = 30_000;

/// Milliseconds that a connection may wait between two requests.
pub const KEEP_ALIVE_TIMEOUT_MS: u64 = 60_000;

/// Milliseconds that a peer has to answer a goodbye before its connection is closed.
pub const GOODBYE_TIMEOUT_MS: u64 = 5_000;

/// Milliseconds for which a connection that is being closed still reads, so that the peer gets what
/// was sent last instead of a reset.
pub const LINGER_MS: u64 = 2_000;

/// Bytes that are taken in behind a request that is not answered yet. Clients that send their next
/// request before the answer are rare, and it is small.
pub const PENDING_BYTES_MAX: usize = 64 * 1024;

/// Commands that may wait in the inbox of a shard.
pub const INBOX_COMMANDS_MAX: usize = 64 * 1024;

/// Bytes of all commands that may wait in the inbox of a shard.
pub const INBOX_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Commands that a shard takes from its inbox in one turn, so that its own connections get a turn.
pub const INBOX_COMMANDS_PER_TURN: usize = 1024;

/// Timers of a kind that fire in one turn: each can be a send, see [`BROADCAST_SENDS_PER_TURN`].
pub const TIMERS_PER_TURN: usize = 256;

/// Connections that a broadcast is written to in one turn. A send costs 4 to 5 microseconds, so
/// this is about a millisecond in which nothing else happens.
pub const BROADCAST_SENDS_PER_TURN: usize = 256;

/// The same while timers are late: heartbeats go first, or a broadcast to a million makes sparks
/// look dead, but it goes on.
pub const BROADCAST_SENDS_BESIDE_TIMERS: usize = 32;

/// Connections whose queues are sent in one turn; the rest follows in the next.
pub const SENDS_PER_TURN: usize = 1024;

/// Portions of messages that requests brought which are handed to the application in one turn, see
/// [`PORTION_MESSAGES`](allspark_protocol::limits::PORTION_MESSAGES): about a millisecond of work.
pub const PORTIONS_PER_TURN: usize = 4;
