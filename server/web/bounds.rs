//! How far options of files and upstreams go.

/// Milliseconds that anything may be given: an hour.
pub(super) const TIMEOUT_MS_MAX: u64 = 60 * 60 * 1000;

/// Seconds for which a file may be kept: a year.
pub(super) const MAX_AGE_S_MAX: u64 = 365 * 24 * 60 * 60;

/// Requests that may be under way, at most.
pub(super) const REQUESTS_MAX: u64 = 1_000_000;

/// Attempts beside the first one, at most.
pub(super) const RETRIES_MAX: u64 = 10;

/// Threads that wait for sockets, at most.
pub(super) const THREADS_MAX: u64 = 64;

/// Answers to health checks that have to agree.
pub(super) const HEALTH_ANSWERS: u32 = 2;
