//! `GET /healthz` and `GET /readyz`, for those who start servers and send them clients: the first
//! says that the process answers, the second that new clients may come. While a server drains, or
//! holds so much for its clients that it lets in nobody new, the second one says no, and the first
//! goes on saying yes, or the process would be ended for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use allspark::{Handle, RequestHead, Response};
use allspark_engine::Memory;

use crate::assembly::{self, Assembly};

/// Where it is asked whether the server lives, and whether it is ready.
pub(crate) const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// Quarters of the bound of memory below which a server that held more is ready again. Clients that
/// are sent elsewhere and back each time that one message more or less waits gain nothing.
const READY_AGAIN_QUARTERS: u64 = 3;

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
struct Health {
    server: OnceLock<Handle>,
    /// It held too much when it was asked last.
    is_short: AtomicBool,
}

impl Health {
    /// From now on it is about this server.
    fn follow(&self, server: Handle) {
        // A server is started once.
        let _ = self.server.set(server);
    }

    /// Answers a request for one of the paths.
    fn respond(&self, request: &RequestHead<'_>) -> Response {
        if !matches!(request.method(), "GET" | "HEAD") {
            let refusal = Response::text(405, "Method Not Allowed");
            return refusal.header("Allow", "GET, HEAD");
        }
        let asks_for_ready = request.path() == PATHS[1];
        let reason = match self.server.get() {
            _ if !asks_for_ready => None,
            None => Some("starting\n"),
            Some(server) if server.is_draining() => Some("draining\n"),
            Some(server) if self.is_short(server.memory()) => Some("short of memory\n"),
            Some(_) => None,
        };
        let answer = match reason {
            Some(reason) => Response::text(503, reason),
            None => Response::text(200, "ok\n"),
        };
        answer.header("Cache-Control", "no-store")
    }

    /// Whether it holds so much that it lets in nobody new, or did and still holds nearly as much.
    fn is_short(&self, memory: Memory) -> bool {
        let bound = match self.is_short.load(Ordering::Relaxed) {
            true => memory.bytes_max_to_admit / 4 * READY_AGAIN_QUARTERS,
            false => memory.bytes_max_to_admit,
        };
        let is_short = memory.held_bytes > bound;
        self.is_short.store(is_short, Ordering::Relaxed);
        is_short
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

    #[test]
    fn a_server_that_is_short_of_memory_is_ready_again_well_below_its_bound() {
        let health = Health::default();
        let memory = |held_bytes| Memory {
            held_bytes,
            inbox_bytes: 0,
            bytes_max: 200,
            bytes_max_to_admit: 100,
        };
        let is_short = |held_bytes| health.is_short(memory(held_bytes));
        let held = [0, 100, 101, 100, 76, 75, 76, 100, 101, 90, 0];
        let expected = [
            false, false, true, true, true, false, false, false, true, true, false,
        ];
        assert_eq!(held.map(is_short), expected);
    }
}
