//! An address to listen on, as people write it.
//!
//! | text | meaning |
//! |---|---|
//! | `8080` | this machine alone: 127.0.0.1, port 8080 |
//! | `localhost:8080` | the same |
//! | `:8080`, `*:8080` | every interface: `[::]`, or 0.0.0.0 where there is no IPv6 |
//! | `192.0.2.1:8080`, `[::1]:8080` | that address |
//! | `chat.example.org:8080` | what the name means when the server starts |
//!
//! A port alone does not open a server to the network that its owner may only have wanted to move
//! to another port; the colon in front says, as in Go and Node.js, that everybody may come.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::str::FromStr;
use std::vec;

/// An address to listen on. A name is looked up when the server starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// On every interface, at this port.
    Every(u16),
    Address(SocketAddr),
    Name(String, u16),
}

impl Listen {
    /// On this machine alone.
    const fn local(port: u16) -> Self {
        Self::Address(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }
}

impl FromStr for Listen {
    type Err = String;

    /// Reads what a person wrote.
    ///
    /// # Errors
    /// A sentence that says how it should be written.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(port) = port(text) {
            return Ok(Self::local(port));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let wrong = |reason: &str| Err(format!("{text:?} {reason}: {FORMS}"));
        if text.parse::<Ipv6Addr>().is_ok() {
            return wrong("is an address of IPv6 without brackets");
        }
        let (host, after) = match text.rsplit_once(':') {
            Some((host, after)) => (host, after),
            None if is_number(text) => ("", text),
            None => return wrong("has no port"),
        };
        let Some(port) = port(after) else {
            return wrong("does not end with a port from 0 to 65535");
        };
        match host {
            "" | "*" => Ok(Self::Every(port)),
            _ if host.eq_ignore_ascii_case("localhost") => Ok(Self::local(port)),
            _ if is_name(host) => Ok(Self::Name(host.to_owned(), port)),
            _ => wrong("has no host that can be looked up"),
        }
    }
}

/// What is right, for the end of a refusal.
const FORMS: &str = "write 127.0.0.1:8080, [::1]:8080, localhost:8080, 8080 for this machine \
                     alone, or :8080 for every interface";

/// Digits alone: what else Rust takes for a number (`+80`) is none of these.
fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|_| is_number(text))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What can be a name: an address that was mistyped is not, so that nobody is asked for it.
fn is_name(text: &str) -> bool {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let last = text.trim_end_matches('.').rsplit('.').next();
    text.bytes().all(is_name_byte) && last.is_some_and(|last| !last.is_empty() && !is_number(last))
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(port) => write!(f, ":{port}"),
            Self::Address(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

impl ToSocketAddrs for Listen {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        match self {
            Self::Every(port) => Ok(vec![SocketAddr::new(every_interface(), *port)].into_iter()),
            Self::Address(address) => Ok(vec![*address].into_iter()),
            Self::Name(name, port) => (name.as_str(), *port).to_socket_addrs(),
        }
    }
}

/// A socket of IPv6 takes connections of both versions, but there may be no IPv6.
fn every_interface() -> IpAddr {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) {
        Ok(_) => Ipv6Addr::UNSPECIFIED.into(),
        Err(_) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        let listen = text
            .parse::<Listen>()
            .unwrap_or_else(|reason| panic!("{text}: {reason}"));
        let addresses = listen.to_socket_addrs().unwrap();
        addresses.map(|address| address.to_string()).collect()
    }

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, expected) in [
            ("8080", "127.0.0.1:8080"),
            ("0", "127.0.0.1:0"),
            ("localhost:8080", "127.0.0.1:8080"),
            ("LocalHost:80", "127.0.0.1:80"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:8080", "[::1]:8080"),
            ("[::]:8080", "[::]:8080"),
            ("[fe80::1%1]:80", "[fe80::1%1]:80"),
        ] {
            assert_eq!(addresses(text), [expected], "{text}");
        }
        for text in [":8080", "*:8080"] {
            let found = addresses(text);
            assert!(
                found == ["[::]:8080"] || found == ["0.0.0.0:8080"],
                "{text}: {found:?}"
            );
        }
        let name = Listen::Name("chat.example.org".to_owned(), 81);
        assert_eq!("chat.example.org:81".parse(), Ok(name));
    }

    #[test]
    fn it_is_shown_so_that_it_can_be_written_again() {
        for text in ["127.0.0.1:80", "[::1]:80", ":80", "chat.example.org:80"] {
            let listen = text.parse::<Listen>().unwrap();
            assert_eq!(listen.to_string(), text);
            assert_eq!(listen.to_string().parse(), Ok(listen));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_sentence() {
        for (text, expected) in [
            ("", "has no port: write 127.0.0.1:8080"),
            ("localhost", "has no port"),
            ("127.0.0.1", "has no port"),
            ("[::1]", "does not end with a port"),
            ("::1", "without brackets: write 127.0.0.1:8080, [::1]:8080"),
            ("::1:8080", "without brackets"),
            ("99999", "does not end with a port from 0 to 65535"),
            ("+80", "has no port"),
            (
                "127.0.0.1:99999",
                "does not end with a port from 0 to 65535",
            ),
            ("localhost:", "does not end with a port"),
            ("localhost:http", "does not end with a port"),
            ("localhost:80/primus", "does not end with a port"),
            ("127.0.1:80", "no host that can be looked up"),
            ("256.0.0.1:80", "no host that can be looked up"),
            (".:80", "no host that can be looked up"),
            ("a b:80", "no host that can be looked up"),
            ("a\n:80", "no host that can be looked up"),
        ] {
            let reason = text.parse::<Listen>().unwrap_err();
            assert!(reason.contains(expected), "{text}: {reason}");
            assert!(!reason.contains('\n'), "{text}: {reason}");
        }
    }
}
