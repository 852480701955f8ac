//! What every program here does before its reactor begins.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::service::App;

/// What a program was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The port to listen on.
    pub port: u16,
    /// What the server does with messages.
    pub app: App,
}

impl Arguments {
    /// Understands `PORT echo|broadcast`.
    pub fn parse<S: AsRef<str>>(words: &[S]) -> Option<Self> {
        let [port, app] = words else {
            return None;
        };
        Some(Self {
            port: port.as_ref().parse().ok()?,
            app: match app.as_ref() {
                "echo" => App::Echo,
                "broadcast" => App::Broadcast,
                _ => return None,
            },
        })
    }
}

/// Reads the command line and serves until that fails. Exits with 2 if the command line is wrong
/// and with 1, after one line on the error stream, if the reactor can't run here.
pub fn run(name: &str, serve: impl FnOnce(Arguments) -> io::Result<()>) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some(arguments) = Arguments::parse(&words) else {
        complain(&format!("usage: {name} PORT echo|broadcast"));
        return ExitCode::from(2);
    };
    raise_descriptor_limit();
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{name}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Unlike `eprintln!` it does not panic when nobody reads any more.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A listener that blocks, on all addresses.
///
/// # Errors
/// If the port is taken.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address(port).into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// All addresses of this machine, for runtimes that make their listener themselves.
pub fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
}

/// Tells who started the program what runs, and that clients may come.
pub fn announce(version: &str, port: u16) {
    // Who started it may be gone, and then nobody has to be told.
    let _ = writeln!(io::stdout(), "version {version}\nlistening {port}");
}

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Each connection is a descriptor, and the usual limit of 1,024 is less than a comparison needs.
/// Where it can't be raised, connections beyond it fail, which the load generator reports.
fn raise_descriptor_limit() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        complain(&format!("the limit of descriptors stays as it is: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_a_port_and_an_app_and_nothing_else() {
        let parsed = Arguments::parse(&["8080", "broadcast"]);
        let expected = Arguments {
            port: 8080,
            app: App::Broadcast,
        };
        assert_eq!(parsed, Some(expected));
        for wrong in [
            &["8080"][..],
            &["echo", "8080"],
            &["65536", "echo"],
            &["8080", "chat"],
            &["8080", "echo", "fast"],
        ] {
            assert_eq!(Arguments::parse(wrong), None, "{wrong:?}");
        }
    }
}
