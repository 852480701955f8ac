//! Requests that are not for Primus: a table of the application's routes, and answers that come
//! later.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use allspark_protocol::http::{RequestHead, Response};

mod body;
mod channel;
mod presence;
mod pull;
mod request;
mod ticket;

pub use body::Body;
pub(crate) use channel::new as body_channel;
pub use channel::{BodyBroken, BodyError, BodyReceiver, BodySender};
pub(crate) use presence::{Present, new as presence};
pub use pull::{Pull, Pulled};
pub(crate) use request::{Handler, Sender};
pub use request::{Reply, RouteRequest};
pub use ticket::Ticket;
pub(crate) use ticket::{Said, unavailable};

/// Refuses requests by their heads.
type Guard = Arc<dyn Fn(&RequestHead<'_>) -> Option<Response> + Send + Sync>;

/// A table of routes, each for a pattern of paths.
///
/// A pattern is a path of segments: a literal (`/health`), a parameter that stands for one segment
/// (`/rooms/{room}`), or, as the last one, a name for everything that follows (`/files/{*path}`).
/// A literal outranks a parameter. The syntax is that of the crate `matchit`. Paths are compared as
/// they were sent, without decoding.
///
/// What none of them matches goes to [`Routes::otherwise`], if there is such a handler. Requests
/// under Primus's pathname go there never, and to routes only once there is no Primus any more.
#[derive(Clone, Default)]
pub struct Routes {
    router: matchit::Router<usize>,
    routes: Vec<Route>,
    otherwise: Option<Box<Route>>,
}

#[derive(Clone)]
struct Route {
    pattern: String,
    methods: Vec<Method>,
    body_bytes_max: usize,
    guard: Option<Guard>,
}

/// What answers requests with one method.
#[derive(Clone)]
struct Method {
    /// `*` is for all methods.
    name: String,
    handler: Handler,
    /// It is called as soon as the head of a request is there.
    is_streamed: bool,
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
        self.insert(pattern, 0, Method::new(method, false, handler))
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
        let method = Method::new(method, false, handler);
        self.insert(pattern, body_bytes_max, method)
    }

    /// As [`Routes::add_with_body`], for bodies that are taken as they come
    /// ([`RouteRequest::stream`]): nothing gathers them, and a client that sends faster than the
    /// body is taken is not listened to. A body that is known to be no longer than 64 KiB is still
    /// waited for before the handler is called, so that nobody is kept by a client that sends
    /// little slowly. One that is longer than `body_bytes_max`, which may be `usize::MAX`, gets
    /// 413, or, if the answer has begun by then, its connection ends.
    ///
    /// An answer that is complete before the body ends the connection.
    ///
    /// # Errors
    /// As [`Routes::add`].
    pub fn add_streamed(
        &mut self,
        method: &str,
        pattern: &str,
        body_bytes_max: usize,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<(), RouteError> {
        let method = Method::new(method, true, handler);
        self.insert(pattern, body_bytes_max, method)
    }

    /// What answers requests, whatever their method, whose path no route has: as a handler of
    /// [`Routes::add_streamed`]. It outranks the fallback of the server. The last one that is set
    /// counts. Requests under Primus's pathname never come here, not even when the server has been
    /// destroyed.
    pub fn otherwise(
        &mut self,
        body_bytes_max: usize,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) {
        self.otherwise = Some(Box::new(Route {
            pattern: String::new(),
            methods: vec![Method::new("*", true, handler)],
            body_bytes_max,
            guard: None,
        }));
    }

    /// Whether something answers requests whose path no route has ([`Routes::otherwise`]).
    pub fn has_otherwise(&self) -> bool {
        self.otherwise.is_some()
    }

    fn insert(
        &mut self,
        pattern: &str,
        body_bytes_max: usize,
        method: Method,
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
        if route.methods.iter().any(|other| other.name == method.name) {
            return Err(fail(format!("it has a handler for {}", method.name)));
        }
        route.methods.push(method);
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
        let routes = self.routes.iter().chain(self.otherwise.as_deref());
        let bounds = routes.map(|route| route.body_bytes_max);
        bounds.max().unwrap_or(0)
    }

    /// The route of a request, if there is one. `is_for_primus` says that it is one under Primus's
    /// pathname.
    pub(crate) fn find<'r>(
        &'r self,
        head: &RequestHead<'r>,
        is_for_primus: bool,
    ) -> Option<Found<'r>> {
        match self.router.at(head.path()) {
            Ok(matched) => Some(Found {
                route: &self.routes[*matched.value],
                params: Some(matched.params),
            }),
            Err(_) => Some(Found {
                route: self.otherwise.as_deref().filter(|_| !is_for_primus)?,
                params: None,
            }),
        }
    }
}

impl Method {
    fn new(
        name: &str,
        is_streamed: bool,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            handler: Arc::new(handler),
            is_streamed,
        }
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
    params: Option<matchit::Params<'r, 'r>>,
}

impl<'r> Found<'r> {
    /// The largest body that the request may have.
    pub(crate) fn body_bytes_max(&self) -> usize {
        self.route.body_bytes_max
    }

    /// Whether the body of a request with this method is taken as it comes.
    pub(crate) fn is_streamed(&self, method: &str) -> bool {
        self.method(method).is_some_and(|method| method.is_streamed)
    }

    /// Calls the handler for the method of a request that has come whole. `later` makes the ticket
    /// of an answer that comes later.
    pub(crate) fn call(
        self,
        head: &RequestHead<'_>,
        body: &[u8],
        from: Sender<'_>,
        later: &dyn Fn() -> Ticket,
    ) -> Reply {
        if body.len() > self.body_bytes_max() && self.method(head.method()).is_some() {
            return Response::text(413, "Content Too Large\n").into();
        }
        self.ask(head, body, &Cell::new(None), from, later)
    }

    /// The same for one whose body is still to come.
    pub(crate) fn call_streamed(
        self,
        head: &RequestHead<'_>,
        body: BodyReceiver,
        from: Sender<'_>,
        later: &dyn Fn() -> Ticket,
    ) -> Reply {
        self.ask(head, &[], &Cell::new(Some(body)), from, later)
    }

    fn ask(
        self,
        head: &RequestHead<'_>,
        body: &[u8],
        stream: &Cell<Option<BodyReceiver>>,
        from: Sender<'_>,
        later: &dyn Fn() -> Ticket,
    ) -> Reply {
        let Some(method) = self.method(head.method()) else {
            return Reply::Now(self.wrong_method());
        };
        let has_ticket = Cell::new(false);
        let request = RouteRequest::new(head, body, stream, from, later, &has_ticket);
        match &self.params {
            Some(params) => request.with_params(params).answer_by(&method.handler),
            None => request.answer_by(&method.handler),
        }
    }

    /// What is answered to a request whatever its body is, if something is.
    pub(crate) fn refusal(&self, head: &RequestHead<'_>) -> Option<Response> {
        match (self.method(head.method()), &self.route.guard) {
            (None, _) => Some(self.wrong_method()),
            (Some(_), Some(judge)) => judge(head),
            (Some(_), None) => None,
        }
    }

    fn method(&self, method: &str) -> Option<&'r Method> {
        let named = |name: &str| {
            let mut methods = self.route.methods.iter();
            methods.find(|other| other.name == name)
        };
        let found = match method {
            "HEAD" => named("HEAD").or_else(|| named("GET")),
            _ => named(method),
        };
        found.or_else(|| named("*"))
    }

    /// 405, with the methods that there are (RFC 9110, 15.5.6).
    fn wrong_method(&self) -> Response {
        let mut methods: Vec<&str> = self.route.methods.iter().map(|m| &*m.name).collect();
        if methods.contains(&"GET") && !methods.contains(&"HEAD") {
            methods.push("HEAD");
        }
        Response::text(405, "Method Not Allowed\n").header("Allow", &methods.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

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
        let found = routes.find(&head, false)?;
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
        let refusal = routes.find(&head, false).unwrap().refusal(&head).unwrap();
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
    fn who_takes_no_ticket_can_not_answer_later() {
        let mut routes = Routes::new();
        routes.add("GET", "/x", |_| Reply::Later).unwrap();
        assert_eq!(ask(&routes, "GET", "/x").unwrap().0, 503);
    }

    #[test]
    fn what_no_route_has_goes_elsewhere_unless_it_is_for_primus() {
        let mut routes = Routes::new();
        routes.add("GET", "/rooms/{room}", named("room")).unwrap();
        assert_eq!(ask(&routes, "GET", "/"), None);
        routes.otherwise(10, named("other"));
        let other = Some((200, "other ".to_owned()));
        assert_eq!(ask(&routes, "BREW", "/"), other);
        assert_eq!(ask(&routes, "GET", "/rooms/1/2"), other);
        assert_eq!(ask(&routes, "PUT", "/rooms/1").unwrap().0, 405);
        let head = RequestHead::parse(b"GET /primus HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert!(routes.find(&head, true).is_none());
        assert!(routes.find(&head, false).unwrap().is_streamed("GET"));
    }
}
