//! Begins spans.

use std::sync::Arc;

use allspark::RequestHead;

use super::context::{Context, TRACEPARENT};
use super::export::Exporter;
use super::span::{Open, Span, now_ns};
use super::state;

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
    pub(super) fn new(exporter: Exporter, sample: f64, trusts_parents: bool) -> Self {
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
            state: None,
            name,
            begun_ns: now_ns(),
            attributes: Vec::new(),
            error: None,
        })
    }

    /// The same for a request, which may say to which trace it belongs.
    pub(crate) fn start_for(&self, name: &'static str, head: &RequestHead<'_>) -> Span {
        if self.0.is_none() {
            return Span::none();
        }
        let parent = head.header(TRACEPARENT).and_then(Context::parse);
        let mut span = self.start(name, parent);
        // Of a trace that begins here nobody has said anything.
        if parent.is_some() && span.is_recorded() {
            span.set_state(state::of(head));
        }
        span
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
