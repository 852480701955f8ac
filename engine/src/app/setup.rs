//! What a plugin may do to the server that it is added to.

use std::ops::Deref;
use std::sync::Arc;

use allspark_protocol::http::RequestHead;

use super::handle::Handle;
use super::host::Server;
use super::listen::Attach;
use crate::config::Options;
use crate::layers::{Decide, Layer};
use crate::routes::{Reply, RouteRequest};

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

    /// What the server was told when it was started: its pathname, its parser, its ping interval.
    pub fn options(&self) -> &Options {
        &self.server.options_at_start
    }

    /// Adds a route that may lie under Primus's pathname, before the layer `authorization`, so that
    /// it has to find out by itself who asks. [`Layer::route`] says what the arguments mean.
    pub fn route(
        &self,
        name: &str,
        body_bytes_max: usize,
        decide: impl Fn(&RequestHead<'_>) -> Decide + Send + Sync + 'static,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) {
        let route = Layer::route(name, body_bytes_max, decide, handler);
        self.layers().insert_before("authorization", route);
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
