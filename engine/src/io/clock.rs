//! The kernel's clocks, for the drivers that run on it.

use std::time::{SystemTime, UNIX_EPOCH};

use allspark_protocol::Instant;
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock.
pub(super) fn now() -> Instant {
    let time = clock_gettime(ClockId::Monotonic);
    // The monotonic clock starts at zero when the machine does, so neither part is negative.
    Instant::from_ns(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// Milliseconds since 1970; zero if the machine's calendar lies before that.
pub(super) fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
