//! A request as a layer sees it.

use std::cell::Cell;
use std::net::SocketAddr;

use allspark_protocol::http::RequestHead;

use super::notes::Notes;
use super::ticket::LayerTicket;
use super::verdict::{LayerError, Verdict};
use crate::io::Secure;
use crate::known::Known;
use crate::tasks::Executor;

/// The status of a refusal that says none.
const UNAUTHORIZED: u16 = 401;

/// A request for Primus, while a layer is asked about it. Its body may still be on its way.
pub struct LayerRequest<'a> {
    pub(crate) head: &'a RequestHead<'a>,
    pub(crate) peer: SocketAddr,
    pub(crate) known: Option<&'a Known>,
    pub(crate) is_upgrade: bool,
    pub(crate) notes: &'a mut Option<Box<Notes>>,
    pub(crate) later: &'a dyn Fn() -> LayerTicket,
    pub(crate) executor: &'a Executor,
    pub(crate) has_ticket: &'a Cell<bool>,
}

impl LayerRequest<'_> {
    /// Method, path, query and headers.
    pub fn head(&self) -> &RequestHead<'_> {
        self.head
    }

    /// Whether it asks for an upgrade to the transport, a WebSocket.
    pub fn is_upgrade(&self) -> bool {
        self.is_upgrade
    }

    /// Who asks: the client, as far as trusted proxies name it, or whoever a layer before has said
    /// that it is.
    pub fn address(&self) -> SocketAddr {
        let notes = self.notes.as_ref();
        notes.and_then(|notes| notes.address).unwrap_or(self.peer)
    }

    /// The other end of the connection, which may be a proxy.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// How the connection is encrypted, if it is: by this server, or by a proxy that says so by the
    /// PROXY protocol.
    pub fn secure(&self) -> Option<&Secure> {
        self.known?.secure.as_ref()
    }

    /// Whether the connection is encrypted, see [`LayerRequest::secure`].
    pub fn is_secure(&self) -> bool {
        self.secure().is_some()
    }

    /// The name that the client has asked a proxy for, if that says so by the PROXY protocol.
    pub fn authority(&self) -> Option<&str> {
        self.known?.authority.as_deref()
    }

    /// Says who asks, for the layers that follow and for the spark that the request may open.
    pub fn set_address(&mut self, address: SocketAddr) {
        self.notes().address = Some(address);
    }

    /// Attaches a value for the layers that follow and for the spark that the request may open
    /// ([`Spark::attached`](crate::Spark::attached)), in the place of the one of its type, if there
    /// is one.
    pub fn attach<V: Send + 'static>(&mut self, value: V) {
        self.notes().attach(Box::new(value));
    }

    /// The value of this type that was attached.
    pub fn attached<V: 'static>(&self) -> Option<&V> {
        self.notes.as_ref()?.attached()
    }

    /// Sets a header of the answer, whoever gives it: unless that sets one of this name itself. An
    /// upgrade is answered without.
    pub fn set_header(&mut self, name: &str, value: &str) {
        if !self.is_upgrade {
            self.notes().set_header(name, value);
        }
    }

    /// Lets the request go on only if it is for a session that is there already, as the polls of a
    /// client are; whatever else it is for, it is refused with this (401, unless it says another
    /// status). So a credential may count no more for who comes, and still for who is there. If
    /// another layer comes behind this one, which may answer by itself, the request is refused
    /// before that is asked.
    ///
    /// ```
    /// use allspark_engine::{Layer, LayerError};
    ///
    /// let closing_time = Layer::new("closing-time", |request| {
    ///     request.refuse_newcomers(LayerError::new("we are closing").status(403));
    /// });
    /// # drop(closing_time);
    /// ```
    pub fn refuse_newcomers(&mut self, error: impl Into<LayerError>) {
        let response = error.into().response(UNAUTHORIZED);
        self.notes().refusal = Some(Box::new(response));
    }

    /// A ticket for a verdict that comes later. The layer then returns
    /// [`Verdict::Later`](crate::Verdict::Later). Of several tickets the last one counts.
    ///
    /// ```
    /// use allspark_engine::{Layer, LayerError, Verdict};
    ///
    /// let slow = Layer::new("slow", |request| {
    ///     let (mut ticket, path) = (request.later(), request.head().path().to_owned());
    ///     std::thread::spawn(move || {
    ///         // A database, another service, ...
    ///         match path.len() {
    ///             0 => ticket.fail(LayerError::new("nobody").status(403)),
    ///             length => {
    ///                 ticket.attach(length);
    ///                 ticket.next();
    ///             }
    ///         }
    ///     });
    ///     Verdict::Later
    /// });
    /// # drop(slow);
    /// ```
    pub fn later(&self) -> LayerTicket {
        self.has_ticket.set(true);
        (self.later)()
    }

    /// What runs futures on the shard of the request, for the time ([`Executor::sleep`]).
    pub fn executor(&self) -> Executor {
        self.executor.clone()
    }

    /// Has the shard run a future, which has a ticket. If the future panics, the ticket is dropped.
    /// A shard runs 65,536 such futures at a time; beyond that the oldest are dropped, and their
    /// clients get 503.
    ///
    /// ```
    /// use allspark_engine::{Layer, LayerError, Verdict};
    ///
    /// # async fn find_user(_: String) -> Option<u64> { None }
    /// let users = Layer::new("users", |request| {
    ///     let (mut ticket, path) = (request.later(), request.head().path().to_owned());
    ///     request.spawn(async move {
    ///         match find_user(path).await {
    ///             Some(user) => {
    ///                 ticket.attach(user);
    ///                 ticket.next();
    ///             }
    ///             None => ticket.fail("who are you?"),
    ///         }
    ///     });
    ///     Verdict::Later
    /// });
    /// # drop(users);
    /// ```
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.executor.spawn_strange(Box::pin(future));
    }

    /// Lets a future decide, which the shard runs: the layer returns what this returns.
    pub fn decide_by<V>(&self, future: impl Future<Output = V> + 'static) -> Verdict
    where
        V: Into<Verdict> + 'static,
    {
        self.spawn(self.later().decide_by(future));
        Verdict::Later
    }

    fn notes(&mut self) -> &mut Notes {
        self.notes.get_or_insert_default()
    }
}

impl std::fmt::Debug for LayerRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerRequest")
            .field("head", self.head)
            .field("is_upgrade", &self.is_upgrade)
            .finish_non_exhaustive()
    }
}
