//! Requests that are not for Primus: a table of the application's routes, and answers that come
//! later.

use std::cell::Cell;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use allspark_protocol::http::{RequestHead, Response};

use crate::io::Secure;
use crate::known::Known;
use crate::limits::RETRY_AFTER_S;

mod body;
mod channel;
mod pull;

pub use body::Body;
pub use channel::{BodyError, BodySender};
pub use pull::{Pull, Pulled};

/// Gives the answer of a ticket to the shard of its request: its head, and the rest of its body.
type Answer = Box<dyn FnOnce(Response, Option<Body>) + Send>;

/// Refuses requests by their heads.
type Guard = Arc<dyn Fn(&RequestHead<'_>) -> Option<Response> + Send + Sync>;

/// Answers a request, now or later.
pub(crate) type Handler = Arc<dyn Fn(&RouteRequest<'_>) -> Reply + Send + Sync>;

/// A table of routes, each for a pattern of paths.
///
/// A pattern is a path of segments: a literal (`/health`), a parameter that stands for one segment
/// (`/rooms/{room}`), or, as the last one, a name for everything that follows (`/files/{*path}`).
/// A literal outranks a parameter. The syntax is that of the crate `matchit`. Paths are compared as
/// they were sent, without decoding.
///
/// Requests under Primus's pathname never come here.
#[derive(Clone, Default)]
pub struct Routes {
    router: matchit::Router<usize>,
    routes: Vec<Route>,
}

#[derive(Clone)]
struct Route {
    pattern: String,
    /// Each with its handler; `*` is for all methods.
    methods: Vec<(String, Handler)>,
    body_bytes_max: usize,
    guard: Option<Guard>,
}

/// A pattern that can't be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the route {pattern} can't be added: {reason}")]
pub struct RouteError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Routes {
    /// A table without routes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a handler for requests with this method whose path matches. `GET` is for `HEAD`, too;
    /// `*` is for every method that has no handler of its own. Other methods get 405. Requests of
    /// routes have no body; see [`Routes::add_with_body`].
    ///
    /// # Errors
    /// The pattern is none, it means the same paths as another one, or it has a handler for this
    /// method.
    pub fn add(
        &mut self,
        method: &str,
        pattern: &str,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<(), RouteError> {
        self.insert(method, pattern, 0, Arc::new(handler))
    }

    /// As [`Routes::add`], for requests with a body of at most `body_bytes_max` bytes; a longer one
    /// gets 413 as soon as that is known. The largest bound of a pattern's handlers is that of all.
    ///
    /// # Errors
    /// As [`Routes::add`].
    pub fn add_with_body(
        &mut self,
        method: &str,
        pattern: &str,
        body_bytes_max: usize,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<(), RouteError> {
        self.insert(method, pattern, body_bytes_max, Arc::new(handler))
    }

    fn insert(
        &mut self,
        method: &str,
        pattern: &str,
        body_bytes_max: usize,
        handler: Handler,
    ) -> Result<(), RouteError> {
        let fail = |reason: String| RouteError {
            pattern: pattern.to_owned(),
            reason,
        };
        let known = self
            .routes
            .iter()
            .position(|route| route.pattern == pattern);
        let place = known.unwrap_or(self.routes.len());
        if known.is_none() {
            let inserted = self.router.insert(pattern, place);
            inserted.map_err(|error| fail(error.to_string()))?;
            self.routes.push(Route {
                pattern: pattern.to_owned(),
                methods: Vec::new(),
                body_bytes_max: 0,
                guard: None,
            });
        }
        let route = &mut self.routes[place];
        if route.methods.iter().any(|(other, _)| other == method) {
            return Err(fail(format!("it has a handler for {method}")));
        }
        route.methods.push((method.to_owned(), handler));
        route.body_bytes_max = route.body_bytes_max.max(body_bytes_max);
        Ok(())
    }

    /// Has requests for a pattern judged by their heads, before their bodies have come: what
    /// `judge` gives is the answer then, and the last one on the connection. It is asked about long
    /// bodies only, so the handler must judge as well.
    ///
    /// # Errors
    /// No such pattern was added.
    pub fn guard(
        &mut self,
        pattern: &str,
        judge: impl Fn(&RequestHead<'_>) -> Option<Response> + Send + Sync + 'static,
    ) -> Result<(), RouteError> {
        let mut routes = self.routes.iter_mut();
        let Some(route) = routes.find(|route| route.pattern == pattern) else {
            return Err(RouteError {
                pattern: pattern.to_owned(),
                reason: "there is no route of this pattern".to_owned(),
            });
        };
        route.guard = Some(Arc::new(judge));
        Ok(())
    }

    /// The largest body that a route may have.
    pub(crate) fn body_bytes_max(&self) -> usize {
        let bounds = self.routes.iter().map(|route| route.body_bytes_max);
        bounds.max().unwrap_or(0)
    }

    /// The route of a request, if there is one.
    pub(crate) fn find<'r>(&'r self, head: &RequestHead<'r>) -> Option<Found<'r>> {
        let matched = self.router.at(head.path()).ok()?;
        let route = &self.routes[*matched.value];
        Some(Found {
            route,
            params: matched.params,
        })
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let patterns = self.routes.iter().map(|route| &route.pattern);
        f.debug_list().entries(patterns).finish()
    }
}

/// A route that a request matches.
pub(crate) struct Found<'r> {
    route: &'r Route,
    params: matchit::Params<'r, 'r>,
}

impl<'r> Found<'r> {
    /// The largest body that the request may have.
    pub(crate) fn body_bytes_max(&self) -> usize {
        self.route.body_bytes_max
    }

    /// Calls the handler for the method of a request. `later` makes the ticket of an answer that
    /// comes later.
    pub(crate) fn call(
        self,
        head: &RequestHead<'_>,
        body: &[u8],
        from: Sender<'_>,
        later: &dyn Fn() -> Ticket,
    ) -> Reply {
        let Some(handler) = self.handler(head.method()) else {
            return Reply::Now(self.wrong_method());
        };
        if body.len() > self.body_bytes_max() {
            return Response::text(413, "Content Too Large\n").into();
        }
        let request = RouteRequest {
            head,
            body,
            from,
            params: Some(&self.params),
            later,
            has_ticket: &Cell::new(false),
        };
        request.answer_by(handler)
    }

    /// What is answered to a request whatever its body is, if something is.
    pub(crate) fn refusal(&self, head: &RequestHead<'_>) -> Option<Response> {
        match (self.handler(head.method()), &self.route.guard) {
            (None, _) => Some(self.wrong_method()),
            (Some(_), Some(judge)) => judge(head),
            (Some(_), None) => None,
        }
    }

    fn handler(&self, method: &str) -> Option<&'r Handler> {
        let named = |name: &str| {
            let mut methods = self.route.methods.iter();
            methods.find(|(other, _)| other == name)
        };
        let named = match method {
            "HEAD" => named("HEAD").or_else(|| named("GET")),
            _ => named(method),
        };
        let (_, handler) = named.or_else(|| self.route.methods.iter().find(|(m, _)| m == "*"))?;
        Some(handler)
    }

    /// 405, with the methods that there are (RFC 9110, 15.5.6).
    fn wrong_method(&self) -> Response {
        let mut methods: Vec<&str> = self.route.methods.iter().map(|(m, _)| &**m).collect();
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        Response::text(405, "Method Not Allowed\n").header("Allow", &methods.join(", "))
    }
}

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
    from: Sender<'a>,
    /// If its pattern may have some.
    params: Option<&'a matchit::Params<'a, 'a>>,
    later: &'a dyn Fn() -> Ticket,
    has_ticket: &'a Cell<bool>,
}

impl<'a> RouteRequest<'a> {
    /// One whose path was matched without a pattern.
    pub(crate) fn new(
        head: &'a RequestHead<'a>,
        body: &'a [u8],
        from: Sender<'a>,
        later: &'a dyn Fn() -> Ticket,
        has_ticket: &'a Cell<bool>,
    ) -> Self {
        Self {
            head,
            body,
            from,
            params: None,
            later,
            has_ticket,
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

    /// The body, without transfer coding.
    pub fn body(&self) -> &[u8] {
        self.body
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

/// Answers one request, from any thread and at any time. Until then its connection waits, and what
/// its peer sends meanwhile is bounded. Dropped without an answer it answers 503; if the client is
/// gone by then, the answer is too.
pub struct Ticket(Option<Answer>);

impl Ticket {
    pub(crate) fn new(answer: impl FnOnce(Response, Option<Body>) + Send + 'static) -> Self {
        Self(Some(Box::new(answer)))
    }

    /// Answers the request.
    pub fn respond(mut self, response: Response) {
        if let Some(answer) = self.0.take() {
            answer(response, None);
        }
    }

    /// Answers the request as [`Reply::Stream`] does.
    pub fn stream(mut self, response: Response, body: Body) {
        if let Some(answer) = self.0.take() {
            answer(response, Some(body));
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(answer) = self.0.take() {
            answer(unavailable(), None);
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// The answer to who may come back later.
pub(crate) fn unavailable() -> Response {
    Response::text(503, "Service Unavailable\n").header("Retry-After", RETRY_AFTER_S)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Mutex;

    use super::*;

    const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    const FROM: Sender<'_> = Sender {
        known: None,
        client: PEER,
        peer: PEER,
    };

    fn named(name: &'static str) -> impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync {
        move |request| {
            let room = request.param("room").unwrap_or_default();
            Response::text(200, &format!("{name} {room}")).into()
        }
    }

    fn ask(routes: &Routes, method: &str, path: &str) -> Option<(u16, String)> {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        let found = routes.find(&head)?;
        let no_ticket = || panic!("nobody asks for a ticket");
        match found.call(&head, b"", FROM, &no_ticket) {
            Reply::Now(response) => {
                let body = String::from_utf8(response.body_bytes().to_vec()).unwrap();
                Some((response.status(), body))
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_literal_outranks_a_parameter_and_what_matches_nothing_is_not_found() {
        let mut routes = Routes::new();
        routes.add("GET", "/rooms/{room}", named("room")).unwrap();
        routes.add("GET", "/rooms/all", named("all")).unwrap();
        routes.add("*", "/files/{*path}", named("file")).unwrap();
        let ok = |text: &str| Some((200, text.to_owned()));
        assert_eq!(ask(&routes, "GET", "/rooms/7?x=1"), ok("room 7"));
        assert_eq!(ask(&routes, "HEAD", "/rooms/all"), ok("all "));
        assert_eq!(ask(&routes, "DELETE", "/files/a/b"), ok("file "));
        assert_eq!(ask(&routes, "GET", "/rooms"), None);
        let wrong = ask(&routes, "PUT", "/rooms/7").unwrap();
        assert_eq!(wrong.0, 405);
        let head = RequestHead::parse(b"PUT /rooms/7 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let refusal = routes.find(&head).unwrap().refusal(&head).unwrap();
        let mut allowed = refusal.headers().filter(|(name, _)| *name == "Allow");
        assert_eq!(
            allowed.next().map(|(_, value)| value),
            Some(&b"GET, HEAD"[..])
        );
    }

    #[test]
    fn a_pattern_that_means_the_same_paths_is_refused() {
        let mut routes = Routes::new();
        routes.add("GET", "/rooms/{room}", named("room")).unwrap();
        routes.add("POST", "/rooms/{room}", named("room")).unwrap();
        let again = routes.add("GET", "/rooms/{room}", named("again"));
        assert!(again.unwrap_err().to_string().contains("handler for GET"));
        let same = routes.add("GET", "/rooms/{name}", named("same"));
        assert!(same.is_err());
        assert!(routes.add("GET", "/{", named("none")).is_err());
    }

    #[test]
    fn a_ticket_answers_once_and_is_never_forgotten() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let ticket = || {
            let told = Arc::clone(&told);
            Ticket::new(move |response, _| told.lock().unwrap().push(response.status()))
        };
        ticket().respond(Response::text(200, "late"));
        drop(ticket());
        assert_eq!(*told.lock().unwrap(), [200, 503]);
    }

    #[test]
    fn who_takes_no_ticket_can_not_answer_later() {
        let mut routes = Routes::new();
        routes.add("GET", "/x", |_| Reply::Later).unwrap();
        assert_eq!(ask(&routes, "GET", "/x").unwrap().0, 503);
    }
}
