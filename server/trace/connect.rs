//! Traces connections: from the head of the request through all layers to the spark.

use allspark::{Layer, LayerRequest, Spark, Verdict};

use super::context::Context;
use super::span::Span;
use super::tracer::Tracer;
use crate::assembly::Assembly;

/// The layer that comes first.
const LAYER: &str = "trace";

/// What becomes of a request that may open a spark. A spark keeps it, if it is sampled.
struct Connecting {
    span: Span,
    context: Option<Context>,
    state: Option<Box<str>>,
}

impl Drop for Connecting {
    /// Most requests of a session that polls open no spark, and neither does one that is refused.
    fn drop(&mut self) {
        self.span.discard();
    }
}

/// The span of a spark's connection, if it is sampled: the parent of what is done about the spark.
pub(crate) fn context_of(spark: &Spark<'_>) -> Option<Context> {
    spark.attached::<Connecting>()?.context
}

/// What other tracers say of that trace.
pub(crate) fn state_of<'s>(spark: &'s Spark<'_>) -> Option<&'s str> {
    spark.attached::<Connecting>()?.state.as_deref()
}

/// The same of a request that may open a spark.
pub(crate) fn of_request<'r>(request: &'r LayerRequest<'_>) -> Option<(Context, Option<&'r str>)> {
    let connecting = request.attached::<Connecting>()?;
    Some((connecting.context?, connecting.state.as_deref()))
}

pub(super) fn assemble(tracer: &Tracer, assembly: &mut Assembly) {
    let tracer = tracer.clone();
    assembly.when_built(move |primus| {
        let layer = Layer::new(LAYER, move |request: &mut LayerRequest<'_>| {
            let span = tracer.start_for("connect", request.head());
            if span.is_recorded() {
                request.attach(Connecting {
                    context: span.context(),
                    state: span.state().map(Into::into),
                    span,
                });
            }
            Verdict::Next
        });
        primus.layers().insert(0, layer);
        primus.on_connection(|spark| {
            let Some(connecting) = spark.attached_mut::<Connecting>() else {
                return;
            };
            let mut span = std::mem::replace(&mut connecting.span, Span::none());
            span.set("allspark.spark.id", &*spark.id().to_string());
            span.set("client.address", &*spark.address().ip().to_string());
        });
        Ok(())
    });
}
