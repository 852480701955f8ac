//! Sockets that systemd has opened and passes on (socket activation): the variables `LISTEN_FDS`,
//! `LISTEN_FDNAMES` and `LISTEN_PID`.

use std::io;
use std::os::fd::OwnedFd;

use listenfd::ListenFd;

/// What systemd calls a socket that has no name.
const UNNAMED: &str = "unknown";

/// The sockets that were passed and are not listened on yet.
pub(crate) struct Passed(Vec<Socket>);

struct Socket {
    name: String,
    /// What it is, or why it is none to listen on.
    socket: io::Result<OwnedFd>,
}

impl Passed {
    /// Takes those that are for this process. The variables are gone after that, so that no child
    /// takes them for its own.
    pub(crate) fn take_from_environment() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':').map(str::to_owned);
        let mut passed = ListenFd::from_env();
        let sockets = (0..passed.len()).map(|index| Socket {
            name: names
                .next()
                .filter(|name| !name.is_empty())
                .unwrap_or(UNNAMED.to_owned()),
            socket: socket_at(&mut passed, index),
        });
        Self(sockets.collect())
    }

    /// Those of this name; without one all that are left.
    ///
    /// # Errors
    /// There are none, or one of them is no socket to listen on.
    pub(crate) fn take(&mut self, name: Option<&str>) -> Result<Vec<OwnedFd>, String> {
        let is_meant = |socket: &Socket| name.is_none_or(|name| socket.name == name);
        let (meant, others) = std::mem::take(&mut self.0).into_iter().partition(is_meant);
        self.0 = others;
        let meant: Vec<Socket> = meant;
        if meant.is_empty() {
            let of_name = name.map_or_else(String::new, |name| format!(" named {name:?}"));
            return Err(format!(
                "systemd passes no socket{of_name}: is there a .socket unit, and was this started \
                 by it (LISTEN_FDS)?"
            ));
        }
        let wrong = |Socket { name, socket }: Socket| {
            socket.map_err(|error| {
                format!("what systemd passes as {name:?} is no socket to listen on: {error}")
            })
        };
        meant.into_iter().map(wrong).collect()
    }

    /// The names of those that nobody listens on.
    pub(crate) fn left(&self) -> Vec<&str> {
        self.0.iter().map(|socket| &*socket.name).collect()
    }
}

fn socket_at(passed: &mut ListenFd, index: usize) -> io::Result<OwnedFd> {
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    match passed.take_tcp_listener(index) {
        Ok(Some(listener)) => Ok(listener.into()),
        Ok(None) => Err(gone()),
        Err(_) => match passed.take_unix_listener(index)? {
            Some(listener) => Ok(listener.into()),
            None => Err(gone()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn passed(names: &[&str]) -> Passed {
        let socket = |name: &&str| Socket {
            name: (*name).to_owned(),
            socket: TcpListener::bind("127.0.0.1:0").map(Into::into),
        };
        Passed(names.iter().map(socket).collect())
    }

    #[test]
    fn sockets_are_taken_by_their_names_and_each_once() {
        let mut sockets = passed(&["web", "admin", "web"]);
        assert_eq!(sockets.take(Some("web")).unwrap().len(), 2);
        assert_eq!(sockets.left(), ["admin"]);
        let gone = sockets.take(Some("web")).unwrap_err();
        assert!(
            gone.starts_with("systemd passes no socket named \"web\""),
            "{gone}"
        );
        assert_eq!(sockets.take(None).unwrap().len(), 1);
        assert!(
            sockets
                .take(None)
                .unwrap_err()
                .starts_with("systemd passes no socket:")
        );
        assert!(sockets.left().is_empty());
    }

    #[test]
    fn what_is_no_socket_is_told_by_its_name() {
        let mut sockets = passed(&["web"]);
        sockets.0[0].socket = Err(io::Error::other("fd 3 is not a socket"));
        let wrong = sockets.take(None).unwrap_err();
        assert!(
            wrong.contains("\"web\" is no socket to listen on: fd 3 is not"),
            "{wrong}"
        );
    }
}
