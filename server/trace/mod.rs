//! Traces as OpenTelemetry has them: what became of a connection, a publish or a hook, and how long
//! each took, sent to a collector (OTLP over HTTP, as JSON).
//!
//! ```ignore
//! let mut span = assembly.tracer.start("publish", parent);
//! span.set("allspark.rooms", 3);
//! // It ends when it is dropped.
//! ```
//!
//! Off unless there is a URL. Contexts are W3C's (`traceparent`); `tracestate` is not passed on.
//!
//! # Invariants
//! - Whoever ends a span never waits. What waits for the collector is bounded ([`export`]), and what
//!   is lost is counted.
//! - What is not sampled costs its ids and nothing else. Without a URL nothing is made.
//! - Who connects does not decide what is sampled, unless `trace-trust-parents` says so.

mod connect;
mod context;
mod export;
pub(crate) mod options;
mod otlp;
mod span;
pub(crate) mod table;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use allspark::RequestHead;

use crate::assembly::Assembly;
use crate::log::Log;
use crate::metrics::metric::Metric;

pub(crate) use connect::context_of;
pub(crate) use context::Context;
pub(crate) use span::Span;

use context::TRACEPARENT;
use export::Exporter;
use options::TraceOptions;
use span::Open;

/// What is counted.
pub(crate) const METRICS: &[Metric] = &[export::SPANS];

/// Makes spans. Copies are the same one; the default makes none.
#[derive(Clone, Default)]
pub(crate) struct Tracer(Option<Arc<Inner>>);

struct Inner {
    exporter: Exporter,
    /// Of so many of 2^32 traces that begin here.
    sampled_of_2_32: u64,
    trusts_parents: bool,
}

impl Tracer {
    /// A tracer with this exporter, which samples this part of the traces that begin here.
    fn new(exporter: Exporter, sample: f64, trusts_parents: bool) -> Self {
        let sampled_of_2_32 = (sample.clamp(0.0, 1.0) * f64::from(u32::MAX) + sample.ceil()) as u64;
        Self(Some(Arc::new(Inner {
            exporter,
            sampled_of_2_32,
            trusts_parents,
        })))
    }

    /// Begins a span with a name that tells its kind, which ends when it is dropped. Its trace is
    /// that of `parent`, or a new one.
    pub(crate) fn start(&self, name: &'static str, parent: Option<Context>) -> Span {
        let Some(inner) = &self.0 else {
            return Span::none();
        };
        let context = inner.context(parent);
        Span::new(Open {
            exporter: inner.exporter.clone(),
            context,
            parent: parent.map(|parent| parent.span),
            name,
            begun_ns: now_ns(),
            attributes: Vec::new(),
            error: None,
        })
    }

    /// What a request says about the trace that it belongs to.
    pub(crate) fn parent_of(&self, head: &RequestHead<'_>) -> Option<Context> {
        self.0.as_ref()?;
        Context::parse(head.header(TRACEPARENT)?)
    }
}

impl Inner {
    fn context(&self, parent: Option<Context>) -> Context {
        let is_sampled = match parent {
            Some(parent) if !parent.is_foreign || self.trusts_parents => parent.is_sampled,
            _ => allspark_engine::random() >> 32 < self.sampled_of_2_32,
        };
        let trace = parent.map_or_else(new_trace, |parent| parent.trace);
        Context {
            trace,
            span: non_zero(),
            is_sampled,
            is_foreign: false,
        }
    }
}

fn new_trace() -> u128 {
    u128::from(non_zero()) << 64 | u128::from(allspark_engine::random())
}

/// An id is never zero.
fn non_zero() -> u64 {
    allspark_engine::random().max(1)
}

/// Nanoseconds since the Unix epoch.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

/// Makes the tracer, if there is a URL, and traces connections.
///
/// # Errors
/// Its headers can't be read, no certificate is trusted, or there can be no thread.
pub(crate) fn assemble(
    options: &TraceOptions,
    assembly: &mut Assembly,
    log: &Log,
) -> Result<(), String> {
    let Some(url) = &options.url else {
        return Ok(());
    };
    let headers = options.headers()?;
    let exporter = Exporter::start(url, headers, &options.service_name, &assembly.metrics)?;
    let ending = exporter.clone();
    log.at_end(move |timeout| ending.flush(timeout));
    let tracer = Tracer::new(exporter, options.sample.ratio(), options.trust_parents);
    connect::assemble(&tracer, assembly);
    assembly.tracer = tracer;
    Ok(())
}

#[cfg(test)]
mod tests;
