//! Traces connections: from the head of the request through all layers to the spark.

use allspark::{Layer, LayerRequest, Verdict};

use super::Tracer;
use super::context::Context;
use super::span::Span;
use crate::assembly::Assembly;

/// The layer that comes first.
const LAYER: &str = "trace";

/// What becomes of a request that may open a spark.
struct Connecting(Span);

impl Drop for Connecting {
    /// Most requests of a session that polls open no spark, and neither does one that is refused.
    fn drop(&mut self) {
        self.0.discard();
    }
}

/// The span of the connection that a request may become, for what is done about it. A request that
/// is not sampled says so.
pub(crate) fn context_of(request: &LayerRequest<'_>) -> Option<Context> {
    request.attached::<Connecting>()?.0.context()
}

pub(super) fn assemble(tracer: &Tracer, assembly: &mut Assembly) {
    let tracer = tracer.clone();
    assembly.when_built(move |primus| {
        let layer = Layer::new(LAYER, move |request: &mut LayerRequest<'_>| {
            let parent = tracer.parent_of(request.head());
            request.attach(Connecting(tracer.start("connect", parent)));
            Verdict::Next
        });
        primus.layers().insert(0, layer);
        primus.on_connection(|spark| {
            let Some(mut connecting) = spark.take_attached::<Connecting>() else {
                return;
            };
            let mut span = std::mem::replace(&mut connecting.0, Span::none());
            span.set("allspark.spark.id", &*spark.id().to_string());
            span.set("client.address", &*spark.address().ip().to_string());
        });
        Ok(())
    });
}
