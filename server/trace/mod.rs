//! Traces as OpenTelemetry has them: what became of a connection, a publish or a hook, and how long
//! each took, sent to a collector (OTLP over HTTP, as JSON).
//!
//! ```ignore
//! let mut span = assembly.tracer.start("publish", parent);
//! span.set("allspark.rooms", 3);
//! // It ends when it is dropped.
//! ```
//!
//! Off unless there is a URL. Contexts are W3C's: `traceparent`, and `tracestate` as it came.
//!
//! # Invariants
//! - Whoever ends a span never waits. What waits for the collector is bounded ([`export`]), and
//!   what is lost is counted.
//! - What is not sampled costs its ids and nothing else. Without a URL nothing is made.
//! - Who connects does not decide what is sampled, unless `trace-trust-parents` says so.

mod connect;
mod context;
mod ended;
mod export;
pub(crate) mod options;
mod otlp;
pub(crate) mod span;
mod state;
pub(crate) mod table;
pub(crate) mod tracer;

use crate::assembly::Assembly;
use crate::log::Log;
use crate::metrics::metric::Metric;

pub(crate) use connect::{context_of, of_request, state_of};
pub(crate) use context::Context;

use export::Exporter;
use options::TraceOptions;
use tracer::Tracer;

/// What is counted.
pub(crate) const METRICS: &[Metric] = &[export::SPANS];

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
