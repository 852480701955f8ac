//! What a plugin may do to the server that it is added to.

use std::ops::Deref;
use std::sync::Arc;

use allspark_protocol::http::RequestHead;

use super::handle::Handle;
use super::host::Server;
use super::listen::Attach;
use super::plugin_error::PluginError;
use crate::config::Options;
use crate::routes::{Claim, PluginRoute, Reply, RouteRequest, handler_of};

/// What a plugin may do when it is added: all that [`Attach`] can, and some more. What is attached
/// here counts once the plugin has set itself up, and is detached when it is removed.
///
/// A plugin that attaches something later keeps a clone of its [`Attach`], which remembers whose it
/// is. What it attaches to a single spark ([`Spark::on_data`](crate::Spark::on_data), timers,
/// [`Spark::set_own`](crate::Spark::set_own)) belongs to that spark and stays as long as it does.
pub struct Setup<'a> {
    attach: &'a Attach,
    server: &'a Arc<Server>,
}

impl<'a> Setup<'a> {
    pub(super) fn new(attach: &'a Attach, server: &'a Arc<Server>) -> Self {
        Self { attach, server }
    }

    /// Reaches the server, from any thread and for as long as one likes.
    pub fn handle(&self) -> Handle {
        Handle::new(self.server)
    }

    /// What the server was told: its pathname, its parser, its ping interval.
    pub fn options(&self) -> &Options {
        &self.server.options
    }

    /// Answers requests with this method whose path matches this pattern, which is one of
    /// [`Routes`](crate::Routes) and may lie inside of Primus's pathname: there it is asked after
    /// `forwarded`, `cors`, `primus.js`, `spec` and `no-cache` and before `authorization`, which is
    /// not asked about it. Requests that nobody may make without a credential are for the handler
    /// to refuse. What `cors` and `no-cache` say to browsers is added to its answers. Upgrades never
    /// come here, and with another method a request goes on. Of several routes the one is asked that
    /// was added first, before those of the application.
    ///
    /// # Errors
    /// The pattern is none.
    pub fn route(
        &mut self,
        method: &str,
        pattern: &str,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<(), PluginError> {
        self.route_with_body(method, pattern, 0, handler)
    }

    /// The same for requests with a body of at most `body_bytes_max` bytes; a longer one gets 413
    /// as soon as that is known.
    ///
    /// # Errors
    /// As [`Setup::route`].
    pub fn route_with_body(
        &mut self,
        method: &str,
        pattern: &str,
        body_bytes_max: usize,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<(), PluginError> {
        let handler = handler_of(handler);
        let route = PluginRoute::of_pattern(method, pattern, body_bytes_max, handler)?;
        self.add_route(route);
        Ok(())
    }

    /// The same for a route that decides by the head of a request whether it is its own, or answers
    /// it at once, before the body has come.
    ///
    /// ```
    /// use allspark_engine::{Claim, Response, Setup};
    ///
    /// fn set_up(setup: &mut Setup<'_>) {
    ///     let decide = |head: &allspark_engine::RequestHead<'_>| match head.path() {
    ///         "/primus/push" if head.header("authorization").is_none() => {
    ///             Claim::Answer(Response::text(401, "who are you?\n"))
    ///         }
    ///         "/primus/push" => Claim::Take,
    ///         _ => Claim::Pass,
    ///     };
    ///     setup.route_deciding(decide, 1024, |request| {
    ///         Response::text(200, &format!("{} bytes\n", request.body().len())).into()
    ///     });
    /// }
    /// ```
    pub fn route_deciding(
        &mut self,
        decide: impl Fn(&RequestHead<'_>) -> Claim + Send + Sync + 'static,
        body_bytes_max: usize,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) {
        let handler = handler_of(handler);
        self.add_route(PluginRoute::deciding(decide, body_bytes_max, handler));
    }

    fn add_route(&self, route: PluginRoute) {
        let route = Arc::new(route);
        self.attach.attach(|listeners| {
            Arc::make_mut(&mut listeners.layers).add_route(route);
        });
    }

    /// Reserves the name of an event: [`Spark::reserved`](crate::Spark::reserved) and
    /// [`Handle::reserved`] then say so.
    pub fn reserve(&mut self, event: impl Into<String>) {
        let event = Arc::<str>::from(event.into());
        self.attach.attach(|listeners| {
            let reserved = listeners.reserved.get_or_insert_default();
            Arc::make_mut(reserved).push(event);
        });
    }
}

impl Deref for Setup<'_> {
    type Target = Attach;

    fn deref(&self) -> &Attach {
        self.attach
    }
}

impl std::fmt::Debug for Setup<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").finish_non_exhaustive()
    }
}
