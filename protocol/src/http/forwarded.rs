//! Whom a request comes from when proxies have passed it on: `X-Forwarded-For`, as everybody writes
//! it, and `Forwarded` (RFC 7239).
//!
//! Whoever sends a request can send these headers, too. So they count only as far as trusted
//! proxies have written them: from the right, each element was appended by the one that passed the
//! request on next, the last one by the peer of the connection. The client is the first from the
//! right that is no trusted proxy. Primus takes the first from the left, from anybody.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::fields::is_token;
use super::head::RequestHead;
use crate::options::{self, UnknownChoice, choose};

/// The header in which trusted proxies say whom a request comes from. Only one counts: of two, the
/// one that a proxy does not write would be passed on as a stranger has written it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For: 203.0.113.7, 10.0.0.1`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for="[2001:db8::7]:4711";proto=https, for=10.0.0.1`.
    Forwarded,
}

impl ForwardedHeader {
    const NAMES: [(&str, Self); 2] = [
        ("x-forwarded-for", Self::XForwardedFor),
        ("forwarded", Self::Forwarded),
    ];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }
}

impl std::str::FromStr for ForwardedHeader {
    type Err = UnknownChoice;

    /// Finds one by its name, in any case.
    fn from_str(name: &str) -> Result<Self, UnknownChoice> {
        choose(name, &Self::NAMES)
    }
}

impl std::fmt::Display for ForwardedHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What the peer of a connection through a Unix socket is called, which has no address: no peer of
/// a TCP connection is called so.
pub const UNIX_PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The word that stands for all peers of Unix sockets in a list of networks.
const UNIX: &str = "unix";

/// The networks of proxies that are trusted, and whether those that come through a Unix socket are.
/// Default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    unix: bool,
}

/// Why a list of networks means nothing, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NetworkError(String);

impl std::str::FromStr for TrustedProxies {
    type Err = NetworkError;

    /// Reads networks and addresses, separated by commas, spaces or both: `10.0.0.0/8, ::1`. The
    /// word `unix` stands for whoever comes through a Unix socket.
    fn from_str(list: &str) -> Result<Self, NetworkError> {
        let mut proxies = Self::default();
        for element in list.split([',', ' ']).filter(|element| !element.is_empty()) {
            match element.eq_ignore_ascii_case(UNIX) {
                true => proxies.unix = true,
                false => proxies.networks.push(network(element)?),
            }
        }
        Ok(proxies)
    }
}

impl<'de> Deserialize<'de> for TrustedProxies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = options::list(deserializer, str::parse::<Self>)?;
        list.parse().map_err(D::Error::custom)
    }
}

fn network(text: &str) -> Result<IpNet, NetworkError> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    let network = address.or_else(|_| text.parse::<IpNet>()).map_err(|_| {
        NetworkError(format!(
            "{text:?} is no network: write them as in 10.0.0.0/8,fd00::/8,192.0.2.1, and unix for \
             Unix sockets"
        ))
    })?;
    match network.trunc() {
        whole if whole == network => Ok(network),
        whole => Err(NetworkError(format!(
            "{text:?} names an address within a network: write {whole}"
        ))),
    }
}

impl TrustedProxies {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether this address is one of them. An IPv4 address that is written as one of IPv6
    /// (`::ffff:192.0.2.1`) is the same.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Whether the peer of a connection is one of them.
    pub fn trusts_peer(&self, peer: SocketAddr) -> bool {
        match peer == UNIX_PEER {
            true => self.unix,
            false => self.trusts(peer.ip()),
        }
    }

    /// Whom a request comes from whose connection has this peer, if trusted proxies say so. The
    /// port is 0 if they don't name it. An element that is no address (`unknown`, `_hidden`) ends
    /// what is known: then it is the proxy that has written it.
    pub fn client(
        &self,
        request: &RequestHead<'_>,
        header: ForwardedHeader,
        peer: SocketAddr,
    ) -> Option<SocketAddr> {
        if self.is_empty() || !self.trusts_peer(peer) {
            return None;
        }
        let mut client = None;
        for (name, value) in request.headers() {
            if name.eq_ignore_ascii_case(header.name()) {
                let mut rest = value;
                while !rest.is_empty() {
                    let (element, behind) = split(rest, b',', header);
                    rest = behind;
                    if !element.trim_ascii().is_empty() {
                        client = self.follow(client, node(element, header));
                    }
                }
            }
        }
        client
    }

    /// Goes on from the left: `before` is the client if all that follows is trusted.
    fn follow(&self, before: Option<SocketAddr>, next: Option<SocketAddr>) -> Option<SocketAddr> {
        match next {
            Some(next) if self.trusts(next.ip()) => before.or(Some(next)),
            next => next,
        }
    }
}

/// What stands before the first separator, and what behind it. Only `Forwarded` has quotes.
fn split(text: &[u8], separator: u8, header: ForwardedHeader) -> (&[u8], &[u8]) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_quoted,
            b'"' if header == ForwardedHeader::Forwarded => is_quoted = !is_quoted,
            byte if *byte == separator && !is_quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, b"")
}

/// The address in an element.
fn node(element: &[u8], header: ForwardedHeader) -> Option<SocketAddr> {
    if header == ForwardedHeader::XForwardedFor {
        return address(std::str::from_utf8(element).ok()?.trim());
    }
    let (mut rest, mut said) = (element, None);
    while !rest.is_empty() {
        let (pair, behind) = split(rest, b';', header);
        rest = behind;
        let (name, value) = std::str::from_utf8(pair).ok()?.split_once('=')?;
        let (name, value) = (name.trim(), plain(value.trim())?);
        if !is_token(name.as_bytes()) {
            return None;
        }
        if name.eq_ignore_ascii_case("for") {
            said = said.or(Some(value));
        }
    }
    address(said?)
}

/// The value without its quotes; `None` if it holds further quotes. A stranger and a proxy may both
/// have quoted it, and nobody can tell which part each of them wrote. The element then counts for
/// nothing.
fn plain(value: &str) -> Option<&str> {
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(text) = quoted else {
        return (!value.contains(['"', '\\'])).then_some(value);
    };
    let mut is_escaped = false;
    let has_quote = text.chars().any(|char| {
        let is_quote = char == '"' && !is_escaped;
        is_escaped = char == '\\' && !is_escaped;
        is_quote
    });
    (!has_quote && !is_escaped).then_some(text)
}

/// An address, with a port or without; an address of IPv6 stands in brackets if it has one.
fn address(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address.to_canonical(), 0));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.rfind(':')?),
    };
    // A proxy may hide the port (RFC 7239, 6.3).
    let port = match port.strip_prefix(':') {
        Some(port) if port.starts_with('_') => 0,
        Some(port) => port.parse().ok()?,
        None if port.is_empty() => 0,
        None => return None,
    };
    let host: IpAddr = host.parse().ok()?;
    Some(SocketAddr::new(host.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::ForwardedHeader::{Forwarded, XForwardedFor};
    use super::*;

    fn client(trusted: &str, header: ForwardedHeader, peer: &str, lines: &str) -> Option<String> {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        let trusted: TrustedProxies = trusted.parse().unwrap();
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        let client = trusted.client(&head, header, peer);
        client.map(|client| client.to_string())
    }

    #[test]
    fn the_client_is_the_first_from_the_right_that_is_not_trusted() {
        let x = |peer, value: &str| {
            let lines = format!("X-Forwarded-For: {value}\r\n");
            client("10.0.0.0/8, ::1", XForwardedFor, peer, &lines)
        };
        let is = |address: &str| Some(address.to_owned());
        assert_eq!(x("192.0.2.1", "203.0.113.7"), None, "from a stranger");
        assert_eq!(x("10.0.0.1", "203.0.113.7"), is("203.0.113.7:0"));
        assert_eq!(x("::ffff:10.0.0.1", "203.0.113.7"), is("203.0.113.7:0"));
        assert_eq!(
            x("::1", "203.0.113.7, 10.1.1.1,10.0.0.2"),
            is("203.0.113.7:0")
        );
        assert_eq!(x("10.0.0.1", "6.6.6.6, 203.0.113.7"), is("203.0.113.7:0"));
        assert_eq!(x("10.0.0.1", "10.1.1.1, 10.2.2.2"), is("10.1.1.1:0"));
        assert_eq!(
            x("10.0.0.1", "6.6.6.6, unknown, 10.2.2.2"),
            is("10.2.2.2:0")
        );
        for nothing in [
            "6.6.6.6, unknown",
            "",
            " , ,",
            "6.6.6.6:99999",
            "[::1",
            "\"6.6.6.6\"",
        ] {
            assert_eq!(x("10.0.0.1", nothing), None, "{nothing}");
        }
        assert_eq!(x("10.0.0.1", "203.0.113.7:4711,,"), is("203.0.113.7:4711"));
        assert_eq!(
            x("10.0.0.1", "[2001:db8::7]:4711"),
            is("[2001:db8::7]:4711")
        );
        assert_eq!(x("10.0.0.1", "2001:db8::7"), is("[2001:db8::7]:0"));
        assert_eq!(x("10.0.0.1", "::ffff:203.0.113.7"), is("203.0.113.7:0"));
        let two = "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 203.0.113.7\r\n";
        let client = client("10.0.0.1", XForwardedFor, "10.0.0.1", two);
        assert_eq!(client, is("203.0.113.7:0"));
    }

    #[test]
    fn unix_sockets_are_trusted_by_their_word_alone() {
        let trusted = |list: &str, peer: &str| {
            let list: TrustedProxies = list.parse().unwrap();
            list.trusts_peer(peer.parse().unwrap())
        };
        assert!(trusted("unix", "0.0.0.0:0") && trusted("::1,UNIX", "0.0.0.0:0"));
        assert!(!trusted("0.0.0.0/0", "0.0.0.0:0") && !trusted("unix", "127.0.0.1:0"));
        // An element of the header is no peer.
        let lines = "X-Forwarded-For: 6.6.6.6, 0.0.0.0\r\n";
        let client = client("unix 10.0.0.0/8", XForwardedFor, "10.0.0.1", lines);
        assert_eq!(client, Some("0.0.0.0:0".to_owned()));
    }

    #[test]
    fn forwarded_is_read_as_rfc_7239_has_it() {
        let f = |value: &str| {
            let lines = format!("X-Forwarded-For: 6.6.6.6\r\nForwarded: {value}\r\n");
            client("10.0.0.0/8", Forwarded, "10.0.0.1", &lines)
        };
        let is = |address: &str| Some(address.to_owned());
        assert_eq!(f("for=192.0.2.43"), is("192.0.2.43:0"));
        assert_eq!(
            f("by=10.0.0.9;FOR=\"192.0.2.43:47011\";proto=http"),
            is("192.0.2.43:47011")
        );
        assert_eq!(
            f("for=\"[2001:db8:cafe::17]:4711\""),
            is("[2001:db8:cafe::17]:4711")
        );
        assert_eq!(
            f("for=\"[2001:db8:cafe::17]\", for=10.3.3.3"),
            is("[2001:db8:cafe::17]:0")
        );
        assert_eq!(f("for=\"192.0.2.43:_x\""), is("192.0.2.43:0"));
        assert_eq!(
            f("host=\"a;for=6.6.6.6\";for=192.0.2.43"),
            is("192.0.2.43:0")
        );
        for hidden in [
            "for=_secret",
            "for=unknown",
            "proto=http",
            "for=6.6.6.6, by=10.0.0.1",
        ] {
            assert_eq!(f(hidden), None, "{hidden}");
        }
    }

    /// What stands before the proxy's own element was written by a stranger.
    #[test]
    fn an_open_quote_hides_a_client_and_fakes_none() {
        for evil in [
            "for=\"",
            "for=6.6.6.6, x=\"",
            "for=6.6.6.6;x=\"\\",
            "for=6.6.6.6,\"\\\"\\",
        ] {
            for own in ["for=203.0.113.7", "for=\"[2001:db8::7]\""] {
                let lines = format!("Forwarded: {evil}, {own}\r\n");
                let said = client("10.0.0.0/8", Forwarded, "10.0.0.1", &lines);
                let is_faked = said.is_some_and(|said| said.starts_with("6.6.6.6"));
                assert!(!is_faked, "{evil}");
            }
        }
    }

    #[test]
    fn a_network_that_means_nothing_is_refused_with_a_sentence() {
        for (list, sentence) in [
            (
                "10.0.0.1/8",
                "\"10.0.0.1/8\" names an address within a network: write 10.0.0.0/8",
            ),
            ("10.0.0.0/33", "\"10.0.0.0/33\" is no network"),
            ("proxy.example", "\"proxy.example\" is no network"),
        ] {
            let error = list.parse::<TrustedProxies>().unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{error}");
        }
        assert!("".parse::<TrustedProxies>().unwrap().is_empty());
        let header = "X-Real-IP".parse::<ForwardedHeader>().unwrap_err();
        assert!(
            header.to_string().contains("x-forwarded-for, forwarded"),
            "{header}"
        );
    }
}
