//! A client as an application holds it.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};
use serde::Serialize;

use super::error::{Lost, WriteError};
use super::event::Event;
use super::events::Events;
use super::writer::{Ended, Writer};
use crate::core::ReadyState;

/// A client of a Primus server.
///
/// It is a [`Stream`] of [`Event`]s and a [`Sink`] of messages; [`Primus::split`] makes a handle of
/// each, for tasks of their own. When the last handle is dropped, the client says goodbye.
///
/// ```no_run
/// use allspark_client::{Event, Primus};
/// use futures_util::StreamExt;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut primus = Primus::connect("http://localhost:8080/?user=optimus").await?;
/// primus.write("hello").await?;
/// while let Some(event) = primus.next().await {
///     match event {
///         Event::Data(data) => println!("{:?}", data.value()?),
///         Event::ReconnectScheduled(attempt) => println!("back in {:?}", attempt.scheduled),
///         Event::Error(error) => eprintln!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Primus {
    writer: Writer,
    events: Events,
}

impl Primus {
    /// The handles of one client.
    pub(super) fn new(writer: Writer, events: Events) -> Self {
        Self { writer, events }
    }

    /// Takes the client apart: what writes, which can be cloned, and what listens.
    ///
    /// ```no_run
    /// # use allspark_client::Primus;
    /// # use futures_util::StreamExt;
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let (writer, events) = Primus::connect("ws://localhost:8080").await?.split();
    /// let printer = tokio::spawn(events.into_data().for_each(async |data| {
    ///     println!("{data:?}");
    /// }));
    /// for n in 0..1000 {
    ///     writer.write(n).await?;
    /// }
    /// writer.flush().await?;
    /// writer.end().await;
    /// printer.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn split(self) -> (Writer, Events) {
        (self.writer, self.events)
    }

    /// The handle that writes, and that can do everything else too.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Writes a message: see [`Writer::write`].
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub async fn write<T: Serialize>(&self, message: T) -> Result<(), WriteError> {
        self.writer.write(message).await
    }

    /// The id of this client's spark on the server: see [`Writer::id`].
    ///
    /// # Errors
    /// If the connection is lost before the answer comes.
    pub async fn id(&self) -> Result<String, Lost> {
        self.writer.id().await
    }

    /// Gives the server a new credential: see [`Writer::renew_authorization`].
    ///
    /// # Errors
    /// As [`Writer::renew_authorization`].
    pub fn renew_authorization(&self, credential: impl Into<String>) -> Result<(), WriteError> {
        self.writer.renew_authorization(credential)
    }

    /// Opens a client that was made [`manual`](super::Builder::manual), or that has ended.
    pub fn open(&self) {
        self.writer.open();
    }

    /// Ends the connection for good: see [`Writer::end`].
    pub fn end(&self) -> Ended {
        self.writer.end()
    }

    /// How far the connection has come.
    pub fn ready_state(&self) -> ReadyState {
        self.writer.ready_state()
    }
}

impl Stream for Primus {
    type Item = Event;

    /// The next event: see [`Events`].
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        Pin::new(&mut self.events).poll_next(cx)
    }
}

impl<T: Serialize> Sink<T> for Primus {
    type Error = WriteError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        Sink::<T>::poll_ready(Pin::new(&mut self.writer), cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: T) -> Result<(), WriteError> {
        Pin::new(&mut self.writer).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        Sink::<T>::poll_flush(Pin::new(&mut self.writer), cx)
    }

    /// Ends the connection, as [`Primus::end`].
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        Sink::<T>::poll_close(Pin::new(&mut self.writer), cx)
    }
}
