//! What is recorded of one thing that takes its time.

use std::time::{SystemTime, UNIX_EPOCH};

use super::context::Context;
use super::ended::{Ended, TEXT_BYTES_MAX, Value};
use super::export::Exporter;

/// Attributes of a span.
const ATTRIBUTES_MAX: usize = 16;

/// One thing that takes its time; it ends when this is dropped. Without a tracer it is nothing.
pub(crate) struct Span(Option<Box<Open>>);

/// A span that has not ended.
pub(super) struct Open {
    pub(super) exporter: Exporter,
    pub(super) context: Context,
    pub(super) parent: Option<u64>,
    /// What other tracers say of the trace.
    pub(super) state: Option<Box<str>>,
    pub(super) name: &'static str,
    pub(super) begun_ns: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) error: Option<Box<str>>,
}

impl Span {
    /// Nothing.
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn new(open: Open) -> Self {
        Self(Some(Box::new(open)))
    }

    /// The one that others are children of; `None` if nothing is traced.
    pub(crate) fn context(&self) -> Option<Context> {
        self.0.as_ref().map(|open| open.context)
    }

    /// What other tracers say of its trace, which goes on with it.
    pub(super) fn state(&self) -> Option<&str> {
        self.0.as_ref()?.state.as_deref()
    }

    pub(super) fn set_state(&mut self, state: Option<Box<str>>) {
        if let Some(open) = self.recorded() {
            open.state = state;
        }
    }

    /// Whether anybody will see it.
    pub(super) fn is_recorded(&self) -> bool {
        self.0.as_ref().is_some_and(|open| open.context.is_sampled)
    }

    /// Says more about it. What is too much is left out.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(open) = self.recorded()
            && open.attributes.len() < ATTRIBUTES_MAX
        {
            open.attributes.push((name, value.into()));
        }
    }

    /// It has failed.
    pub(crate) fn fail(&mut self, why: &str) {
        if let Some(open) = self.recorded() {
            open.error = Some(why[..why.floor_char_boundary(TEXT_BYTES_MAX)].into());
        }
    }

    /// It was nothing that anybody wants to know of.
    pub(crate) fn discard(&mut self) {
        self.0 = None;
    }

    fn recorded(&mut self) -> Option<&mut Open> {
        self.0.as_deref_mut().filter(|open| open.context.is_sampled)
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(open) = self.0.take().filter(|open| open.context.is_sampled) else {
            return;
        };
        let Open {
            exporter,
            context,
            parent,
            state,
            name,
            begun_ns,
            attributes,
            error,
        } = *open;
        exporter.send(Ended {
            context,
            parent,
            state,
            name,
            begun_ns,
            // The clock may have been set back.
            ended_ns: now_ns().max(begun_ns),
            attributes,
            error,
        });
    }
}

/// Nanoseconds since the Unix epoch.
pub(super) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}
