//! The server's side: a request is checked and answered (RFC 6455, 4.2).

use std::collections::BTreeSet;

use super::accept_of;
use super::extensions;
use crate::http::{RequestHead, Response, is_token};
use crate::websocket::deflate::{Agreement, Terms};

/// A request for a WebSocket that can be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade<'b> {
    key: &'b str,
    protocol: Option<&'b str>,
    deflate: Option<Agreement>,
}

impl<'b> Upgrade<'b> {
    /// Checks a request. As with `ws`, it may be HTTP/1.0, although RFC 6455, 4.2.1 wants 1.1:
    /// proxies that were not told otherwise ask so (nginx without `proxy_http_version 1.1`), and
    /// the answer switches protocols all the same.
    ///
    /// # Errors
    /// The first [`Refusal`] in the order in which `ws` checks.
    pub fn check(head: &RequestHead<'b>) -> Result<Self, Refusal> {
        // Version 8 is a draft with the framing of version 13; some old clients still say it.
        let upgrade = Self::check_versions(head, &["13", "8"])?;
        let protocol = first_protocol(head)?;
        Ok(Self {
            protocol,
            ..upgrade
        })
    }

    /// The same with the versions that are let in, as faye-websocket does it: it looks at no
    /// subprotocol and grants none. All versions from 7 on have the framing of 13.
    ///
    /// # Errors
    /// As those of [`Upgrade::check`].
    pub fn check_versions(head: &RequestHead<'b>, versions: &[&str]) -> Result<Self, Refusal> {
        if head.method() != "GET" {
            return Err(Refusal::Method);
        }
        if !head.has_token("Upgrade", "websocket") {
            return Err(Refusal::Upgrade);
        }
        if !head.has_token("Connection", "Upgrade") {
            return Err(Refusal::Connection);
        }
        let key = sole_header(head, "Sec-WebSocket-Key").filter(|key| is_key(key));
        let key = key.ok_or(Refusal::Key)?;
        let version = sole_header(head, "Sec-WebSocket-Version");
        if !version.is_some_and(|version| versions.contains(&version)) {
            return Err(Refusal::Version);
        }
        Ok(Self {
            key,
            protocol: None,
            deflate: None,
        })
    }

    /// Negotiates permessage-deflate, if the client offers it in the head that was checked.
    ///
    /// # Errors
    /// [`Refusal::Extensions`] if the header breaks the grammar, or if permessage-deflate is
    /// offered on no terms that can be accepted.
    pub fn with_deflate(mut self, head: &RequestHead<'b>, terms: &Terms) -> Result<Self, Refusal> {
        let mut offered = Vec::new();
        for value in values(head, "Sec-WebSocket-Extensions") {
            let value = std::str::from_utf8(value).ok();
            let list = value.and_then(extensions::parse);
            offered.extend(list.ok_or(Refusal::Extensions)?);
        }
        self.deflate = terms.agree(&offered).map_err(|_| Refusal::Extensions)?;
        Ok(self)
    }

    /// What was agreed on for permessage-deflate, if it is used.
    pub fn deflate(&self) -> Option<Agreement> {
        self.deflate
    }

    /// The subprotocol that is granted: the first one that was offered, if
    /// any, and if [`Upgrade::check`] was asked.
    pub fn protocol(&self) -> Option<&'b str> {
        self.protocol
    }

    /// The answer. After it, both sides speak WebSocket.
    pub fn response(&self) -> Response {
        let response = Response::new(101)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Accept", &accept_of(self.key));
        let response = match self.protocol {
            Some(protocol) => response.header("Sec-WebSocket-Protocol", protocol),
            None => response,
        };
        match self.deflate {
            Some(agreed) => response.header("Sec-WebSocket-Extensions", &agreed.to_string()),
            None => response,
        }
    }
}

/// Why a request cannot become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The method is not `GET`.
    #[error("Invalid HTTP method")]
    Method,
    /// The header `Upgrade` does not name `websocket`.
    #[error("Invalid Upgrade header")]
    Upgrade,
    /// The header `Connection` does not name `Upgrade`.
    #[error("Invalid Connection header")]
    Connection,
    /// There is not exactly one key, or it is not 16 bytes in base64.
    #[error("Missing or invalid Sec-WebSocket-Key header")]
    Key,
    /// The version is not one that is spoken here.
    #[error("Missing or invalid Sec-WebSocket-Version header")]
    Version,
    /// The offered subprotocols are not a list of different tokens.
    #[error("Invalid Sec-WebSocket-Protocol header")]
    Protocol,
    /// The offered extensions are not a list, or none of the terms for the one that is known can be
    /// accepted.
    #[error("Invalid or unacceptable Sec-WebSocket-Extensions header")]
    Extensions,
}

impl Refusal {
    /// The answer that `ws` gives.
    pub fn response(self) -> Response {
        let status = if self == Self::Method { 405 } else { 400 };
        let response = Response::new(status).body("text/html", self.to_string().into_bytes());
        match self {
            Self::Method => response.header("Allow", "GET"),
            Self::Version => response.header("Sec-WebSocket-Version", "13, 8"),
            _ => response,
        }
    }
}

/// The header of that name, if there is exactly one.
fn sole_header<'b>(head: &RequestHead<'b>, name: &str) -> Option<&'b str> {
    let mut values = values(head, name);
    let value = values.next()?;
    match values.next() {
        None => std::str::from_utf8(value).ok(),
        Some(_) => None,
    }
}

/// Whether it looks like 16 bytes in base64. Like `ws` it lets the four surplus bits be anything.
fn is_key(key: &str) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits = key.strip_suffix("==").unwrap_or_default().as_bytes();
    digits.len() == 22 && digits.iter().all(is_digit)
}

/// The first subprotocol of those that the client offers, after all of them have been checked.
fn first_protocol<'b>(head: &RequestHead<'b>) -> Result<Option<&'b str>, Refusal> {
    let mut first = None;
    let mut seen = BTreeSet::new();
    for value in values(head, "Sec-WebSocket-Protocol") {
        let value = std::str::from_utf8(value).map_err(|_| Refusal::Protocol)?;
        for protocol in value
            .split(',')
            .map(|protocol| protocol.trim_matches([' ', '\t']))
        {
            if !is_token(protocol.as_bytes()) || !seen.insert(protocol) {
                return Err(Refusal::Protocol);
            }
            first = first.or(Some(protocol));
        }
    }
    Ok(first)
}

fn values<'b>(head: &RequestHead<'b>, name: &str) -> impl Iterator<Item = &'b [u8]> {
    let headers = head.headers();
    let of_that_name = headers.filter(move |(other, _)| other.eq_ignore_ascii_case(name));
    of_that_name.map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\n\
        Connection: keep-alive, upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n";

    /// What the request is answered with after one change, and which subprotocol is granted.
    fn answer(from: &str, to: &str) -> Result<Option<String>, Refusal> {
        let request = format!("{}\r\n", REQUEST.replacen(from, to, 1));
        let head = RequestHead::parse(request.as_bytes()).unwrap();
        Upgrade::check(&head).map(|upgrade| upgrade.protocol().map(str::to_owned))
    }

    fn offer(lines: &str) -> Result<Option<String>, Refusal> {
        answer("Upgrade:", &format!("{lines}Upgrade:"))
    }

    #[test]
    fn a_request_by_the_rules_is_granted() {
        let request = format!("{REQUEST}Sec-WebSocket-Protocol: chat, v2\r\n\r\n");
        let head = RequestHead::parse(request.as_bytes()).unwrap();
        let mut out = Vec::new();
        let response = Upgrade::check(&head).unwrap().response();
        response.encode(&mut out, true, false);
        let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
            Sec-WebSocket-Protocol: chat\r\n\r\n";
        assert_eq!(std::str::from_utf8(&out), Ok(expected));
    }

    #[test]
    fn what_browsers_and_old_clients_vary_is_granted() {
        assert_eq!(answer("", ""), Ok(None));
        assert_eq!(answer("Version: 13", "Version: 8"), Ok(None));
        assert_eq!(answer("HTTP/1.1", "HTTP/1.0"), Ok(None));
        assert_eq!(answer("WebSocket", "foo/1, websocket"), Ok(None));
        assert_eq!(answer("jZQ==", "jZR=="), Ok(None), "surplus bits");
        assert_eq!(
            offer("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
            Ok(None)
        );
    }

    #[test]
    fn every_broken_rule_is_named() {
        let cases = [
            ("GET", "POST", Refusal::Method),
            ("WebSocket", "websockets", Refusal::Upgrade),
            ("Upgrade: WebSocket\r\n", "", Refusal::Upgrade),
            ("upgrade", "close", Refusal::Connection),
            ("Key: ", "Kez: ", Refusal::Key),
            ("jZQ==", "jZQA=", Refusal::Key),
            ("dGhl", "dGh", Refusal::Key),
            ("dGhl", "dGh-", Refusal::Key),
            (
                "Upgrade",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUpgrade",
                Refusal::Key,
            ),
            ("Version: 13", "Version: 7", Refusal::Version),
            ("Sec-WebSocket-Version: 13\r\n", "", Refusal::Version),
        ];
        for (from, to, refusal) in cases {
            assert_eq!(answer(from, to), Err(refusal), "{from} -> {to}");
        }
    }

    #[test]
    fn subprotocols_are_a_list_of_different_tokens() {
        assert_eq!(
            offer("Sec-WebSocket-Protocol: b ,\ta\r\n"),
            Ok(Some("b".to_owned()))
        );
        let two_lines = "Sec-WebSocket-Protocol: x\r\nSec-WebSocket-Protocol: y\r\n";
        assert_eq!(offer(two_lines), Ok(Some("x".to_owned())));
        for list in ["", "a,,b", "a,", "a b", "a,b,a", "a;q=1"] {
            let line = format!("Sec-WebSocket-Protocol: {list}\r\n");
            assert_eq!(offer(&line), Err(Refusal::Protocol), "{list}");
            let request = format!("{REQUEST}{line}\r\n");
            let head = RequestHead::parse(request.as_bytes()).unwrap();
            let upgrade = Upgrade::check_versions(&head, &["13"]).unwrap();
            assert_eq!(upgrade.protocol(), None, "faye-websocket looks at none");
        }
    }

    #[test]
    fn refusals_answer_as_ws_does() {
        assert_eq!(Refusal::Method.response().status(), 405);
        assert_eq!(Refusal::Key.response().status(), 400);
        let version = Refusal::Version.response();
        assert_eq!(version.status(), 400);
        assert!(
            version
                .headers()
                .any(|line| line == ("Sec-WebSocket-Version", b"13, 8"))
        );
        assert_eq!(
            version.body_bytes(),
            b"Missing or invalid Sec-WebSocket-Version header"
        );
    }
}
