//! How large something was how often: numbers that each shard writes for itself and anybody may
//! read.
//!
//! To record is two loads and two stores: no lock, no locked instruction, no allocation. The cells
//! double, so the place of a value is found by counting its leading zeros.

use crate::stats::Counter;

/// Cells of a distribution; the last one has no bound.
const CELLS: usize = 22;

/// What a shard records, in units of `UNIT`: the first cell counts what is at most one of them,
/// each further one what is at most twice as much.
#[derive(Debug, Default)]
pub(crate) struct Recorder<const UNIT: u64> {
    cells: [Counter; CELLS],
    sum: Counter,
}

impl<const UNIT: u64> Recorder<UNIT> {
    /// Counts one value.
    #[inline]
    pub(crate) fn record(&self, value: u64) {
        let beyond = value.saturating_sub(1) / UNIT;
        let cell = (u64::BITS - beyond.leading_zeros()) as usize;
        self.cells[cell.min(CELLS - 1)].add(1);
        self.sum.add(value);
    }

    fn read(&self) -> Distribution {
        Distribution {
            unit: UNIT,
            counts: std::array::from_fn(|cell| self.cells[cell].get()),
            sum: self.sum.get(),
        }
    }
}

/// What was recorded since the server started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distribution {
    unit: u64,
    counts: [u64; CELLS],
    sum: u64,
}

impl Distribution {
    /// How many values were at most so large and larger than the bound before. The last bound is
    /// `None`: there is none.
    pub fn cells(&self) -> impl Iterator<Item = (Option<u64>, u64)> + '_ {
        (0..).zip(self.counts).map(|(cell, count)| {
            let has_bound = cell < CELLS - 1;
            (has_bound.then(|| self.unit << cell), count)
        })
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all of them.
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

/// What one shard records. Times are in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Recorders {
    pub(crate) turn_ns: Recorder<1_000>,
    pub(crate) fan_out_ns: Recorder<10_000>,
    pub(crate) round_trip_ns: Recorder<100_000>,
    pub(crate) queue_bytes: Recorder<256>,
}

impl Recorders {
    pub(crate) fn read(&self) -> Distributions {
        Distributions {
            turn_ns: self.turn_ns.read(),
            fan_out_ns: self.fan_out_ns.read(),
            round_trip_ns: self.round_trip_ns.read(),
            queue_bytes: self.queue_bytes.read(),
        }
    }
}

/// What one shard has recorded since the server started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Distributions {
    /// Nanoseconds of a turn: from when the shard has collected what happened until it is ready to
    /// sleep, or, if it does not sleep, until it has collected again. Meanwhile it serves nobody
    /// else.
    pub turn_ns: Distribution,
    /// Nanoseconds from the turn in which a broadcast came until everybody of the shard was sent
    /// it. Of those that one walk brings it is the time of the first.
    pub fan_out_ns: Distribution,
    /// Nanoseconds from a ping until its answer.
    pub round_trip_ns: Distribution,
    /// Bytes that waited for a connection whenever the kernel had taken no more of them.
    pub queue_bytes: Distribution,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_where_the_first_bound_holds_it() {
        let values = [0, 1, 1_000, 1_001, 2_000, 2_001, 1 << 50, u64::MAX / 2];
        for value in values {
            let recorder = Recorder::<1_000>::default();
            recorder.record(value);
            let read = recorder.read();
            let mut cells = read.cells();
            let holds = |bound: Option<u64>| bound.is_none_or(|bound| value <= bound);
            let (bound, _) = cells.find(|(bound, _)| holds(*bound)).unwrap();
            let counted = read.cells().find(|(_, count)| *count > 0).unwrap();
            assert_eq!(counted, (bound, 1), "{value}");
            assert_eq!((read.count(), read.sum()), (1, value));
        }
    }

    #[test]
    fn bounds_double_and_the_last_one_is_none() {
        let read = Recorder::<256>::default().read();
        let bounds: Vec<Option<u64>> = read.cells().map(|(bound, _)| bound).collect();
        assert_eq!(bounds.len(), CELLS);
        assert_eq!((bounds[0], bounds[1]), (Some(256), Some(512)));
        assert_eq!(bounds[CELLS - 2], Some(256 << 20));
        assert_eq!(bounds[CELLS - 1], None);
    }
}
