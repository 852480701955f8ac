//! Metrics that somebody else counts and that are read whenever somebody asks.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::metric::{Kind, Metric};

/// Labels by their names.
pub(super) type Labels = Vec<(&'static str, String)>;

/// Reads a value.
type Reader = Box<dyn Fn() -> f64 + Send + Sync>;

/// All values of one metric, with their labels.
#[derive(Clone)]
pub(super) struct Readings {
    metric: Metric,
    readers: Arc<Mutex<Vec<(Labels, Reader)>>>,
}

impl Readings {
    pub(super) fn new(metric: Metric) -> Self {
        let readers = Arc::default();
        Self { metric, readers }
    }

    /// Adds a value, in the place of the one with the same labels if there is one.
    pub(super) fn add(&self, labels: Labels, read: Reader) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.retain(|(others, _)| *others != labels);
        readers.push((labels, read));
    }
}

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        describe(&mut encoder, &self.metric, |values| {
            let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            for (labels, read) in &*readers {
                values.number(labels, read())?;
            }
            Ok(())
        })
    }
}

/// Writes the head of a metric, and its values.
pub(super) fn describe(
    encoder: &mut DescriptorEncoder<'_>,
    metric: &Metric,
    write: impl FnOnce(&mut Values<'_>) -> fmt::Result,
) -> fmt::Result {
    let (stem, unit) = metric.stem_and_unit();
    let unit = unit.map(|unit| Unit::Other(unit.to_owned()));
    let kind = match metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram(_) => MetricType::Histogram,
    };
    // As the crate does it where it writes the head itself.
    let help = format!("{}.", metric.help);
    let encoder = encoder.encode_descriptor(stem, &help, unit.as_ref(), kind)?;
    write(&mut Values {
        encoder,
        kind: metric.kind,
    })
}

/// Takes the values of one metric.
pub(super) struct Values<'e> {
    encoder: MetricEncoder<'e>,
    kind: Kind,
}

impl Values<'_> {
    /// The value with these labels, of a counter or a gauge.
    pub(super) fn number(&mut self, labels: &Labels, number: f64) -> fmt::Result {
        let mut encoder = self.encoder.encode_family(labels)?;
        match self.kind {
            Kind::Counter => encoder.encode_counter::<NoLabelSet, _, f64>(&number, None),
            _ => encoder.encode_gauge(&number),
        }
    }

    /// A whole number, which may be larger than a `f64` can tell.
    pub(super) fn count(&mut self, labels: &Labels, number: u64) -> fmt::Result {
        let mut encoder = self.encoder.encode_family(labels)?;
        match self.kind {
            Kind::Counter => encoder.encode_counter::<NoLabelSet, _, f64>(&number, None),
            _ => encoder.encode_gauge(&number),
        }
    }

    /// What was observed with these labels: each bound with how much lies between it and the one
    /// before, the last one without end.
    #[expect(dead_code, reason = "histograms of shards are the next step")]
    pub(super) fn histogram(
        &mut self,
        labels: &Labels,
        sum: f64,
        buckets: &[(f64, u64)],
    ) -> fmt::Result {
        let count = buckets.iter().map(|(_, count)| count).sum();
        let mut encoder = self.encoder.encode_family(labels)?;
        encoder.encode_histogram::<NoLabelSet>(sum, count, buckets, None)
    }
}

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readings")
            .field("metric", &self.metric)
            .finish_non_exhaustive()
    }
}
