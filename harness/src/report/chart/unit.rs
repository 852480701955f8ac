//! How numbers are written: three digits and a unit of a fitting size.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    PerSecond,
    Bytes,
    Microseconds,
    Seconds,
    /// Of one core.
    Percent,
}

/// From here on a number is written with an exponent.
const PLAIN_MAX: f64 = 1e6;

impl Unit {
    /// Sizes of this unit, the smallest first: what one of it is, and its name.
    const fn sizes(self) -> &'static [(f64, &'static str)] {
        const KIB: f64 = 1024.0;
        match self {
            Self::Count => &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G")],
            Self::PerSecond => &[(1.0, "/s"), (1e3, "k/s"), (1e6, "M/s"), (1e9, "G/s")],
            Self::Bytes => &[
                (1.0, "B"),
                (KIB, "KiB"),
                (KIB * KIB, "MiB"),
                (KIB * KIB * KIB, "GiB"),
            ],
            Self::Microseconds => &[(1.0, "µs"), (1e3, "ms"), (1e6, "s")],
            Self::Seconds => &[(1.0, "s")],
            Self::Percent => &[(1.0, "%")],
        }
    }

    /// The largest size of which the value has at least one.
    pub(super) fn size_for(self, value: f64) -> (f64, &'static str) {
        let sizes = self.sizes();
        let fitting = sizes.iter().rev().find(|(size, _)| value.abs() >= *size);
        fitting.copied().unwrap_or(sizes[0])
    }

    /// The value in words: `12.5 k/s`, `340 µs`.
    pub(crate) fn show(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        let (size, name) = self.size_for(value);
        let number = digits(value / size);
        if name.is_empty() {
            number
        } else {
            format!("{number} {name}")
        }
    }
}

/// Three digits at least, and no zeros at the end of a fraction.
fn digits(number: f64) -> String {
    let decimals = match number.abs() {
        PLAIN_MAX.. => return format!("{number:.1e}"),
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    let text = format!("{number:.decimals$}");
    if decimals == 0 {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
