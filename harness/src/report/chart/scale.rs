//! Where on an axis a value is, and which values are written beside it.

use super::unit::Unit;

/// Ticks that a linear axis may have.
const LINEAR_TICKS_MAX: f64 = 6.0;

/// Powers of ten that an axis may show one by one.
const DECADES_MAX: i32 = 8;

/// The smallest value that an axis tells from zero, or a logarithmic one from a smaller one.
const VALUE_MIN: f64 = 1e-3;

/// The largest value that an axis tells from a larger one: more than anything that is counted, and
/// far from where numbers become infinite.
const VALUE_MAX: f64 = 1e18;

/// From a value to a place between two pixels.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    kind: Kind,
    min: f64,
    max: f64,
    pixels: (f64, f64),
    pub(super) ticks: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear,
    Log,
}

/// Whether an axis ends at its last value, or at the next tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    AtValue,
    AtTick,
}

impl Scale {
    /// From zero to the largest of the values.
    pub(super) fn linear(values: impl Iterator<Item = f64>, unit: Unit, end: End) -> Self {
        let largest = values.filter(|v| v.is_finite()).fold(0.0, f64::max);
        let largest = match largest > 0.0 {
            true => largest.clamp(VALUE_MIN, VALUE_MAX),
            false => 1.0,
        };
        let step = linear_step(largest, unit);
        let max = match end {
            End::AtValue => largest,
            End::AtTick => (largest / step).ceil() * step,
        };
        // A little more than needed, so that rounding does not swallow the last tick.
        let count = (max / step + 1e-9).floor() as u32;
        Self {
            kind: Kind::Linear,
            min: 0.0,
            max,
            pixels: (0.0, 1.0),
            ticks: (0..=count).map(|n| f64::from(n) * step).collect(),
        }
    }

    /// From the tick below the smallest of the values to the tick above the largest.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Self {
        let finite = values
            .filter(|v| v.is_finite())
            .map(|v| v.clamp(VALUE_MIN, VALUE_MAX));
        let (least, most) = finite.fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        let (least, most) = if most > 0.0 {
            (least, most)
        } else {
            (1.0, 10.0)
        };
        let candidates = log_candidates(least, most);
        let below = candidates
            .iter()
            .rposition(|&tick| tick <= least * 1.000_001);
        let above = candidates.iter().position(|&tick| tick >= most * 0.999_999);
        let first = below.unwrap_or(0);
        let last = above.unwrap_or(candidates.len() - 1).max(first + 1);
        let ticks = candidates[first..=last.min(candidates.len() - 1)].to_vec();
        Self {
            kind: Kind::Log,
            min: ticks[0],
            max: ticks[ticks.len() - 1],
            pixels: (0.0, 1.0),
            ticks,
        }
    }

    /// A logarithmic axis from one value to another, with these ticks.
    pub(super) const fn log_between(min: f64, max: f64, ticks: Vec<f64>) -> Self {
        Self {
            kind: Kind::Log,
            min,
            max,
            pixels: (0.0, 1.0),
            ticks,
        }
    }

    /// Puts the axis on the page: where it begins and where it ends.
    pub(super) const fn onto(mut self, from: f64, to: f64) -> Self {
        self.pixels = (from, to);
        self
    }

    /// The place of a value; values outside of the axis are at its ends.
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = match self.kind {
            Kind::Linear => (value - self.min) / (self.max - self.min),
            Kind::Log => (value.max(self.min) / self.min).log10() / (self.max / self.min).log10(),
        };
        let (from, to) = self.pixels;
        from + part.clamp(0.0, 1.0) * (to - from)
    }
}

/// One, two or five times a power of ten, in the size in which the largest value is written.
fn linear_step(largest: f64, unit: Unit) -> f64 {
    let (size, _) = unit.size_for(largest);
    let rough = largest / size / LINEAR_TICKS_MAX;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(10.0 * power);
    // Nothing is a fraction of one thing.
    let step = if unit == Unit::Count && size <= 1.0 {
        step.max(1.0)
    } else {
        step
    };
    step * size
}

/// Values that may be ticks: powers of ten, and what is between them if there are few.
fn log_candidates(least: f64, most: f64) -> Vec<f64> {
    let first = least.log10().floor() as i32;
    let last = most.log10().ceil() as i32 + 1;
    let decades = last - first;
    let factors: &[f64] = if decades <= 4 {
        &[1.0, 2.0, 5.0]
    } else {
        &[1.0]
    };
    let stride = (decades / DECADES_MAX + 1) as usize;
    (first..=last + stride as i32)
        .step_by(stride)
        .flat_map(|power| {
            factors
                .iter()
                .map(move |factor| factor * 10_f64.powi(power))
        })
        .collect()
}
