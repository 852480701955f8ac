//! The handle that writes.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use allspark_protocol::Value;
use allspark_protocol::parser::{EncodeError, Parser, ParserKind};
use allspark_protocol::transformer::Kind;
use futures_util::Sink;
use serde::Serialize;
use tokio::sync::oneshot;

use super::error::{Lost, WriteError};
use super::mailbox::{Command, Mailbox};
use crate::core::{Direction, ReadyState, Verdict, on_values};

/// Writes to the server, and ends the client. Clones belong to the same client; each may live in a
/// task of its own.
///
/// It is a [`Sink`] of everything that can be serialized. Messages of one handle arrive in order.
/// A client that is not open queues them, as in Primus, without limit unless
/// [`queue_size`](super::Builder::queue_size) sets one.
pub struct Writer {
    mailbox: Arc<Mailbox>,
    parser: ParserKind,
    /// Of a sink that is being closed.
    leaving: Option<Ended>,
}

impl Writer {
    /// The first writer of a client.
    pub(super) fn new(mailbox: Arc<Mailbox>, parser: ParserKind) -> Self {
        Self {
            mailbox,
            parser,
            leaving: None,
        }
    }

    /// Writes a message: whatever serde can serialize, for instance a string, a
    /// [`Value`], a `serde_json::Value` or a type of the application.
    ///
    /// Waits while 256 KiB wait to be sent already. Let another task read the events meanwhile: if
    /// nobody does, the client stops to read from the server too, and a server that waits for its
    /// answers to be read may stop to read.
    ///
    /// # Errors
    /// If the parser has no message for it, or the client is gone. That it was written does not
    /// mean that it arrives: the connection may be lost at any time.
    pub async fn write<T: Serialize>(&self, message: T) -> Result<(), WriteError> {
        let (kind, encoded) = self.encode(&message)?;
        self.push(kind, encoded).await
    }

    /// Writes bytes. The parser `raw` sends them as they are, `msgpack`, `binary` and `ejson` as
    /// bytes of theirs; with `json` they arrive as what Node.js makes of a `Buffer`.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub async fn write_bytes(&self, bytes: impl Into<Vec<u8>>) -> Result<(), WriteError> {
        let mut encoded = Vec::new();
        let bytes = Value::Bytes(bytes.into());
        let kind = self.parser.encode_value(&bytes, &mut encoded)?;
        self.push(kind, encoded).await
    }

    /// Writes a message without waiting, from wherever there is nothing to wait with.
    ///
    /// # Errors
    /// As [`Writer::write`], and [`WriteError::Full`] where that would wait.
    pub fn try_write<T: Serialize>(&self, message: T) -> Result<(), WriteError> {
        let (kind, encoded) = self.encode(&message)?;
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.mailbox.poll_write(&mut cx, kind, &mut Some(encoded)) {
            Poll::Ready(result) => result.map_err(WriteError::from),
            Poll::Pending => Err(WriteError::Full),
        }
    }

    /// Waits until the system has taken everything that was written to the open connection.
    ///
    /// # Errors
    /// If the client is gone.
    pub async fn flush(&self) -> Result<(), WriteError> {
        Ok(poll_fn(|cx| self.mailbox.poll_sent(cx)).await?)
    }

    /// The id of this client's spark on the server.
    ///
    /// # Errors
    /// If the connection is lost before the answer comes.
    pub async fn id(&self) -> Result<String, Lost> {
        let (answer, id) = oneshot::channel();
        self.command(Command::Id(answer));
        id.await.map_err(|_| Lost)
    }

    /// Gives the server a new credential in the place of the one that this client connected with:
    /// see `--auth-expiry` of the server. It is sent past all transforms, and while there is no
    /// connection it waits for one. That the server has taken it, AllSpark says with the message
    /// `{"authorization":"renewed","expires":<ms since 1970>}`.
    ///
    /// # Errors
    /// If the client is gone.
    pub fn renew_authorization(&self, credential: impl Into<String>) -> Result<(), WriteError> {
        Ok(self.mailbox.give(Command::Renew(credential.into()))?)
    }

    /// Opens a client that was made [`manual`](super::Builder::manual), or that has ended.
    pub fn open(&self) {
        self.command(Command::Open);
    }

    /// Ends the connection for good, and whatever is done to get it back. It begins at once; to
    /// wait until the server was told, await what is returned.
    pub fn end(&self) -> Ended {
        let (sender, receiver) = oneshot::channel();
        self.command(Command::End(sender));
        Ended(receiver)
    }

    /// Ends the client: after [`Event::Destroy`](super::Event::Destroy) it can't be opened again.
    pub fn destroy(&self) -> Ended {
        let (sender, receiver) = oneshot::channel();
        self.command(Command::Destroy(sender));
        Ended(receiver)
    }

    /// Tells the client that the network of the host came or went, as browsers do.
    pub fn network(&self, online: bool) {
        self.command(Command::Network(online));
    }

    /// Adds a message transform: see [`Builder::transform`](super::Builder::transform).
    pub fn transform(
        &self,
        direction: Direction,
        transform: impl FnMut(&mut Value) -> Verdict + Send + 'static,
    ) {
        let transform = on_values(self.parser, transform);
        self.command(Command::Transform(direction, transform));
    }

    /// How far the connection has come.
    pub fn ready_state(&self) -> ReadyState {
        self.mailbox.ready_state()
    }

    fn encode<T: Serialize>(&self, message: &T) -> Result<(Kind, Vec<u8>), EncodeError> {
        let mut encoded = Vec::new();
        let kind = self.parser.encode_serialize(message, &mut encoded)?;
        Ok((kind, encoded))
    }

    async fn push(&self, kind: Kind, encoded: Vec<u8>) -> Result<(), WriteError> {
        let mut encoded = Some(encoded);
        Ok(poll_fn(|cx| self.mailbox.poll_write(cx, kind, &mut encoded)).await?)
    }

    /// What is asked of a client that is gone is asked of nobody.
    fn command(&self, command: Command) {
        let _ = self.mailbox.give(command);
    }
}

impl<T: Serialize> Sink<T> for Writer {
    type Error = WriteError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.mailbox.poll_room(cx).map_err(WriteError::from)
    }

    fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), WriteError> {
        let (kind, encoded) = self.encode(&message)?;
        Ok(self.mailbox.give(Command::Write(kind, encoded))?)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        self.mailbox.poll_sent(cx).map_err(WriteError::from)
    }

    /// Ends the connection, as [`Writer::end`].
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), WriteError>> {
        let mut leaving = match self.leaving.take() {
            Some(leaving) => leaving,
            None => self.end(),
        };
        if Pin::new(&mut leaving).poll(cx).is_pending() {
            self.leaving = Some(leaving);
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl Clone for Writer {
    fn clone(&self) -> Self {
        self.mailbox.add_writer();
        Self::new(Arc::clone(&self.mailbox), self.parser)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.mailbox.drop_writer();
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("parser", &self.parser)
            .field("ready_state", &self.ready_state())
            .finish_non_exhaustive()
    }
}

/// Ready when nothing is left of a connection that was ended: the server has been told, or has had
/// its time to listen. It need not be awaited.
#[derive(Debug)]
pub struct Ended(oneshot::Receiver<()>);

impl Future for Ended {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Nobody ever sends: that the sender is gone is the message.
        let _ = ready!(Pin::new(&mut self.0).poll(cx));
        Poll::Ready(())
    }
}
