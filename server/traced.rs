//! What operators say about the log while the server runs, as routes of the API: which sparks are
//! traced, and what is logged.
//!
//! | route | what it does |
//! |---|---|
//! | `GET /traces` | lists who is traced, and for how long still |
//! | `PUT /traces/{target}?seconds=N` | traces a spark by its id, or the sparks of an address |
//! | `DELETE /traces/{target}` | no longer does |
//! | `GET /log-level`, `PUT /log-level?level=L` | which events are logged |
//!
//! # Invariants
//! - At most [`TRACES_MAX`] are traced at a time, each for [`SECONDS_MAX`] at most.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use allspark::{Handle, Reply, Response, RouteRequest, TraceTarget};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::api::scope::Scope;
use crate::assembly::Assembly;
use crate::log::{Log, LogLevel};

/// Targets at a time: an operator looks at few.
const TRACES_MAX: usize = 64;

/// A day.
const SECONDS_MAX: u64 = 24 * 60 * 60;

const SECONDS_DEFAULT: u64 = 600;

/// Who is traced, and until when.
#[derive(Default)]
struct Traces {
    server: OnceLock<Handle>,
    targets: Mutex<Vec<(TraceTarget, Instant)>>,
}

impl Traces {
    /// Those that are traced at this moment.
    fn now(&self) -> MutexGuard<'_, Vec<(TraceTarget, Instant)>> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        targets.retain(|(_, until)| *until > now);
        targets
    }

    fn list(&self) -> Response {
        let now = Instant::now();
        let traces = self.now();
        let traces: Vec<Value> = traces
            .iter()
            .map(|(target, until)| {
                let seconds = until.saturating_duration_since(now).as_secs();
                json!({"target": name(target), "seconds": seconds})
            })
            .collect();
        answer(200, &json!({"traces": traces}))
    }

    fn trace(&self, request: &RouteRequest<'_>) -> Response {
        let (Some(target), Some(lasts)) = (target(request), lasts(request)) else {
            let message = format!(
                "a target is the id of a spark or an address, and seconds is 1 to {SECONDS_MAX}"
            );
            return error(400, "invalid", &message);
        };
        let Some(server) = self.server.get() else {
            return error(503, "unavailable", "the server is about to start");
        };
        let mut targets = self.now();
        targets.retain(|(other, _)| *other != target);
        if targets.len() == TRACES_MAX {
            return error(409, "too_many", &format!("{TRACES_MAX} are traced already"));
        }
        targets.push((target, Instant::now() + lasts));
        drop(targets);
        server.trace(target, lasts);
        tracing::info!(
            target = name(&target),
            seconds = lasts.as_secs(),
            "tracing begins"
        );
        done()
    }

    fn untrace(&self, request: &RouteRequest<'_>) -> Response {
        let Some(target) = target(request) else {
            return error(
                400,
                "invalid",
                "a target is the id of a spark or an address",
            );
        };
        self.now().retain(|(other, _)| *other != target);
        if let Some(server) = self.server.get() {
            server.untrace(target);
            tracing::info!(target = name(&target), "tracing ends");
        }
        done()
    }
}

fn target(request: &RouteRequest<'_>) -> Option<TraceTarget> {
    let text = request.param("target")?;
    let address = text.parse().map(TraceTarget::Address);
    address
        .or_else(|_| text.parse().map(TraceTarget::Spark))
        .ok()
}

fn name(target: &TraceTarget) -> String {
    match target {
        TraceTarget::Spark(id) => id.to_string(),
        TraceTarget::Address(address) => address.to_string(),
    }
}

fn lasts(request: &RouteRequest<'_>) -> Option<Duration> {
    let seconds = match request.head().query().get("seconds") {
        Some(text) => text.parse().ok()?,
        None => SECONDS_DEFAULT,
    };
    (1..=SECONDS_MAX)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

fn set_level(level: &LogLevel, request: &RouteRequest<'_>) -> Response {
    let text = request.head().query().get("level");
    let wanted = text.and_then(|text| text.parse::<LevelFilter>().ok());
    match wanted {
        Some(wanted) if level.set(wanted) => {
            tracing::info!("the log is set to {wanted}");
            done()
        }
        Some(_) => error(503, "unavailable", "there is no log"),
        None => error(
            400,
            "invalid",
            "level: off, error, warn, info, debug or trace",
        ),
    }
}

fn done() -> Response {
    answer(200, &json!({"ok": true}))
}

fn error(status: u16, code: &str, message: &str) -> Response {
    answer(
        status,
        &json!({"error": {"code": code, "message": message}}),
    )
}

fn answer(status: u16, body: &Value) -> Response {
    Response::json(status, body.to_string()).header("Cache-Control", "no-store")
}

/// Adds the routes. They are behind the keys of the API, and there only if it is.
pub(crate) fn assemble(assembly: &mut Assembly, log: &Log) {
    let traces = Arc::new(Traces::default());
    let routes: [(
        &'static str,
        &'static str,
        Scope,
        fn(&Traces, &RouteRequest<'_>) -> Response,
    ); 3] = [
        ("GET", "/traces", Scope::Read, |traces, _| traces.list()),
        ("PUT", "/traces/{target}", Scope::Manage, Traces::trace),
        ("DELETE", "/traces/{target}", Scope::Manage, Traces::untrace),
    ];
    for (method, path, scope, call) in routes {
        let traces = Arc::clone(&traces);
        assembly
            .api
            .route(method, path, scope, BODY_BYTES_MAX, move |request| {
                Reply::Now(call(&traces, request))
            });
    }
    assembly
        .api
        .route("GET", "/log-level", Scope::Read, BODY_BYTES_MAX, |_| {
            let level = LogLevel::get().to_string();
            answer(200, &json!({"level": level})).into()
        });
    let level = log.level().clone();
    assembly.api.route(
        "PUT",
        "/log-level",
        Scope::Manage,
        BODY_BYTES_MAX,
        move |request| set_level(&level, request).into(),
    );
    assembly.when_built(move |primus| {
        // A server is built once.
        let _ = traces.server.set(primus.handle());
        Ok(())
    });
}

/// Nobody looks at a body.
const BODY_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    const OPENAPI: &str = include_str!("../docs/openapi.json");

    #[test]
    fn the_document_of_the_api_has_the_routes() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();
        let scope = |path: &str, method: &str| {
            let operation = &document["paths"][path][method];
            assert_eq!(operation["x-part"], "traces", "{method} {path}");
            operation["x-scope"].as_str().unwrap()
        };
        assert_eq!(
            (scope("/traces", "get"), scope("/log-level", "get")),
            ("read", "read")
        );
        let target = ["put", "delete"].map(|method| scope("/traces/{target}", method));
        assert_eq!(
            (target, scope("/log-level", "put")),
            (["manage"; 2], "manage")
        );
    }
}
