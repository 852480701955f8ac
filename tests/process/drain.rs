//! A server that is told to end: what it says about itself, and what its clients hear.

use std::io::{BufRead, BufReader, pipe};
use std::process::Stdio;

use rustix::process::Signal;

use crate::server::Server;

fn status(server: &Server, path: &str) -> String {
    let head = server.head_of(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    head.lines().next().unwrap().to_owned()
}

#[test]
fn load_balancers_hear_of_it_before_clients_do() {
    let (reader, writer) = pipe().unwrap();
    let mut server = Server::start(&["--drain-delay", "3600"], writer);
    assert_eq!(status(&server, "/readyz"), "HTTP/1.1 200 OK");
    assert_eq!(status(&server, "/healthz"), "HTTP/1.1 200 OK");
    assert!(server.get("/stats").contains(r#""draining":false"#));
    server.signal(Signal::TERM);
    let said = BufReader::new(reader).lines().map(Result::unwrap);
    let mut draining = said.skip_while(|line| !line.contains("draining"));
    assert!(draining.next().is_some());
    assert_eq!(
        status(&server, "/readyz"),
        "HTTP/1.1 503 Service Unavailable"
    );
    assert_eq!(status(&server, "/healthz"), "HTTP/1.1 200 OK");
    assert!(server.get("/stats").contains(r#""draining":true"#));
    server.assert_serves();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(128 + 15), "the second one");
}

#[test]
fn clients_are_told_to_reconnect_and_the_process_ends_well() {
    let mut server = Server::start(&["--drain-seconds", "1"], Stdio::null());
    let mut clients = [server.connect(), server.connect()];
    server.signal(Signal::TERM);
    for client in &mut clients {
        assert_eq!(
            client.rest(),
            [""; 0],
            "not a word that says not to come again"
        );
    }
    drop(clients);
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn nobody_hears_how_it_is_where_that_is_switched_off() {
    let server = Server::start(&["--health=false"], Stdio::null());
    for path in ["/healthz", "/readyz"] {
        assert_eq!(status(&server, path), "HTTP/1.1 404 Not Found");
    }
}
