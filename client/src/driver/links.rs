//! The connections of one client: opened, written, read and closed within its task.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use allspark_protocol::transformer::Link;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::connect::{Connector, Duplex};
use super::limits::{FAREWELL_TIMEOUT, READ_BYTES, UNSENT_BYTES_KEPT_MAX};

/// All connections that a client has at the moment.
pub(super) struct Links {
    connector: Connector,
    sockets: Vec<Socket>,
    /// Links that were closed, until they have sent what was left.
    farewells: FuturesUnordered<Work<()>>,
    buffer: Box<[u8]>,
    /// Where the next look begins, so that no link keeps another one from being read.
    turn: usize,
}

/// Something under way that is polled within the task of the client.
type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a link has to say.
#[derive(Debug)]
pub(super) enum Heard {
    /// So many bytes lie in [`Links::received`].
    Received(Link, usize),
    /// It could not be opened, or it is over; with the reason, unless the server just closed it.
    Lost(Link, Option<io::Error>),
    /// No link that was closed is left.
    Gone,
}

impl Links {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            sockets: Vec::new(),
            farewells: FuturesUnordered::new(),
            buffer: vec![0; READ_BYTES].into(),
            turn: 0,
        }
    }

    /// Begins to open a link.
    pub(super) fn connect(&mut self, link: Link) {
        let connecting = Box::pin(self.connector.clone().connect());
        self.sockets.push(Socket {
            link,
            stream: Stream::Connecting(connecting),
            unsent: Unsent::default(),
        });
    }

    /// Has the bytes sent as soon as the link takes them. A link that was lost takes nothing.
    pub(super) fn write(&mut self, link: Link, bytes: &[u8]) {
        if let Some(socket) = self.sockets.iter_mut().find(|socket| socket.link == link) {
            socket.unsent.push(bytes);
        }
    }

    /// Closes a link once everything written to it is sent. Nothing more is heard of it.
    pub(super) fn close(&mut self, link: Link) {
        if let Some(at) = self.sockets.iter().position(|socket| socket.link == link) {
            let socket = self.sockets.swap_remove(at);
            self.farewells.push(Box::pin(async {
                // Whoever does not let go by then is left.
                let _ = tokio::time::timeout(FAREWELL_TIMEOUT, socket.leave()).await;
            }));
        }
    }

    /// Bytes that no link has sent yet.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.sockets.iter().map(|socket| socket.unsent.len()).sum()
    }

    /// Whether there is no connection left, not even one that is just being closed.
    pub(super) fn is_empty(&self) -> bool {
        self.sockets.is_empty() && self.farewells.is_empty()
    }

    /// The bytes of the last [`Heard::Received`].
    pub(super) fn received(&mut self, count: usize) -> &mut [u8] {
        &mut self.buffer[..count]
    }

    /// Sends what can be sent, and says what was heard.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, may_read: bool) -> Poll<Heard> {
        if self.poll_farewells(cx).is_ready() {
            return Poll::Ready(Heard::Gone);
        }
        for step in 0..self.sockets.len() {
            let at = (self.turn + step) % self.sockets.len();
            let socket = &mut self.sockets[at];
            let link = socket.link;
            match socket.poll(cx, may_read, &mut self.buffer) {
                Poll::Pending => {}
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.turn = at + 1;
                    return Poll::Ready(Heard::Received(link, count));
                }
                Poll::Ready(result) => {
                    self.sockets.swap_remove(at);
                    return Poll::Ready(Heard::Lost(link, result.err()));
                }
            }
        }
        Poll::Pending
    }

    /// Ready when the last of several has ended.
    fn poll_farewells(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(Some(())) = self.farewells.poll_next_unpin(cx) {
            if self.farewells.is_empty() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }
}

/// One connection.
struct Socket {
    link: Link,
    stream: Stream,
    unsent: Unsent,
}

enum Stream {
    Connecting(Work<io::Result<Box<dyn Duplex>>>),
    Open(Box<dyn Duplex>),
}

impl Socket {
    /// How many bytes were read; none, or an error, if the link is over.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        may_read: bool,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Stream::Connecting(connecting) = &mut self.stream {
            match connecting.as_mut().poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(stream)) => self.stream = Stream::Open(stream),
            }
        }
        let Stream::Open(stream) = &mut self.stream else {
            return Poll::Pending;
        };
        self.unsent.poll_send(stream, cx);
        if !may_read {
            return Poll::Pending;
        }
        let mut read = ReadBuf::new(buffer);
        let result = Pin::new(stream).poll_read(cx, &mut read);
        result.map_ok(|()| read.filled().len())
    }

    /// Sends what is left, says that nothing follows, and waits until the server has closed too:
    /// a socket that is dropped with bytes unread takes back what it has just sent.
    async fn leave(self) -> io::Result<()> {
        let mut stream = match self.stream {
            Stream::Open(stream) => stream,
            // Nothing was said yet, and nothing is to be said.
            Stream::Connecting(_) if self.unsent.len() == 0 => return Ok(()),
            Stream::Connecting(connecting) => connecting.await?,
        };
        stream.write_all(self.unsent.rest()).await?;
        stream.shutdown().await?;
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await? > 0 {}
        Ok(())
    }
}

/// What a link holds for the kernel.
#[derive(Default)]
struct Unsent {
    bytes: Vec<u8>,
    sent: usize,
    /// TLS may still hold what it was given.
    is_held: bool,
    /// Sending failed. What the server has sent before can still be read.
    is_broken: bool,
}

impl Unsent {
    fn push(&mut self, bytes: &[u8]) {
        if !self.is_broken {
            if self.sent > self.bytes.len() / 2 {
                self.bytes.drain(..self.sent);
                self.sent = 0;
            }
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// At least 1 as long as TLS holds something.
    fn len(&self) -> usize {
        self.rest().len() + usize::from(self.is_held)
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    fn poll_send(&mut self, stream: &mut Box<dyn Duplex>, cx: &mut Context<'_>) {
        while self.sent < self.bytes.len() {
            match Pin::new(&mut *stream).poll_write(cx, &self.bytes[self.sent..]) {
                Poll::Pending => return,
                Poll::Ready(Ok(count)) if count > 0 => {
                    self.sent += count;
                    self.is_held = true;
                }
                Poll::Ready(_) => return self.fail(),
            }
        }
        self.clear();
        if self.is_held {
            match Pin::new(stream).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.is_held = false,
                Poll::Ready(Err(_)) => self.fail(),
            }
        }
    }

    fn fail(&mut self) {
        self.clear();
        self.is_held = false;
        self.is_broken = true;
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(UNSENT_BYTES_KEPT_MAX);
        self.sent = 0;
    }
}
