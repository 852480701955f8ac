//! Routes of plugins, which may lie inside of Primus's pathname.

use std::cell::Cell;
use std::sync::Arc;

use allspark_protocol::http::{RequestHead, Response};

use super::{Handler, Reply, RouteError, RouteRequest, Sender, Ticket, answered};

/// What a route says to the head of a request, before the body has come.
#[derive(Debug)]
pub enum Claim {
    /// It is not for this route: the request goes on.
    Pass,
    /// This is the answer, whatever the body is.
    Answer(Response),
    /// It is for this route: its handler is called once the body has come.
    Take,
}

/// Says whose a request is, by its head.
type Decide = Box<dyn Fn(&RequestHead<'_>) -> Claim + Send + Sync>;

/// A route of a plugin.
pub(crate) struct PluginRoute {
    decide: Decide,
    /// What finds the parameters of a pattern.
    pattern: Option<matchit::Router<()>>,
    body_bytes_max: usize,
    handler: Handler,
}

impl PluginRoute {
    /// A route for this method and pattern: see [`super::Routes`]. With another method the request
    /// goes on.
    pub(crate) fn of_pattern(
        method: &str,
        pattern: &str,
        body_bytes_max: usize,
        handler: Handler,
    ) -> Result<Self, RouteError> {
        let mut router = matchit::Router::new();
        router.insert(pattern, ()).map_err(|error| RouteError {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        })?;
        let (method, paths) = (method.to_owned(), router.clone());
        let takes = move |head: &RequestHead<'_>| {
            let asked = head.method();
            let is_head_of_get = method == "GET" && asked == "HEAD";
            (method == "*" || method == asked || is_head_of_get) && paths.at(head.path()).is_ok()
        };
        let decide = move |head: &RequestHead<'_>| match takes(head) {
            true => Claim::Take,
            false => Claim::Pass,
        };
        Ok(Self {
            decide: Box::new(decide),
            pattern: Some(router),
            body_bytes_max,
            handler,
        })
    }

    /// A route that decides by itself.
    pub(crate) fn deciding(
        decide: impl Fn(&RequestHead<'_>) -> Claim + Send + Sync + 'static,
        body_bytes_max: usize,
        handler: Handler,
    ) -> Self {
        Self {
            decide: Box::new(decide),
            pattern: None,
            body_bytes_max,
            handler,
        }
    }

    /// What it says to the head of a request.
    pub(crate) fn claim(&self, head: &RequestHead<'_>) -> Claim {
        (self.decide)(head)
    }

    /// The largest body that a request may have.
    pub(crate) fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    /// Calls the handler.
    pub(crate) fn call(
        &self,
        head: &RequestHead<'_>,
        body: &[u8],
        from: Sender,
        later: &dyn Fn() -> Ticket,
    ) -> Reply {
        let matched = self.pattern.as_ref().map(|router| router.at(head.path()));
        let matched = matched.and_then(Result::ok);
        let has_ticket = Cell::new(false);
        let request = RouteRequest {
            head,
            body,
            from,
            params: matched.as_ref().map(|matched| &matched.params),
            later,
            has_ticket: &has_ticket,
        };
        answered((self.handler)(&request), &has_ticket)
    }
}

/// Makes one kind of handler of all.
pub(crate) fn handler_of(
    handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
) -> Handler {
    Arc::new(handler)
}

impl std::fmt::Debug for PluginRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginRoute").finish_non_exhaustive()
    }
}
