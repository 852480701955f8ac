//! What the service manager hears. The test is the manager.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::server::{NEVER, Server, allspark};

/// The socket of a manager, and where it lies.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(NEVER)).unwrap();
        Self { socket, folder }
    }

    /// A server that it has started, with these further variables.
    fn start(&self, variables: &[(&str, &str)]) -> Server {
        let mut command = allspark(&["--shards", "2"]);
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        command.envs(variables.iter().copied());
        Server::start_with(&mut command, Stdio::null())
    }

    /// The first line of what it is told next that is not about the watchdog.
    fn hear(&self) -> String {
        loop {
            let line = self.hear_any();
            if line != "WATCHDOG=1" {
                return line;
            }
        }
    }

    fn hear_any(&self) -> String {
        let mut bytes = [0; 1024];
        let length = loop {
            match self.socket.recv(&mut bytes) {
                // The kernel does not take up a wait with a time limit again.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.unwrap(),
            }
        };
        let text = str::from_utf8(&bytes[..length]).unwrap();
        text.lines().next().unwrap().to_owned()
    }
}

#[test]
fn the_service_manager_hears_of_beginning_reload_and_end() {
    let manager = Manager::new();
    let mut server = manager.start(&[]);
    assert_eq!(manager.hear_any(), "READY=1");
    server.signal(Signal::HUP);
    assert_eq!(manager.hear_any(), "RELOADING=1");
    assert_eq!(manager.hear_any(), "READY=1");
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    assert_eq!(manager.hear_any(), "STOPPING=1");
}

#[test]
fn the_watchdog_hears_of_a_server_that_turns() {
    let manager = Manager::new();
    let server = manager.start(&[("WATCHDOG_USEC", "200000")]);
    assert_eq!(manager.hear(), "READY=1");
    for _ in 0..3 {
        assert_eq!(manager.hear_any(), "WATCHDOG=1");
    }
    server.assert_serves();
}

#[test]
fn a_watchdog_of_another_process_hears_nothing() {
    let manager = Manager::new();
    let variables = [("WATCHDOG_USEC", "1000"), ("WATCHDOG_PID", "1")];
    let mut server = manager.start(&variables);
    assert_eq!(manager.hear_any(), "READY=1");
    server.assert_serves();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), Some(0));
    assert_eq!(manager.hear_any(), "STOPPING=1");
}

/// Its socket is full, or gone: it serves all the same, and ends when it is told to.
#[test]
fn a_manager_that_does_not_listen_keeps_nobody_waiting() {
    let manager = Manager::new();
    let mut server = manager.start(&[("WATCHDOG_USEC", "4000")]);
    let mut gone = Manager::new().start(&[("WATCHDOG_USEC", "4000")]);
    for server in [&mut server, &mut gone] {
        for _ in 0..1_000 {
            server.signal(Signal::HUP);
        }
        server.assert_serves();
        server.signal(Signal::TERM);
        assert_eq!(server.exit_code(), Some(0));
    }
}
