//! When requests are given up and made again: the numbers of the package's client.

use std::time::Duration;

use allspark_protocol::{Dice, Instant};

/// How long a back channel may bring nothing. Servers send a noop every 20 s.
pub(super) const SILENCE: Duration = Duration::from_secs(45);

/// How long a request of the forward channel may take at least; at most it is twice as long.
pub(super) const FORWARD: Duration = Duration::from_secs(10);

/// How often a request of the forward channel is made again.
pub(super) const FORWARD_RETRIES: u32 = 2;

/// How often the back channel is opened again if no array comes in between.
pub(super) const BACK_RETRIES: u32 = 3;

/// How long arrays that the server has sent may take to arrive.
pub(super) const ARRIVAL: Duration = Duration::from_secs(6);

/// Bytes up to which arrays that were sent must arrive within [`ARRIVAL`].
pub(super) const ARRIVAL_BYTES: u64 = 37_500;

/// The server says in its answer to a request that it knows no back channel. If ours was opened so
/// much earlier than that request, it is lost; otherwise the server may not know it yet.
pub(super) const MISSING: Duration = Duration::from_secs(3);

/// How long a goodbye may take, with everything that was written before.
pub(super) const GOODBYE: Duration = Duration::from_secs(5);

const RETRY_MS_MIN: u64 = 5_000;
const RETRY_MS_SPREAD: u64 = 10_000;

/// When the retry after so many retries before is due: the first at once.
pub(super) fn retry_at(dice: &mut Dice, now: Instant, before: u32) -> Instant {
    let ms = RETRY_MS_MIN + dice.below(RETRY_MS_SPREAD);
    now + Duration::from_millis(ms * u64::from(before))
}

/// When a request of the forward channel is given up.
pub(super) fn forward_until(dice: &mut Dice, now: Instant) -> Instant {
    now + FORWARD + Duration::from_millis(dice.below(FORWARD.as_millis() as u64))
}
