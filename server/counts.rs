//! `GET /stats`: how many sparks and connections there are at this moment, for whoever wants to
//! know whether everybody has left, as the harness does; which app this is, so that the harness
//! does not take another one for a broken one; how many lines the log has lost; and whether the
//! server drains, so that `sparks` and `connections` are those that are left. It says nothing about
//! any client.

use std::sync::{Arc, OnceLock};

use allspark::{Handle, RequestHead, Response, Stats};

use crate::assembly::{self, Assembly};
use crate::log::Lines;

/// Where it is asked for. The pathname of Primus begins elsewhere, or hides it.
pub(crate) const PATH: &str = "/stats";

/// Adds them, for a server with this app, named as on the command line.
pub(crate) fn assemble(assembly: &mut Assembly, app: &'static str, log: Lines) {
    let counts = Arc::new(Counts::new(app, log));
    let answering = Arc::clone(&counts);
    assembly::add(assembly.for_operators(), PATH, move |head| {
        answering.respond(head)
    });
    assembly.when_built(move |primus| {
        counts.follow(primus.handle());
        Ok(())
    });
}

/// Counts, as soon as there is a server that counts.
struct Counts {
    server: OnceLock<Handle>,
    app: &'static str,
    log: Lines,
}

impl Counts {
    /// Counts of a server that comes later, with this app, named as on the command line.
    fn new(app: &'static str, log: Lines) -> Self {
        Self {
            server: OnceLock::new(),
            app,
            log,
        }
    }

    /// From now on this server's are told.
    fn follow(&self, server: Handle) {
        // A server is started once.
        let _ = self.server.set(server);
    }

    /// Answers a request for them.
    fn respond(&self, request: &RequestHead<'_>) -> Response {
        if !matches!(request.method(), "GET" | "HEAD") {
            let refusal = Response::text(405, "Method Not Allowed");
            return refusal.header("Allow", "GET, HEAD");
        }
        let server = self.server.get();
        let stats = server.map(Handle::stats).unwrap_or_default();
        let drains = server.is_some_and(Handle::is_draining);
        let json = json(self.app, &stats, self.log.lost(), drains);
        Response::json(200, json).header("Cache-Control", "no-store")
    }
}

/// Counters of several threads are read one after the other, so an end may be seen before its
/// beginning.
fn json(app: &str, stats: &Stats, lines_lost: u64, drains: bool) -> String {
    let sparks = stats.sparks_opened.saturating_sub(stats.sparks_ended);
    let connections = stats
        .connections_accepted
        .saturating_sub(stats.connections_closed);
    let counts = format!(r#""sparks":{sparks},"connections":{connections}"#);
    let refused = refused(stats);
    let state = format!(r#""logLinesLost":{lines_lost},"draining":{drains}"#);
    format!(r#"{{"app":"{app}",{counts},{state},"refused":{{{refused}}}}}"#)
}

/// What the bounds of docs/SECURITY.md have refused or ended since the server started, by reason;
/// of what nobody was refused for nothing is said.
fn refused(stats: &Stats) -> String {
    let reasons = [
        ("connections", stats.connections_refused),
        ("addresses", stats.addresses_refused),
        ("accepts", stats.accepts_refused),
        ("acceptsRested", stats.accepts_rested),
        ("handshakes", stats.handshakes_refused),
        ("tls", stats.tls_failures),
        ("proxies", stats.proxies_refused),
        ("requests", stats.requests_refused),
        ("requestsTimedOut", stats.requests_timed_out),
        ("sessions", stats.sessions_refused),
        ("sparks", stats.sparks_refused),
        ("sparksPaused", stats.sparks_paused),
        ("sparksFlooding", stats.sparks_flooding),
        ("sparksOverflowed", stats.sparks_overflowed),
        ("sparksSilent", stats.sparks_silent),
        ("messages", stats.messages_refused),
        ("messagesDropped", stats.messages_dropped),
        ("moves", stats.moves_refused),
        ("slow", stats.connections_slow),
        ("overrun", stats.connections_overrun),
        ("shed", stats.peers_shed),
    ];
    let happened = reasons.iter().filter(|(_, count)| *count > 0);
    let pairs: Vec<String> = happened
        .map(|(reason, count)| format!(r#""{reason}":{count}"#))
        .collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(method: &str, path: &str) -> Response {
        let text = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        Counts::new("echo", Lines::to_nowhere())
            .respond(&RequestHead::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn they_are_read_only() {
        let response = ask("GET", PATH);
        let expected = concat!(
            r#"{"app":"echo","sparks":0,"connections":0,"logLinesLost":0,"#,
            r#""draining":false,"refused":{}}"#
        );
        assert_eq!(response.body_bytes(), expected.as_bytes());
        assert_eq!(ask("POST", PATH).status(), 405);
    }

    #[test]
    fn who_has_left_is_not_counted() {
        let stats = Stats {
            sparks_opened: 5,
            sparks_ended: 3,
            connections_accepted: 9,
            connections_closed: 9,
            addresses_refused: 4,
            peers_shed: 1,
            ..Stats::default()
        };
        let counts = r#""sparks":2,"connections":0,"logLinesLost":7,"draining":true"#;
        let refused = r#""refused":{"addresses":4,"shed":1}"#;
        let expected = format!(r#"{{"app":"mixed",{counts},{refused}}}"#);
        assert_eq!(json("mixed", &stats, 7, true), expected);
    }
}
