//! A layer that answers some requests itself, with their bodies.

use std::cell::Cell;
use std::sync::Arc;

use allspark_protocol::http::{RequestHead, Response};

use crate::routes::{Handler, Reply, RouteRequest, Sender, Ticket};

/// What a route among the layers says to a request, by its head alone ([`Layer::route`]).
///
/// [`Layer::route`]: crate::Layer::route
#[derive(Debug)]
pub enum Decide {
    /// It is not for this route: it goes on to the next layer.
    Pass,
    /// This is the answer, whatever the body is.
    Answer(Response),
    /// The handler answers it, once its body has come.
    Take,
}

/// Decides by the head of a request.
type Judge = dyn Fn(&RequestHead<'_>) -> Decide + Send + Sync;

/// A route among the layers.
pub(crate) struct LayerRoute {
    judge: Box<Judge>,
    handler: Handler,
    pub(crate) body_bytes_max: usize,
}

impl LayerRoute {
    pub(super) fn new(
        body_bytes_max: usize,
        judge: impl Fn(&RequestHead<'_>) -> Decide + Send + Sync + 'static,
        handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self {
            judge: Box::new(judge),
            handler: Arc::new(handler),
            body_bytes_max,
        }
    }

    pub(crate) fn decide(&self, head: &RequestHead<'_>) -> Decide {
        (self.judge)(head)
    }

    /// Has the handler answer a request that it takes.
    pub(crate) fn call(
        &self,
        head: &RequestHead<'_>,
        body: &[u8],
        from: Sender<'_>,
        later: &dyn Fn() -> Ticket,
    ) -> Reply {
        if body.len() > self.body_bytes_max {
            return Response::text(413, "Content Too Large\n").into();
        }
        let has_ticket = Cell::new(false);
        let stream = Cell::new(None);
        RouteRequest::new(head, body, &stream, from, later, &has_ticket).answer_by(&self.handler)
    }
}
