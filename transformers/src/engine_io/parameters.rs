//! What the query of a request says.

use std::borrow::Cow;

use allspark_protocol::http::RequestHead;

use super::packet::Protocol;

/// The parameters of engine.io. Where one is repeated the last one counts, as in the package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters<'b> {
    /// `EIO`: 4 if it says so, and 3 whatever else it says.
    pub(super) protocol: Protocol,
    /// `transport`.
    pub(super) transport: Option<TransportName>,
    /// `sid`, unless it is empty.
    pub(super) sid: Option<Cow<'b, str>>,
    /// `b64`, unless it is empty: the client can't be sent bytes.
    pub(super) base64: bool,
    /// `j`: the answers are to be scripts that call the function of this number. A client that
    /// sends no number, or an absurd one, is not answered in a useful way, but in bounded space.
    pub(super) jsonp: Option<Box<str>>,
}

/// A transport in the sense of engine.io.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransportName {
    /// `polling`.
    Polling,
    /// `websocket`.
    WebSocket,
}

impl<'b> Parameters<'b> {
    pub(super) fn of(head: &RequestHead<'b>) -> Self {
        let mut parameters = Self {
            protocol: Protocol::V3,
            transport: None,
            sid: None,
            base64: false,
            jsonp: None,
        };
        for field in head.query().fields() {
            if field.is("EIO") {
                parameters.protocol = protocol(&field.value());
            } else if field.is("transport") {
                parameters.transport = transport(&field.value());
            } else if field.is("sid") {
                parameters.sid = Some(field.value()).filter(|sid| !sid.is_empty());
            } else if field.is("b64") {
                parameters.base64 = !field.value.is_empty();
            } else if field.is("j") {
                parameters.jsonp = Some(digits(&field.value()));
            }
        }
        parameters
    }
}

fn protocol(text: &str) -> Protocol {
    match text {
        "4" => Protocol::V4,
        _ => Protocol::V3,
    }
}

fn transport(name: &str) -> Option<TransportName> {
    match name {
        "polling" => Some(TransportName::Polling),
        "websocket" => Some(TransportName::WebSocket),
        _ => None,
    }
}

/// The digits of a text, as many as any number of a callback has.
fn digits(text: &str) -> Box<str> {
    const DIGITS_MAX: usize = 20;
    let digits = text.chars().filter(char::is_ascii_digit);
    digits.take(DIGITS_MAX).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_says(query: &str, check: impl FnOnce(Parameters<'_>) -> bool) {
        let head = format!("GET /primus/?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
        let head = RequestHead::parse(head.as_bytes()).unwrap();
        assert!(check(Parameters::of(&head)), "{query}");
    }

    #[test]
    fn the_last_of_a_name_counts() {
        assert_says("EIO=3&EIO=4&sid=a&sid=b%2Dc", |p| {
            p.protocol == Protocol::V4 && p.sid.as_deref() == Some("b-c")
        });
        assert_says("transport=polling&transport=x", |p| p.transport.is_none());
    }

    #[test]
    fn everything_but_4_is_protocol_3() {
        for query in ["", "EIO=3", "EIO=5", "EIO=abc", "EIO=04", "EIO"] {
            assert_says(query, |p| p.protocol == Protocol::V3);
        }
    }

    #[test]
    fn what_is_empty_is_not_said() {
        assert_says("sid=&b64=", |p| p.sid.is_none() && !p.base64);
        assert_says("b64=1", |p| p.base64);
        assert_says("b64=0", |p| p.base64);
    }

    #[test]
    fn a_callback_is_known_by_its_digits() {
        assert_says("", |p| p.jsonp.is_none());
        assert_says("j=12", |p| p.jsonp.as_deref() == Some("12"));
        assert_says("j=1);alert(2", |p| p.jsonp.as_deref() == Some("12"));
        assert_says("j=", |p| p.jsonp.as_deref() == Some(""));
        let many = format!("j={}", "7".repeat(1000));
        assert_says(&many, |p| p.jsonp.is_some_and(|j| j.len() == 20));
    }
}
