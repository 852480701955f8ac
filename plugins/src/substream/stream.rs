//! A stream, as the application sees it.

use std::sync::Arc;

use allspark_engine::{Data, Message, Spark};
use allspark_protocol::Value;
use thiserror::Error;

use super::options::Substream;
use super::streams::{self, One, Streams};
use super::wire::{END, Name};
use crate::envelope::Around;

/// What sparks have with the plugin [`Substream`].
pub trait SubstreamSpark<'a> {
    /// The stream of this name. It is made if there is none.
    ///
    /// # Errors
    /// The server has no such plugin, the spark has ended, or it has too many streams.
    fn substream(&mut self, name: &str) -> Result<Stream<'_, 'a>, SubstreamError>;
}

impl<'a> SubstreamSpark<'a> for Spark<'a> {
    fn substream(&mut self, name: &str) -> Result<Stream<'_, 'a>, SubstreamError> {
        let streams = self.own::<Streams>();
        let known = streams.and_then(|streams| streams.find(|one| *one.name.0 == *name));
        let one = match known.cloned() {
            Some(one) => one,
            None => make(self, name)?,
        };
        Ok(Stream { spark: self, one })
    }
}

fn make(spark: &mut Spark<'_>, name: &str) -> Result<Arc<One>, SubstreamError> {
    if !spark.is_open() {
        return Err(SubstreamError::Ended);
    }
    let plugin = spark.primus().handle().plugin::<Substream>();
    let max = plugin
        .ok_or(SubstreamError::NoPlugin)?
        .options()
        .streams_max;
    if spark.own::<Streams>().is_none() {
        spark.set_own(Streams::default());
    }
    let one = One::new(name, streams::deliver);
    let streams = spark.own_mut::<Streams>();
    match streams.is_some_and(|streams| streams.add(Arc::clone(&one), max)) {
        true => Ok(one),
        false => Err(SubstreamError::TooMany { max }),
    }
}

/// Why there is no stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SubstreamError {
    /// The server has no plugin [`Substream`].
    #[error("the server has no plugin named substream")]
    NoPlugin,
    /// The spark has ended.
    #[error("the spark has ended")]
    Ended,
    /// The spark has too many streams, see [`super::SubstreamOptions::streams_max`].
    #[error("the spark has {max} streams already")]
    TooMany {
        /// So many it may have.
        max: usize,
    },
}

/// A stream within a connection, for as long as a handler runs. [`SubstreamSpark::substream`] finds
/// it again, also from elsewhere: `handle.with(|spark| ..)`.
pub struct Stream<'s, 'a> {
    spark: &'s mut Spark<'a>,
    one: Arc<One>,
}

impl<'a> Stream<'_, 'a> {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.one.name.0
    }

    /// The spark that it is a stream of.
    pub fn spark(&mut self) -> &mut Spark<'a> {
        self.spark
    }

    /// Whether it has not ended.
    pub fn is_open(&self) -> bool {
        self.spark.is_open() && streams::is_open(self.spark, &self.one)
    }

    /// Writes a message, as [`Spark::write`] does. Returns false when the stream has ended.
    pub fn write(&mut self, message: impl Message) -> bool {
        self.is_open() && self.spark.write_enveloped(message, &self.one)
    }

    /// Ends the stream, here and at the client. The spark stays open. Returns false when the stream
    /// has ended already. The name may be used again: then it is another stream.
    pub fn end(&mut self) -> bool {
        let is_open = self.is_open();
        if is_open {
            self.spark.write_untransformed(end_message(&self.one.name));
            streams::end(self.spark, &self.one);
        }
        is_open
    }

    /// Writes a last message and ends the stream.
    pub fn end_with(&mut self, message: impl Message) -> bool {
        self.write(message) && self.end()
    }

    /// Calls `handler` with every message of the stream.
    pub fn on_data(&mut self, mut handler: impl FnMut(&mut Stream<'_, '_>, Data<'_>) + 'static) {
        if let Some(handlers) = self.handlers() {
            handlers.data.push(Box::new(move |spark, one, data| {
                let one = Arc::clone(one);
                handler(&mut Stream { spark, one }, data);
            }));
        }
    }

    /// Calls `handler` when the stream has ended: here, at the client, or because its spark has.
    pub fn on_end(&mut self, mut handler: impl FnMut(&mut Stream<'_, '_>) + 'static) {
        if let Some(handlers) = self.handlers() {
            handlers.end.push(Box::new(move |spark, one| {
                let one = Arc::clone(one);
                handler(&mut Stream { spark, one });
            }));
        }
    }

    fn handlers(&mut self) -> Option<&mut streams::Handlers> {
        self.spark.own_mut::<Streams>()?.handlers_mut(&self.one)
    }
}

fn end_message(name: &Name) -> Value {
    name.value(Value::from(END))
}

impl std::fmt::Debug for Stream<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}
