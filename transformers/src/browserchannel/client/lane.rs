//! The two channels of a session: one request at a time, and when it is made again.

use allspark_protocol::{Dice, Instant};

use super::chunks::Chunks;
use super::timing;
use crate::agent::RequestId;

/// A channel: one request at a time, and when the next one may be made.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) flight: Option<Flight>,
    /// A request failed and is made again then.
    pub(super) retry_at: Option<Instant>,
    /// How often in a row that happened.
    pub(super) failures: u32,
}

/// A request that is under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: RequestId,
    pub(super) status: u16,
    pub(super) body: Chunks,
    pub(super) started: Instant,
    pub(super) until: Instant,
    /// Whether an array came with it.
    pub(super) is_of_use: bool,
}

impl Lane {
    pub(super) fn is(&self, id: RequestId) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.id == id)
    }

    pub(super) fn is_ready(&self, now: Instant) -> bool {
        self.flight.is_none() && self.retry_at.is_none_or(|at| at <= now)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let flight = self.flight.as_ref().map(|flight| flight.until);
        flight.or(self.retry_at)
    }

    pub(super) fn take_late(&mut self, now: Instant) -> Option<Flight> {
        self.flight.take_if(|flight| flight.until <= now)
    }

    pub(super) fn fail(&mut self, dice: &mut Dice, now: Instant) {
        self.flight = None;
        self.retry_at = Some(timing::retry_at(dice, now, self.failures));
        self.failures += 1;
    }
}
