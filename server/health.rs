//! `GET /healthz` and `GET /readyz`, for those who start servers and send them clients: the first
//! says that the process answers, the second that new clients may come. While a server drains the
//! second one says no, and the first goes on saying yes, or the process would be ended for it.

use std::sync::{Arc, OnceLock};

use allspark::{Handle, RequestHead, Response};

use crate::assembly::{self, Assembly};

/// Where it is asked whether the server lives, and whether it is ready.
pub(crate) const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// Adds it.
pub(crate) fn assemble(assembly: &mut Assembly) {
    let health = Arc::new(Health::default());
    for path in PATHS {
        let health = Arc::clone(&health);
        assembly::add(assembly.for_operators(), path, move |head| {
            health.respond(head)
        });
    }
    assembly.when_started(move |server| {
        health.follow(server.handle());
        Ok(())
    });
}

/// Answers, as soon as there is a server.
#[derive(Default)]
struct Health(OnceLock<Handle>);

impl Health {
    /// From now on it is about this server.
    fn follow(&self, server: Handle) {
        // A server is started once.
        let _ = self.0.set(server);
    }

    /// Answers a request for one of the paths.
    fn respond(&self, request: &RequestHead<'_>) -> Response {
        if !matches!(request.method(), "GET" | "HEAD") {
            let refusal = Response::text(405, "Method Not Allowed");
            return refusal.header("Allow", "GET, HEAD");
        }
        let asks_for_ready = request.path() == PATHS[1];
        let answer = match self.0.get().map(Handle::is_draining) {
            Some(true) if asks_for_ready => Response::text(503, "draining\n"),
            None if asks_for_ready => Response::text(503, "starting\n"),
            _ => Response::text(200, "ok\n"),
        };
        answer.header("Cache-Control", "no-store")
    }
}

#[cfg(test)]
mod tests {
    use allspark::{Drain, Primus};

    use super::*;

    fn status(health: &Health, method: &str, path: &str) -> u16 {
        let text = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        let head = RequestHead::parse(text.as_bytes()).unwrap();
        health.respond(&head).status()
    }

    #[test]
    fn a_server_that_drains_lives_and_is_not_ready() {
        let health = Health::default();
        let both = |health: &Health| PATHS.map(|path| status(health, "GET", path));
        assert_eq!(both(&health), [200, 503], "it has not started");
        let primus = Primus::builder().build().unwrap();
        health.follow(primus.handle());
        assert_eq!(both(&health), [200, 200]);
        assert_eq!(status(&health, "POST", PATHS[1]), 405);
        primus.handle().drain(Drain::default());
        assert_eq!(both(&health), [200, 503]);
    }
}
