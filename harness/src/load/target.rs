//! Where the server is: its URL, and the addresses that many clients spread over.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};

use super::trust::{Trust, Whom};

/// Connections to one address. Each takes a local port. Linux has 28,232 of them by default, but
/// looks for a free one among half of them first, and the fuller that half is, the longer: from
/// some 14,000 on, a connection takes milliseconds instead of microseconds.
const CONNECTIONS_PER_ADDRESS: u32 = 12_000;

/// A server, as the command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    address: SocketAddr,
    host: String,
    pathname: String,
    /// Only if it is spoken to over TLS.
    trust: Option<Trust>,
}

impl Target {
    /// Reads `http://HOST[:PORT]`, and asks for the address of the host.
    pub(crate) fn parse(url: &str, pathname: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| format!("{url:?} does not begin with http://"))?;
        Self::of_host(rest, pathname, 80)
    }

    /// The same, or `https://`, where the server must be one of these; sessions of TLS are resumed
    /// or not.
    pub(crate) fn parse_any(
        url: &str,
        pathname: &str,
        (whom, resumes): (&Whom, bool),
    ) -> Result<Self, String> {
        let Some(rest) = url.strip_prefix("https://") else {
            return Self::parse(url, pathname)
                .map_err(|why| why.replace("with http://", "with http:// or https://"));
        };
        let target = Self::of_host(rest, pathname, 443)?;
        let name = match has_port(&target.host) {
            true => target.host.rsplit_once(':').map_or("", |(name, _)| name),
            false => &target.host,
        };
        let trust = Trust::new(name, whom, resumes)?;
        Ok(Self {
            trust: Some(trust),
            ..target
        })
    }

    fn of_host(rest: &str, pathname: &str, port: u16) -> Result<Self, String> {
        let host = rest.trim_end_matches('/');
        if host.is_empty() || host.contains('/') {
            return Err(format!(
                "{rest:?}: only a host and a port belong into the URL"
            ));
        }
        let with_port = if has_port(host) {
            host.to_owned()
        } else {
            format!("{host}:{port}")
        };
        let address = with_port
            .to_socket_addrs()
            .map_err(|error| format!("{with_port}: {error}"))?
            .next()
            .ok_or_else(|| format!("{with_port} has no address"))?;
        let slash = if pathname.starts_with('/') { "" } else { "/" };
        Ok(Self {
            address,
            host: host.to_owned(),
            pathname: format!("{slash}{pathname}")
                .trim_end_matches('/')
                .to_owned(),
            trust: None,
        })
    }

    /// Whom clients believe to be the server, if it is spoken to over TLS.
    pub(crate) fn trust(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    /// As a person writes it.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.trust {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{}{}", self.host, self.pathname)
    }

    /// What the `Host` header says.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Where Primus is on the server, with a leading and without a trailing slash.
    pub(crate) fn pathname(&self) -> &str {
        &self.pathname
    }

    /// The address that was named.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where this client connects to. On the loopback network, where every address is the same
    /// machine, clients spread over as many addresses as their number needs; a server that they
    /// reach must listen on all of them.
    pub(crate) fn address_of(&self, client: u32) -> SocketAddr {
        match self.address.ip() {
            IpAddr::V4(first) if first.is_loopback() => {
                let step = client / CONNECTIONS_PER_ADDRESS;
                let address = Ipv4Addr::from_bits(first.to_bits() + step);
                SocketAddr::from((address, self.address.port()))
            }
            _ => self.address,
        }
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_person_writes() {
        let target = Target::parse("http://127.0.0.1:8080/", "primus/").unwrap();
        assert_eq!(target.address(), "127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            (target.host(), target.pathname()),
            ("127.0.0.1:8080", "/primus")
        );
        let target = Target::parse("http://127.0.0.1", "/primus").unwrap();
        assert_eq!((target.address().port(), target.host()), (80, "127.0.0.1"));
        assert!(Target::parse("ws://127.0.0.1", "/").is_err());
        assert!(Target::parse("http://127.0.0.1:1/primus", "/").is_err());
    }

    #[test]
    fn a_url_may_ask_for_tls() {
        let parse = |url| Target::parse_any(url, "/primus", (&Whom::Anybody, true));
        let target = parse("https://127.0.0.1").unwrap();
        assert_eq!(target.address().port(), 443);
        assert_eq!(target.url(), "https://127.0.0.1/primus");
        assert!(target.trust().is_some());
        assert!(parse("http://127.0.0.1:8080").unwrap().trust().is_none());
        let why = parse("ftp://127.0.0.1").unwrap_err();
        assert!(why.contains("http:// or https://"), "{why}");
    }

    #[test]
    fn many_clients_spread_over_the_loopback_network() {
        let target = Target::parse("http://127.0.0.1:8080", "/primus").unwrap();
        let address = |client| target.address_of(client).to_string();
        assert_eq!(address(11_999), "127.0.0.1:8080");
        assert_eq!(address(12_000), "127.0.0.2:8080");
        assert_eq!(address(999_999), "127.0.0.84:8080");
        let elsewhere = Target::parse("http://192.0.2.1:80", "/").unwrap();
        assert_eq!(elsewhere.address_of(999_999), elsewhere.address());
    }
}
