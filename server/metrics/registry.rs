//! What parts of the server count with. A part has its metrics in a table ([`super::names`]), asks
//! [`Metrics`] for each of them once, when it is assembled, and counts with what it gets, from any
//! thread:
//!
//! ```ignore
//! const REQUESTS: Metric = Metric::counter(
//!     "allspark_hooks_requests_total",
//!     "Requests to the application, by how they ended",
//! )
//! .by(&["outcome"]);
//!
//! let answered = assembly.metrics.counter(&REQUESTS, &["answered"]);
//! answered.inc();
//! ```
//!
//! A counter is an atomic number that all threads share. What shards count for each message lies
//! in cells of their own ([`allspark::Stats`]) and is read when somebody asks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
pub(crate) use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
pub(crate) use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::metric::{Kind, Metric};
use super::readings::{Labels, Readings};

/// Values of the labels of one metric that are told apart; what else there is, is counted as
/// [`OTHER`]. Labels are chosen by us and are few, so this is reached by mistake alone.
const SERIES_MAX: usize = 256;

/// What the label of everything beyond is.
const OTHER: &str = "other";

/// All metrics of a server. Copies are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    registry: Registry,
    families: BTreeMap<&'static str, AnyFamily>,
}

/// All values of one metric.
enum AnyFamily {
    Counters(Values<Counter, fn() -> Counter>),
    Histograms(Values<Histogram, Bounds>),
    Readings(Readings),
}

/// The values of one metric, by their labels.
struct Values<M, C> {
    family: Family<Labels, M, C>,
    known: BTreeSet<Labels>,
}

impl<M: Clone, C: MetricConstructor<M>> Values<M, C> {
    /// The one with these labels, or the one of everything else if there are too many.
    fn get(&mut self, metric: &Metric, labels: &[&str]) -> M {
        let mut labels = named(metric, labels);
        if self.known.len() >= SERIES_MAX && !self.known.contains(&labels) {
            labels
                .iter_mut()
                .for_each(|(_, value)| OTHER.clone_into(value));
        }
        let value = self.family.get_or_create_owned(&labels);
        self.known.insert(labels);
        value
    }
}

/// Makes histograms.
#[derive(Clone, Copy)]
struct Bounds(&'static [f64]);

impl MetricConstructor<Histogram> for Bounds {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

impl Metrics {
    /// The counter of this metric with these values of its labels, which are few and none of which
    /// a client may choose. Asked for again, it is the same one.
    pub(crate) fn counter(&self, metric: &Metric, labels: &[&str]) -> Counter {
        let mut inner = self.lock();
        match inner.family(metric) {
            AnyFamily::Counters(values) => values.get(metric, labels),
            _ => panic!("{} is no counter that is counted with", metric.name),
        }
    }

    /// The histogram of this metric with these values of its labels. It takes a lock for each
    /// observation, so it is nothing for a shard.
    pub(crate) fn histogram(&self, metric: &Metric, labels: &[&str]) -> Histogram {
        let mut inner = self.lock();
        match inner.family(metric) {
            AnyFamily::Histograms(values) => values.get(metric, labels),
            _ => panic!("{} is no histogram", metric.name),
        }
    }

    /// A counter that `read` reads whenever somebody asks, on the thread of the metrics. It must
    /// never fall, return soon, and must not touch these metrics.
    pub(crate) fn counter_of(
        &self,
        metric: &Metric,
        labels: &[&str],
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        debug_assert_eq!(metric.kind, Kind::Counter, "{}", metric.name);
        self.read(metric, labels, move || read() as f64);
    }

    /// The same for a gauge.
    pub(crate) fn gauge_of(
        &self,
        metric: &Metric,
        labels: &[&str],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        debug_assert_eq!(metric.kind, Kind::Gauge, "{}", metric.name);
        self.read(metric, labels, read);
    }

    fn read(
        &self,
        metric: &Metric,
        labels: &[&str],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) {
        let mut inner = self.lock();
        let Inner { registry, families } = &mut *inner;
        let family = families.entry(metric.name).or_insert_with(|| {
            let readings = Readings::new(*metric);
            registry.register_collector(Box::new(readings.clone()));
            AnyFamily::Readings(readings)
        });
        match family {
            AnyFamily::Readings(readings) => readings.add(named(metric, labels), Box::new(read)),
            _ => panic!("{} is counted with", metric.name),
        }
    }

    /// Adds what makes several metrics at a time whenever somebody asks.
    pub(crate) fn collect(&self, collector: impl Collector) {
        self.lock().registry.register_collector(Box::new(collector));
    }

    /// The names of those that are counted with or read here and that `is_known` does not know.
    pub(crate) fn unknown(&self, is_known: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let inner = self.lock();
        let names = inner.families.keys().copied();
        names.filter(|name| !is_known(name)).collect()
    }

    /// Everything, as OpenMetrics has it.
    ///
    /// # Errors
    /// A collector has failed.
    pub(crate) fn encode(&self, out: &mut String) -> fmt::Result {
        text::encode(out, &self.lock().registry)
    }

    /// What panics while it is read does no harm to the others.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn family(&mut self, metric: &Metric) -> &mut AnyFamily {
        let registry = &mut self.registry;
        self.families.entry(metric.name).or_insert_with(|| {
            let (stem, unit) = metric.stem_and_unit();
            let unit = unit.map(|unit| Unit::Other(unit.to_owned()));
            let mut register = Register {
                registry,
                stem,
                unit,
                help: metric.help,
            };
            match metric.kind {
                Kind::Counter => AnyFamily::Counters(register.values(Counter::default)),
                Kind::Gauge => panic!("{} is read when somebody asks", metric.name),
                Kind::Histogram(bounds) => AnyFamily::Histograms(register.values(Bounds(bounds))),
            }
        })
    }
}

/// Where a family goes.
struct Register<'r> {
    registry: &'r mut Registry,
    stem: &'static str,
    unit: Option<Unit>,
    help: &'static str,
}

impl Register<'_> {
    fn values<M, C>(&mut self, make: C) -> Values<M, C>
    where
        Family<Labels, M, C>: prometheus_client::registry::Metric + Clone,
    {
        let family = Family::new_with_constructor(make);
        let (stem, help) = (self.stem, self.help);
        match self.unit.take() {
            Some(unit) => {
                let family = family.clone();
                self.registry.register_with_unit(stem, help, unit, family);
            }
            None => self.registry.register(stem, help, family.clone()),
        }
        Values {
            family,
            known: BTreeSet::new(),
        }
    }
}

fn named(metric: &Metric, labels: &[&str]) -> Labels {
    let (names, count) = (metric.labels, labels.len());
    assert_eq!(
        names.len(),
        count,
        "{} has the labels {names:?}",
        metric.name
    );
    let values = labels.iter().map(|value| (*value).to_owned());
    names.iter().copied().zip(values).collect()
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUESTS: Metric =
        Metric::counter("allspark_test_requests_total", "Requests").by(&["outcome"]);
    const HELD: Metric = Metric::gauge("allspark_test_held_bytes", "What is held");
    const TIME: Metric = Metric::histogram("allspark_test_seconds", "Time", &[0.5, 1.0]);
    const OPEN: Metric = Metric::gauge("allspark_test_open", "What is open").by(&["pool"]);

    fn text(metrics: &Metrics) -> String {
        let mut text = String::new();
        metrics.encode(&mut text).unwrap();
        text
    }

    #[test]
    fn what_is_counted_is_shown() {
        let metrics = Metrics::default();
        metrics.counter(&REQUESTS, &["answered"]).inc();
        metrics.counter(&REQUESTS, &["answered"]).inc_by(2);
        metrics.counter(&REQUESTS, &["a \"b\"\n\\"]).inc();
        metrics.gauge_of(&HELD, &[], || 7.0);
        let time = metrics.histogram(&TIME, &[]);
        [0.5, 0.6, 3.0]
            .into_iter()
            .for_each(|seconds| time.observe(seconds));
        metrics.gauge_of(&OPEN, &["a"], || 5.0);
        metrics.gauge_of(&OPEN, &["b"], || 6.0);
        let text = text(&metrics);
        for line in [
            "# TYPE allspark_test_requests counter",
            "allspark_test_requests_total{outcome=\"answered\"} 3",
            "allspark_test_requests_total{outcome=\"a \\\"b\\\"\\n\\\\\"} 1",
            "# UNIT allspark_test_held_bytes bytes",
            "allspark_test_held_bytes 7.0",
            "allspark_test_seconds_bucket{le=\"0.5\"} 1",
            "allspark_test_seconds_bucket{le=\"+Inf\"} 3",
            "allspark_test_open{pool=\"a\"} 5.0",
            "allspark_test_open{pool=\"b\"} 6.0",
        ] {
            assert!(text.lines().any(|has| has == line), "{line}\n{text}");
        }
        assert_eq!(text.matches("# TYPE allspark_test_open ").count(), 1);
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn labels_without_end_are_one() {
        let metrics = Metrics::default();
        for number in 0..10_000 {
            let label = number.to_string();
            metrics.counter(&REQUESTS, &[&label]).inc();
        }
        let text = text(&metrics);
        assert!(text.lines().count() <= SERIES_MAX + 5);
        let rest = format!("{{outcome=\"other\"}} {}", 10_000 - SERIES_MAX);
        assert!(text.contains(&rest), "{text}");
        metrics.counter(&REQUESTS, &["7"]).inc();
        assert_eq!(metrics.counter(&REQUESTS, &["7"]).get(), 2);
    }
}
