//! What is recorded of one thing that takes its time.

use super::context::Context;
use super::export::Exporter;
use super::now_ns;

/// Bytes of a text in a span.
const TEXT_BYTES_MAX: usize = 256;

/// Attributes of a span.
const ATTRIBUTES_MAX: usize = 16;

/// One thing that takes its time; it ends when this is dropped. Without a tracer it is nothing.
pub(crate) struct Span(Option<Box<Open>>);

/// A span that has not ended.
pub(super) struct Open {
    pub(super) exporter: Exporter,
    pub(super) context: Context,
    pub(super) parent: Option<u64>,
    pub(super) name: &'static str,
    pub(super) begun_ns: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) error: Option<Box<str>>,
}

/// A span that has ended.
pub(super) struct Ended {
    pub(super) context: Context,
    pub(super) parent: Option<u64>,
    pub(super) name: &'static str,
    pub(super) begun_ns: u64,
    pub(super) ended_ns: u64,
    pub(super) attributes: Vec<(&'static str, Value)>,
    pub(super) error: Option<Box<str>>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(Box<str>),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text[..text.floor_char_boundary(TEXT_BYTES_MAX)].into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
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
            name,
            begun_ns,
            attributes,
            error,
        } = *open;
        exporter.send(Ended {
            context,
            parent,
            name,
            begun_ns,
            // The clock may have been set back.
            ended_ns: now_ns().max(begun_ns),
            attributes,
            error,
        });
    }
}
