//! What is known of a metric besides its value. A part of the server has its metrics as constants
//! in a table of its own, which [`super::names`] joins, so docs/METRICS.md has all of them.

/// A metric, as Prometheus shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    /// Its whole name: `allspark_`, what it is, its base unit if it has one (`_seconds`, `_bytes`),
    /// and `_total` if it is a counter.
    pub(crate) name: &'static str,
    /// What it means, in a sentence without a full stop.
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    /// What its values are told apart by. A value of a label is never what a client has sent.
    pub(crate) labels: &'static [&'static str],
}

/// What a metric does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// It grows, and begins at zero when the server starts.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It says how often something was at most so large, for each of these bounds.
    Histogram(&'static [f64]),
}

impl Metric {
    pub(crate) const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Counter)
    }

    pub(crate) const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Gauge)
    }

    pub(crate) const fn histogram(
        name: &'static str,
        help: &'static str,
        bounds: &'static [f64],
    ) -> Self {
        Self::new(name, help, Kind::Histogram(bounds))
    }

    pub(crate) const fn new(name: &'static str, help: &'static str, kind: Kind) -> Self {
        let labels = &[];
        Self {
            name,
            help,
            kind,
            labels,
        }
    }

    /// With these labels.
    pub(crate) const fn by(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    /// Its name without what its kind and its unit add, and the unit.
    pub(crate) fn stem_and_unit(&self) -> (&'static str, Option<&'static str>) {
        let ending = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram(_) => "",
        };
        let stem = self.name.strip_suffix(ending);
        let stem = stem.unwrap_or_else(|| panic!("{} ends with {ending}", self.name));
        let mut units = ["seconds", "bytes", "ratio"].into_iter();
        let unit = units.find_map(|unit| {
            let short = stem.strip_suffix(unit)?.strip_suffix('_')?;
            Some((short, Some(unit)))
        });
        unit.unwrap_or((stem, None))
    }
}

/// Bounds of a histogram of times in seconds: from a millisecond to a minute.
pub(crate) const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_unit_and_its_kind_at_its_end() {
        let parts = |metric: Metric| metric.stem_and_unit();
        let requests = Metric::counter("allspark_requests_total", "");
        assert_eq!(parts(requests), ("allspark_requests", None));
        let busy = Metric::counter("allspark_busy_seconds_total", "");
        assert_eq!(parts(busy), ("allspark_busy", Some("seconds")));
        let held = Metric::gauge("allspark_held_bytes", "");
        assert_eq!(parts(held), ("allspark_held", Some("bytes")));
        let time = Metric::histogram("allspark_seconds", "", SECONDS);
        assert_eq!(parts(time), ("allspark", Some("seconds")));
    }
}
