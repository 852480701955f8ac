//! What the API is made of, once there is a server: who may ask ([`Gate`]), the thread that carries
//! out what takes longer ([`Worker`]), and the server itself.

use std::sync::OnceLock;

use allspark::{Handle, Reply, Response, RouteRequest};

use super::answer;
use super::gate::Gate;
use super::worker::Worker;
use crate::trace::tracer::Tracer;

/// See above.
pub(super) struct Service {
    pub(super) gate: Gate,
    pub(super) worker: Worker,
    pub(super) tracer: Tracer,
    primus: OnceLock<Handle>,
}

impl Service {
    pub(super) fn new(gate: Gate, worker: Worker, tracer: Tracer) -> Self {
        Self {
            gate,
            worker,
            tracer,
            primus: OnceLock::new(),
        }
    }

    /// From now on it is about this server.
    pub(super) fn follow(&self, primus: Handle) {
        // A server is built once.
        let _ = self.primus.set(primus);
    }

    /// The server.
    ///
    /// # Errors
    /// It is not built yet: what is answered.
    pub(super) fn primus(&self) -> Result<&Handle, Response> {
        let primus = self.primus.get();
        primus.ok_or_else(|| answer::later(503, "starting", "the server starts", 0))
    }
}

/// What a handler says: the same whether it has answered or not.
pub(super) fn reply(answered: Result<Reply, Response>) -> Reply {
    answered.unwrap_or_else(Reply::Now)
}

/// A parameter of a path, decoded. Unlike in a query `+` is a plus.
pub(super) fn param(request: &RouteRequest<'_>, name: &str) -> String {
    let raw = request.param(name).unwrap_or_default();
    allspark_protocol::http::decode(&raw.replace('+', "%2B")).into_owned()
}
