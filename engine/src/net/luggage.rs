//! What connections take along that leave for another shard: requests, and what came behind them.
//! It is bounded, in number and in bytes.

use std::cell::Cell;
use std::rc::Rc;

use crate::limits::{LUGGAGE_BYTES_MAX, LUGGAGE_PARCELS_MAX};

/// What all connections of a shard take along that leave it.
#[derive(Debug, Default)]
pub(crate) struct Luggage(Rc<Cell<Tally>>);

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    parcels: usize,
    bytes: usize,
}

impl Luggage {
    /// Whether there is room for so much more. A single huge request passes when nothing else
    /// leaves, as in a queue.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        let tally = self.0.get();
        tally.parcels == 0
            || (tally.parcels < LUGGAGE_PARCELS_MAX && tally.bytes + bytes <= LUGGAGE_BYTES_MAX)
    }

    /// Whether so much came behind several requests that there is no room for it.
    pub(crate) fn is_over(&self) -> bool {
        let tally = self.0.get();
        tally.parcels > 1 && tally.bytes > LUGGAGE_BYTES_MAX
    }

    pub(crate) fn add(&self, bytes: usize) -> Share {
        let mut tally = self.0.get();
        tally.parcels += 1;
        tally.bytes += bytes;
        self.0.set(tally);
        Share {
            bytes,
            tally: Rc::clone(&self.0),
        }
    }
}

/// One connection's share of the luggage, which ends with it.
#[derive(Debug)]
pub(crate) struct Share {
    bytes: usize,
    tally: Rc<Cell<Tally>>,
}

impl Share {
    pub(crate) fn set(&mut self, bytes: usize) {
        let mut tally = self.tally.get();
        tally.bytes = tally.bytes - self.bytes + bytes;
        self.tally.set(tally);
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
        let mut tally = self.tally.get();
        tally.parcels -= 1;
        self.tally.set(tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_in_bytes_and_in_number() {
        let luggage = Luggage::default();
        assert!(luggage.has_room(LUGGAGE_BYTES_MAX + 1), "alone it passes");
        let mut share = luggage.add(LUGGAGE_BYTES_MAX);
        assert!(!luggage.has_room(1) && !luggage.is_over());
        share.set(10);
        assert!(luggage.has_room(1));
        let many: Vec<Share> = (1..LUGGAGE_PARCELS_MAX).map(|_| luggage.add(0)).collect();
        assert!(!luggage.has_room(0));
        share.set(LUGGAGE_BYTES_MAX + 1);
        assert!(luggage.is_over());
        drop((share, many));
        assert!(luggage.has_room(LUGGAGE_BYTES_MAX + 1), "nothing is left");
    }
}
