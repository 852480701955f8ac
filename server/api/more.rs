//! Routes that other parts of the server add to the API: behind its keys, and beside its paths.

use std::sync::Arc;

use allspark::{Reply, RouteRequest};

use super::scope::Scope;

/// Answers a request with a key that may make it.
pub(super) type Answer = Arc<dyn Fn(&RouteRequest<'_>) -> Reply + Send + Sync>;

/// One of them.
pub(super) struct Added {
    pub(super) method: &'static str,
    /// Below `/api/v1`.
    pub(super) path: &'static str,
    pub(super) scope: Scope,
    pub(super) body_bytes_max: usize,
    pub(super) answer: Answer,
}

/// All of them.
#[derive(Default)]
pub(crate) struct More(Vec<Added>);

impl More {
    /// Adds a route. `path` is a pattern as [`allspark::Routes`] has it, below `/api/v1`:
    /// `/traces/{id}`. docs/openapi.json describes it, with `x-part` for whose it is. Without a key
    /// of the API there is none of them.
    pub(crate) fn route(
        &mut self,
        method: &'static str,
        path: &'static str,
        scope: Scope,
        body_bytes_max: usize,
        answer: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) {
        self.0.push(Added {
            method,
            path,
            scope,
            body_bytes_max,
            answer: Arc::new(answer),
        });
    }

    pub(super) fn take(&mut self) -> Vec<Added> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use allspark::Response;

    use super::*;

    #[test]
    fn what_was_added_is_taken_once() {
        let mut more = More::default();
        more.route("GET", "/x", Scope::Read, 0, |_| {
            Response::text(200, "x").into()
        });
        let taken = more.take();
        assert_eq!((taken.len(), taken[0].path), (1, "/x"));
        assert!(more.take().is_empty());
    }
}
