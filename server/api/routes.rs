//! The table of the API's routes, and how they become routes of the server. docs/openapi.json
//! describes them; a test holds both equal.

use std::collections::BTreeMap;
use std::sync::Arc;

use allspark::{Reply, RequestHead, Response, RouteRequest, Routes};

use super::answer;
use super::keys::Key;
use super::more::{Added, More};
use super::options::{ApiOptions, PATH};
use super::scope::Scope;
use super::service::Service;
use super::{publish, rooms, sparks, stats};

/// The description, as it is served.
pub(super) const OPENAPI: &str = include_str!("../../docs/openapi.json");

/// Where it is served, below [`PATH`]. It says nothing of this server, so no key is needed.
pub(super) const OPENAPI_PATH: &str = "/openapi.json";

type Call = fn(&Arc<Service>, &RouteRequest<'_>, &Arc<Key>) -> Reply;

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Below [`PATH`].
    pub(super) path: &'static str,
    /// What a key must be allowed; `None` if that depends on the commands in the body.
    pub(super) scope: Option<Scope>,
    call: Call,
}

const fn route(
    method: &'static str,
    path: &'static str,
    scope: Option<Scope>,
    call: Call,
) -> Route {
    Route {
        method,
        path,
        scope,
        call,
    }
}

const READ: Option<Scope> = Some(Scope::Read);
const MANAGE: Option<Scope> = Some(Scope::Manage);

/// All of them.
pub(super) const ROUTES: &[Route] = &[
    route("POST", "/publish", None, publish::one),
    route("POST", "/batch", None, publish::batch),
    route("GET", "/sparks", READ, sparks::list),
    route("GET", "/sparks/{id}", READ, sparks::find),
    route("DELETE", "/sparks/{id}", MANAGE, sparks::end),
    route("PUT", "/sparks/{id}/rooms/{room}", MANAGE, sparks::join),
    route("DELETE", "/sparks/{id}/rooms/{room}", MANAGE, sparks::leave),
    route("GET", "/rooms", READ, rooms::list),
    route("GET", "/rooms/{room}", READ, rooms::presence),
    route("GET", "/stats", READ, stats::get),
];

impl Route {
    /// Bytes that the body of a request may have: one that has commands, as many as was said.
    fn body_bytes_max(&self, options: &ApiOptions) -> usize {
        match self.scope {
            None => usize::try_from(options.body_max.get()).unwrap_or(usize::MAX),
            Some(_) => 0,
        }
    }
}

/// Adds the routes of the API, and those that other parts have added to it.
///
/// # Errors
/// Two of them are the same, in one line.
pub(super) fn add(
    routes: &mut Routes,
    service: &Arc<Service>,
    options: &ApiOptions,
    more: &mut More,
) -> Result<(), String> {
    let mut table = Table {
        routes,
        methods: BTreeMap::new(),
    };
    for route in ROUTES {
        let (call, scope, service_of) = (route.call, route.scope, Arc::clone(service));
        let most = route.body_bytes_max(options);
        table.add(route.method, route.path, most, move |request| {
            enter(&service_of, request, scope, |key| {
                call(&service_of, request, key)
            })
        })?;
    }
    for added in more.take() {
        let Added {
            method,
            path,
            scope,
            body_bytes_max,
            answer,
        } = added;
        let service = Arc::clone(service);
        table.add(method, path, body_bytes_max, move |request| {
            enter(&service, request, Some(scope), |_| answer(request))
        })?;
    }
    table.finish(service)?;
    let described = |_: &RouteRequest<'_>| answer::text(200, OPENAPI.to_owned()).into();
    let unknown = |_: &RouteRequest<'_>| no_path().into();
    let added = routes.add("GET", &format!("{PATH}{OPENAPI_PATH}"), described);
    added.map_err(|error| error.to_string())?;
    for path in [format!("{PATH}/{{*path}}"), PATH.to_owned()] {
        let added = routes.add_with_body("*", &path, IGNORED_BODY_BYTES_MAX, unknown);
        added.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Bytes of a body that nobody looks at.
const IGNORED_BODY_BYTES_MAX: usize = 64 * 1024;

/// Calls who answers a request, if it has a key that may make it.
fn enter(
    service: &Service,
    request: &RouteRequest<'_>,
    scope: Option<Scope>,
    call: impl FnOnce(&Arc<Key>) -> Reply,
) -> Reply {
    let key = match service.gate.enter(request.head(), request.address()) {
        Ok(key) => key,
        Err(refusal) => return refusal.into(),
    };
    // What a body asks for is judged, and paid for, when it is read.
    let allowed = match scope {
        Some(scope) => {
            let allowed = service.gate.allow(&key, scope);
            allowed.and_then(|()| service.gate.pay(&key, 1))
        }
        None => Ok(()),
    };
    match allowed {
        Ok(()) => call(&key),
        Err(refusal) => refusal.into(),
    }
}

/// Routes that are being added, and the methods of each path.
struct Table<'r> {
    routes: &'r mut Routes,
    methods: BTreeMap<String, Vec<&'static str>>,
}

impl Table<'_> {
    fn add(
        &mut self,
        method: &'static str,
        path: &str,
        body_bytes_max: usize,
        answer: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<(), String> {
        let path = format!("{PATH}{path}");
        let added = self
            .routes
            .add_with_body(method, &path, body_bytes_max, answer);
        added.map_err(|error| error.to_string())?;
        self.methods.entry(path).or_default().push(method);
        Ok(())
    }

    /// What is asked by another method is refused in words of the API, and who has no key before
    /// the body has come.
    fn finish(self, service: &Arc<Service>) -> Result<(), String> {
        for (path, methods) in self.methods {
            let mut allowed = methods.join(", ");
            if methods.contains(&"GET") {
                allowed.push_str(", HEAD");
            }
            let refuse = move |_: &RouteRequest<'_>| wrong_method(&allowed).into();
            let added = self.routes.add("*", &path, refuse);
            added.map_err(|error| error.to_string())?;
            let service = Arc::clone(service);
            let judge = move |head: &RequestHead<'_>| service.gate.refuse_by_head(head);
            let guarded = self.routes.guard(&path, judge);
            guarded.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

fn wrong_method(allowed: &str) -> Response {
    let message = format!("this path has the methods {allowed}");
    answer::error(405, "wrong_method", &message).header("Allow", allowed)
}

fn no_path() -> Response {
    let message = format!("no such path: {PATH}{OPENAPI_PATH} lists those that there are");
    answer::error(404, "not_found", &message)
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
