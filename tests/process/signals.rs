//! What each signal does.

use std::io::{BufRead, BufReader, Read, pipe};

use rustix::process::Signal;

use crate::server::Server;

#[test]
fn signals_that_ask_for_what_there_is_not_are_said_and_ignored() {
    let (reader, writer) = pipe().unwrap();
    let mut server = Server::start(&[], writer);
    let mut log = BufReader::new(reader);
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("serving"), "{line}");
    server.signal(Signal::HUP);
    line.clear();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("reloaded: nothing has changed"), "{line}");
    for (signal, name) in [(Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2")] {
        server.signal(signal);
        line.clear();
        log.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("{name} is ignored")), "{line}");
        server.assert_serves();
    }
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    let mut rest = String::new();
    log.read_to_string(&mut rest).unwrap();
    assert!(
        rest.contains("draining") && rest.contains("ended"),
        "{rest}"
    );
}
