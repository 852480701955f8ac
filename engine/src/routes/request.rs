//! A request for a route, while its handler runs, and what the handler says.

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use allspark_protocol::http::{RequestHead, Response};

use super::body::Body;
use super::channel::BodyReceiver;
use super::ticket::{Ticket, unavailable};
use crate::io::Secure;
use crate::known::Known;

/// Answers a request, now or later.
pub(crate) type Handler = Arc<dyn Fn(&RouteRequest<'_>) -> Reply + Send + Sync>;

/// Whom a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) client: SocketAddr,
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// What is known of the connection.
    pub(crate) known: Option<&'a Known>,
}

/// A request for a route of the application, while its handler runs.
pub struct RouteRequest<'a> {
    head: &'a RequestHead<'a>,
    body: &'a [u8],
    stream: &'a Cell<Option<BodyReceiver>>,
    from: Sender<'a>,
    /// If its pattern may have some.
    params: Option<&'a matchit::Params<'a, 'a>>,
    later: &'a dyn Fn() -> Ticket,
    has_ticket: &'a Cell<bool>,
}

impl<'a> RouteRequest<'a> {
    /// One whose path was matched without a pattern. `stream` has the body if that is still to
    /// come.
    pub(crate) fn new(
        head: &'a RequestHead<'a>,
        body: &'a [u8],
        stream: &'a Cell<Option<BodyReceiver>>,
        from: Sender<'a>,
        later: &'a dyn Fn() -> Ticket,
        has_ticket: &'a Cell<bool>,
    ) -> Self {
        Self {
            head,
            body,
            stream,
            from,
            params: None,
            later,
            has_ticket,
        }
    }

    /// The same with what stands in the places of parameters.
    pub(super) fn with_params(self, params: &'a matchit::Params<'a, 'a>) -> Self {
        Self {
            params: Some(params),
            ..self
        }
    }

    /// What a handler says to it.
    pub(crate) fn answer_by(&self, handler: &Handler) -> Reply {
        match handler(self) {
            // It is answered by nobody.
            Reply::Later if !self.has_ticket.get() => Reply::Now(unavailable()),
            reply => reply,
        }
    }
}

impl RouteRequest<'_> {
    /// Method, path, query and headers.
    pub fn head(&self) -> &RequestHead<'_> {
        self.head
    }

    /// The body, without transfer coding. If it is taken as it comes, this is only what was waited
    /// for, see [`RouteRequest::stream`].
    pub fn body(&self) -> &[u8] {
        self.body
    }

    /// Whether the body has come whole, and is [`RouteRequest::body`].
    pub fn is_whole(&self) -> bool {
        let stream = self.stream.take();
        let is_whole = stream.is_none();
        self.stream.set(stream);
        is_whole
    }

    /// The body as it comes, without transfer coding ([`Routes::add_streamed`]). What was waited
    /// for is its first and only part.
    ///
    /// [`Routes::add_streamed`]: crate::Routes::add_streamed
    pub fn stream(&self) -> BodyReceiver {
        let stream = self.stream.take();
        stream.unwrap_or_else(|| BodyReceiver::whole(self.body.to_vec()))
    }

    /// Who asks: the client, as far as trusted proxies name it
    /// ([`Options::trusted_proxies`](crate::Options::trusted_proxies)).
    pub fn address(&self) -> SocketAddr {
        self.from.client
    }

    /// The other end of the connection, which may be a proxy.
    pub fn peer(&self) -> SocketAddr {
        self.from.peer
    }

    /// How the connection is encrypted, if it is: by this server, or by a proxy that says so by the
    /// PROXY protocol.
    pub fn secure(&self) -> Option<&Secure> {
        self.from.known?.secure.as_ref()
    }

    /// Whether the connection is encrypted, see [`RouteRequest::secure`].
    pub fn is_secure(&self) -> bool {
        self.secure().is_some()
    }

    /// What stands in the place of a parameter of the pattern, undecoded.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params?.get(name)
    }

    /// A ticket for an answer that comes later. The handler then returns [`Reply::Later`].
    pub fn later(&self) -> Ticket {
        self.has_ticket.set(true);
        (self.later)()
    }
}

impl fmt::Debug for RouteRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteRequest")
            .field("head", self.head)
            .finish_non_exhaustive()
    }
}

/// What a handler says to a request.
#[derive(Debug)]
pub enum Reply {
    /// This is the answer.
    Now(Response),
    /// The answer comes with the ticket that the handler took. Without one the answer is 503.
    Later,
    /// This is the head of the answer, and what its body begins with; the rest comes as it is
    /// pulled. The client learns where it ends: by chunks, or, with HTTP/1.0, by the end of the
    /// connection. An answer that has no body (to `HEAD`, with 204) drops it.
    Stream(Response, Body),
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self::Now(response)
    }
}
