//! The handle that listens.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::Stream;

use super::event::{Data, Event};
use super::mailbox::Mailbox;

/// What happens to a client, as a [`Stream`].
///
/// The stream says `None` after [`Event::End`], so that a loop over it ends; if the client is
/// opened again it goes on. (While [`Writer::network`](super::Writer::network) says that there is
/// no network, and the strategy `online` will bring the client back, it does not stop.) It also
/// says `None` when the client is gone for good.
///
/// At most 1 MiB of messages, and about 1,000 events, wait to be read. Then the client reads no
/// more from the network, which the server notices, and does not answer the server's pings either:
/// whoever does not read for longer than the server's ping interval loses the connection.
///
/// Dropped, nobody listens, and the client goes on for its writers.
pub struct Events(Arc<Mailbox>);

impl Events {
    /// The only one of a client.
    pub(super) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self(mailbox)
    }

    /// Whether the client is gone for good and everything was read.
    pub fn is_over(&self) -> bool {
        self.0.is_over()
    }

    /// The messages alone: all other events are passed over.
    pub fn into_data(self) -> DataStream {
        DataStream(self)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_event(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.0.drop_reader();
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

/// The messages of a client, as a [`Stream`]. It says `None` where [`Events`] does.
#[derive(Debug)]
pub struct DataStream(Events);

impl Stream for DataStream {
    type Item = Data;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Data>> {
        loop {
            match Pin::new(&mut self.0).poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Event::Data(data))) => return Poll::Ready(Some(data)),
                Poll::Ready(Some(_)) => {}
            }
        }
    }
}
