//! The client's side: a request is written and its answer checked (RFC 6455, 4.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{accept_of, extensions};
use crate::http::{Misuse, ResponseHead, is_token, write_request};
use crate::websocket::deflate::{Agreement, Offer, params};

/// A handshake whose answer has not come yet.
#[derive(Clone, Debug)]
pub struct Opening {
    accept: String,
    protocols: Vec<String>,
    offer: Option<Offer>,
}

impl Opening {
    /// Appends the request to `out`. `nonce` must be new and random for each connection
    /// (RFC 6455, 4.1). `protocols` are the subprotocols on offer, best first; `headers` go along.
    ///
    /// # Errors
    /// [`Misuse`] if an argument would change the structure of the request, or a subprotocol is no
    /// token; `out` is left as it was.
    pub fn request(
        out: &mut Vec<u8>,
        host: &str,
        target: &str,
        nonce: [u8; 16],
        protocols: &[&str],
        headers: &[(&str, &str)],
    ) -> Result<Self, Misuse> {
        Self::request_offering(out, host, target, nonce, protocols, headers, None)
    }

    /// The same, with an offer of permessage-deflate.
    ///
    /// # Errors
    /// As [`Opening::request`].
    pub fn request_offering(
        out: &mut Vec<u8>,
        host: &str,
        target: &str,
        nonce: [u8; 16],
        protocols: &[&str],
        headers: &[(&str, &str)],
        offer: Option<Offer>,
    ) -> Result<Self, Misuse> {
        if !protocols
            .iter()
            .all(|protocol| is_token(protocol.as_bytes()))
        {
            return Err(Misuse::HeaderValue);
        }
        let key = STANDARD.encode(nonce);
        let list = protocols.join(", ");
        let offered = offer.map(|offer| offer.to_string());
        let mut all = vec![
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", &key),
            ("Sec-WebSocket-Version", "13"),
        ];
        if !protocols.is_empty() {
            all.push(("Sec-WebSocket-Protocol", &list));
        }
        if let Some(offered) = &offered {
            all.push(("Sec-WebSocket-Extensions", offered));
        }
        all.extend_from_slice(headers);
        write_request(out, "GET", target, host, &all, None)?;
        Ok(Self {
            accept: accept_of(&key),
            protocols: protocols.iter().map(ToString::to_string).collect(),
            offer,
        })
    }

    /// Checks the answer. Returns the subprotocol that the server chose; that there is one is
    /// certain if any was offered.
    ///
    /// # Errors
    /// A [`Rejection`] if the connection must not be used as a WebSocket.
    pub fn check<'b>(&self, head: &ResponseHead<'b>) -> Result<Option<&'b str>, Rejection> {
        if head.status() != 101 {
            return Err(Rejection::Status);
        }
        if !head.has_token("Upgrade", "websocket") {
            return Err(Rejection::Upgrade);
        }
        if !head.has_token("Connection", "Upgrade") {
            return Err(Rejection::Connection);
        }
        if head.header("Sec-WebSocket-Accept") != Some(&self.accept) {
            return Err(Rejection::Accept);
        }
        self.deflate(head)?;
        let chosen = head.header("Sec-WebSocket-Protocol");
        let is_one_of_ours = match chosen {
            Some(chosen) => self.protocols.iter().any(|protocol| protocol == chosen),
            None => self.protocols.is_empty(),
        };
        if is_one_of_ours {
            Ok(chosen)
        } else {
            Err(Rejection::Protocol)
        }
    }

    /// What an answer that passes [`Opening::check`] agrees to of permessage-deflate: nothing, if
    /// the server does not want to use it.
    ///
    /// # Errors
    /// [`Rejection::Extension`], which [`Opening::check`] reports as well.
    pub fn deflate(&self, head: &ResponseHead<'_>) -> Result<Option<Agreement>, Rejection> {
        let mut used = Vec::new();
        for (_, value) in head
            .headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case("Sec-WebSocket-Extensions"))
        {
            let value = std::str::from_utf8(value).ok();
            let list = value.and_then(extensions::parse);
            used.extend(list.ok_or(Rejection::Extension)?);
        }
        match (&used[..], self.offer) {
            ([], _) => Ok(None),
            ([one], Some(offer)) if one.name == params::NAME => {
                let agreed = offer.agree(one).ok_or(Rejection::Extension)?;
                Ok(Some(agreed))
            }
            _ => Err(Rejection::Extension),
        }
    }
}

/// Why an answer does not open a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// The server does not switch protocols; its status says why.
    #[error("the server does not switch to WebSocket")]
    Status,
    /// The header `Upgrade` does not name `websocket`.
    #[error("the server switches to something else than WebSocket")]
    Upgrade,
    /// The header `Connection` does not name `Upgrade`.
    #[error("the server does not confirm the upgrade of the connection")]
    Connection,
    /// The server does not prove that it has read our request.
    #[error("the server does not confirm the key of the request")]
    Accept,
    /// The server uses an extension that was not offered, or on terms that were not.
    #[error("the server uses an extension that was not offered, or on other terms")]
    Extension,
    /// The server chose a subprotocol that was not offered, or none of those that were.
    #[error("the server chose none of the subprotocols that were offered")]
    Protocol,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{RequestHead, ResponsePart, ResponseReader};
    use crate::input::Input;
    use crate::websocket::handshake::Upgrade;

    const NONCE: [u8; 16] = *b"the sample nonce";

    /// What the client makes of our server's answer after one change to it.
    fn verdict(protocols: &[&str], from: &str, to: &str) -> Result<Option<String>, Rejection> {
        let mut request = Vec::new();
        let headers = [("Origin", "http://a")];
        let opening = Opening::request(&mut request, "a:80", "/", NONCE, protocols, &headers);
        let opening = opening.unwrap();
        let head = RequestHead::parse(&request).unwrap();
        assert_eq!(head.header("Origin"), Some("http://a"));
        let mut response = Vec::new();
        Upgrade::check(&head)
            .unwrap()
            .response()
            .encode(&mut response, true, false);
        let text = String::from_utf8(response).unwrap();
        assert!(text.contains(from), "{from}");
        let mut response = text.replacen(from, to, 1).into_bytes();
        let mut reader = ResponseReader::default();
        match reader.next(&mut Input::new(&mut response), false) {
            Ok(Some(ResponsePart::Head(head))) => opening
                .check(&head)
                .map(|protocol| protocol.map(str::to_owned)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn our_client_and_our_server_understand_each_other() {
        assert_eq!(verdict(&[], "", ""), Ok(None));
        assert_eq!(verdict(&["v2", "v1"], "", ""), Ok(Some("v2".to_owned())));
        assert_eq!(
            verdict(&["v2", "v1"], "v2", "v1"),
            Ok(Some("v1".to_owned()))
        );
    }

    #[test]
    fn every_answer_against_the_rules_is_named() {
        let cases = [
            ("101", "202", Rejection::Status),
            ("websocket", "h2c", Rejection::Upgrade),
            (
                "Connection: Upgrade",
                "Connection: close",
                Rejection::Connection,
            ),
            ("s3pP", "S3PP", Rejection::Accept),
            (
                "Sec-WebSocket-Accept",
                "Sec-WebSocket-Accepd",
                Rejection::Accept,
            ),
            ("v2", "v3", Rejection::Protocol),
            ("Protocol: v2", "Protocoll: v2", Rejection::Protocol),
            (
                "Upgrade:",
                "Sec-WebSocket-Extensions: x\r\nUpgrade:",
                Rejection::Extension,
            ),
        ];
        for (from, to, rejection) in cases {
            assert_eq!(verdict(&["v2"], from, to), Err(rejection), "{from} -> {to}");
        }
        let unasked = "Sec-WebSocket-Protocol: v2\r\nUpgrade:";
        assert_eq!(verdict(&[], "Upgrade:", unasked), Err(Rejection::Protocol));
    }

    #[test]
    fn what_would_change_the_request_is_not_written() {
        let mut out = Vec::new();
        for protocol in ["", "a b", "a,b", "a\r\nX: y"] {
            let refused = Opening::request(&mut out, "a", "/", NONCE, &[protocol], &[]);
            assert!(refused.is_err(), "{protocol:?}");
        }
        let refused = Opening::request(&mut out, "a", "/", NONCE, &[], &[("X", "y\r\nZ: 0")]);
        assert!(refused.is_err());
        assert!(out.is_empty());
    }
}
