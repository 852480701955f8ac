//! A request head that outlives the input that it was read from.

use super::error::Error;
use super::fields::{Fields, Present};
use super::framing::Framing;
use super::head::RequestHead;
use super::target::Target;
use crate::limits::HTTP_HEAD_BYTES_MAX;

/// A request head with bytes of its own: for a request that waits, or that goes to another shard.
/// It knows where its parts lie, so nobody has to parse it again.
#[derive(Debug)]
pub struct OwnedHead {
    bytes: Vec<u8>,
    parts: Parts,
}

/// What a [`RequestHead`] says about its bytes.
#[derive(Clone, Copy, Debug)]
struct Parts {
    method: Span,
    authority: Option<Span>,
    path_and_query: Span,
    path_len: u16,
    lines: Span,
    present: Present,
    host: Option<Span>,
    framing: Option<Framing>,
    minor_version: u8,
    expects_continue: bool,
}

/// Where a part lies in a head.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u16,
    len: u16,
}

const _: () = assert!(HTTP_HEAD_BYTES_MAX <= u16::MAX as usize);

impl From<RequestHead<'_>> for OwnedHead {
    fn from(head: RequestHead<'_>) -> Self {
        Self {
            bytes: head.as_bytes().to_vec(),
            parts: Parts::of(&head),
        }
    }
}

impl OwnedHead {
    /// Parses a head that ends where [`head_end`](super::head::head_end) found its end.
    pub(super) fn parse_delimited(bytes: Vec<u8>) -> Result<Self, Error> {
        let parts = Parts::of(&RequestHead::parse_delimited(&bytes)?);
        Ok(Self { bytes, parts })
    }

    /// The head, as it was parsed once.
    pub fn head(&self) -> RequestHead<'_> {
        let (bytes, parts) = (&self.bytes[..], &self.parts);
        RequestHead {
            bytes,
            method: parts.method.text(bytes),
            target: Target {
                authority: parts.authority.map(|span| span.text(bytes)),
                path_and_query: parts.path_and_query.text(bytes),
                path_len: parts.path_len.into(),
            },
            fields: Fields::new(parts.lines.of(bytes)),
            present: parts.present,
            host: parts.host.map(|span| span.text(bytes)),
            framing: parts.framing,
            minor_version: parts.minor_version,
            expects_continue: parts.expects_continue,
        }
    }

    /// Bytes of heap memory that it holds.
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

impl Parts {
    fn of(head: &RequestHead<'_>) -> Self {
        let span = |part: &[u8]| Span::new(head.bytes, part);
        let text = |part: &str| span(part.as_bytes());
        Self {
            method: text(head.method),
            authority: head.target.authority.map(text),
            path_and_query: text(head.target.path_and_query),
            path_len: head.target.path_len as u16,
            lines: span(head.fields.lines()),
            present: head.present,
            host: head.host.map(text),
            framing: head.framing,
            minor_version: head.minor_version,
            expects_continue: head.expects_continue,
        }
    }
}

impl Span {
    /// Where `part` lies in `whole`. An empty part may lie anywhere.
    fn new(whole: &[u8], part: &[u8]) -> Self {
        if part.is_empty() {
            return Self { start: 0, len: 0 };
        }
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        let span = Self {
            start: start as u16,
            len: part.len() as u16,
        };
        assert_eq!(span.of(whole).as_ptr(), part.as_ptr(), "it is a part of it");
        span
    }

    fn of(self, whole: &[u8]) -> &[u8] {
        &whole[usize::from(self.start)..][..usize::from(self.len)]
    }

    /// A part that was text when the head was parsed.
    fn text(self, whole: &[u8]) -> &str {
        std::str::from_utf8(self.of(whole)).expect("it was text, and the bytes are the same")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_same(text: &str) {
        let parsed = RequestHead::parse(text.as_bytes()).unwrap();
        let delimited = OwnedHead::parse_delimited(text.as_bytes().to_vec()).unwrap();
        for owned in [OwnedHead::from(parsed), delimited] {
            // Elsewhere than the bytes that it was made of.
            let moved = Box::new(owned);
            assert_eq!(format!("{:?}", moved.head()), format!("{parsed:?}"));
        }
    }

    #[test]
    fn it_says_what_the_parsed_head_says() {
        for line in [
            "GET / HTTP/1.1",
            "GET /primus/?a=b&c HTTP/1.1",
            "GET http://other:81/a?b HTTP/1.1",
            "GET http://other HTTP/1.1",
            "OPTIONS * HTTP/1.1",
        ] {
            for lines in [
                "Host: h\r\n",
                "Host:\r\n",
                "Host: h\r\nContent-Length: 7\r\nExpect: 100-continue\r\nLatin: caf\u{e9}\r\n",
                "Transfer-Encoding: chunked\r\nHost: [::1]:8\r\nConnection: close\r\n",
            ] {
                assert_same(&format!("{line}\r\n{lines}\r\n"));
            }
        }
        assert_same("GET / HTTP/1.0\r\n\r\n");
    }
}
