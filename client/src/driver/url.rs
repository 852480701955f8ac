//! Where a server is: the URL that an application gives.

use std::net::Ipv6Addr;

use thiserror::Error;

/// What a client needs of a URL. The path is not part of it: as in Primus it is always the
/// server's pathname, whatever the URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    /// Whether TLS is spoken: `https` and `wss`.
    pub(super) is_secure: bool,
    /// Name or address, an IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// As it stands in the URL, without the `?`; empty if there is none. What a request can't hold
    /// is percent-encoded.
    pub(super) query: String,
}

/// Why a URL is not one of a server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// It does not begin with one of the schemes that a client can speak.
    #[error("a URL begins with http://, https://, ws:// or wss://")]
    Scheme,
    /// The host is missing or can't be one. Names that are not ASCII are written in Punycode.
    #[error("there is no host in the URL, or it holds what no host can hold")]
    Host,
    /// The port is not a number from 1 to 65535.
    #[error("the port of the URL is no number from 1 to 65535")]
    Port,
    /// There is a user name before the host, which clients do not send.
    #[error("there is a user name in the URL; put a token into the query instead")]
    User,
}

impl Url {
    /// Reads `SCHEME://HOST[:PORT][/PATH][?QUERY][#FRAGMENT]`.
    pub(super) fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Scheme)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(UrlError::Scheme),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
        let authority = location.split('/').next().unwrap_or_default();
        if authority.contains('@') {
            return Err(UrlError::User);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) => parse_port(port)?,
            None => default_port(is_secure),
        };
        Ok(Self {
            is_secure,
            host: parse_host(host)?,
            port,
            query: encode(query),
        })
    }

    /// What the `Host` header says: the port only where it is not the usual one of the scheme.
    pub(super) fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port == default_port(self.is_secure) {
            true => host,
            false => format!("{host}:{}", self.port),
        }
    }
}

const fn default_port(is_secure: bool) -> u16 {
    if is_secure { 443 } else { 80 }
}

/// Splits the port off; the colons of an IPv6 address lie in brackets.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), UrlError> {
    let end = match authority.strip_prefix('[') {
        Some(inner) => inner.find(']').ok_or(UrlError::Host)? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(end);
    match rest.strip_prefix(':') {
        // `http://host:/` means the usual port (RFC 3986, 3.2.3).
        Some("") => Ok((host, None)),
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(UrlError::Host),
    }
}

fn parse_port(port: &str) -> Result<u16, UrlError> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(port) if is_number && port > 0 => Ok(port),
        _ => Err(UrlError::Port),
    }
}

fn parse_host(host: &str) -> Result<String, UrlError> {
    let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    if let Some(address) = bracketed {
        let is_address = address.parse::<Ipv6Addr>().is_ok();
        return is_address.then(|| address.to_owned()).ok_or(UrlError::Host);
    }
    let is_host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_host = !host.is_empty() && host.bytes().all(is_host_byte);
    is_host.then(|| host.to_owned()).ok_or(UrlError::Host)
}

/// Percent-encodes what no request target can hold, as browsers do: white space, quotes, what is
/// not ASCII. What is encoded already stays as it is.
fn encode(query: &str) -> String {
    let mut encoded = String::with_capacity(query.len());
    for byte in query.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'\'' => push_encoded(byte, &mut encoded),
            0x21..=0x7e => encoded.push(char::from(byte)),
            _ => push_encoded(byte, &mut encoded),
        }
    }
    encoded
}

fn push_encoded(byte: u8, encoded: &mut String) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    encoded.push('%');
    for digit in [byte >> 4, byte & 15] {
        encoded.push(char::from(DIGITS[usize::from(digit)]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> (bool, String, u16, String) {
        let url = Url::parse(text).unwrap();
        (url.is_secure, url.host, url.port, url.query)
    }

    #[test]
    fn reads_the_four_schemes_and_their_usual_ports() {
        for (text, is_secure, port) in [
            ("http://a.example", false, 80),
            ("ws://a.example/", false, 80),
            ("HTTPS://a.example", true, 443),
            ("wss://a.example:/", true, 443),
            ("wss://a.example:8443", true, 8443),
        ] {
            let expected = (is_secure, "a.example".to_owned(), port, String::new());
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn keeps_the_query_and_forgets_path_and_fragment() {
        let (_, host, port, query) = parse("http://[::1]:8080/a/b?user=1&x=a%20b c#top?no");
        assert_eq!((host.as_str(), port), ("::1", 8080));
        assert_eq!(query, "user=1&x=a%20b%20c");
        assert_eq!(parse("http://h?ü=\"/@").3, "%C3%BC=%22/@");
    }

    #[test]
    fn the_authority_names_an_unusual_port_only() {
        for (text, authority) in [
            ("http://a:80/", "a"),
            ("http://a:443/", "a:443"),
            ("https://[::1]:443/", "[::1]"),
            ("ws://[::1]:1/", "[::1]:1"),
        ] {
            assert_eq!(Url::parse(text).unwrap().authority(), authority);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, error) in [
            ("localhost:8080", UrlError::Scheme),
            ("ftp://a", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http:///primus", UrlError::Host),
            ("http://[::1", UrlError::Host),
            ("http://[::1]x", UrlError::Host),
            ("http://[1.2.3.4]", UrlError::Host),
            ("http://a b", UrlError::Host),
            ("http://a:0", UrlError::Port),
            ("http://a:65536", UrlError::Port),
            ("http://a:+1", UrlError::Port),
            ("http://a:1:2", UrlError::Port),
            ("http://me:secret@a", UrlError::User),
        ] {
            assert_eq!(Url::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_fits_into_a_request(text in "(https?|wss?)://.{0,40}") {
            if let Ok(url) = Url::parse(&text) {
                let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
                prop_assert!(url.query.bytes().all(fits));
                prop_assert!(url.authority().bytes().all(fits));
            }
        }
    }
}
