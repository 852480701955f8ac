//! The header lines of a head that has been checked, and the byte classes of RFC 9110.

/// Header lines, each ended by CR LF. Every line was checked when it was made, so that walking
/// them again needs no error and no memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields<'b> {
    lines: &'b [u8],
}

impl<'b> Fields<'b> {
    /// Wraps lines that have been checked.
    pub(super) fn new(lines: &'b [u8]) -> Self {
        Self { lines }
    }

    pub(super) fn lines(self) -> &'b [u8] {
        self.lines
    }

    pub(super) fn iter(self) -> Headers<'b> {
        Headers { rest: self.lines }
    }

    /// The first header of that name, if it is UTF-8.
    pub(super) fn first(self, name: &str) -> Option<&'b str> {
        let (_, value) = self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// Whether a comma-separated list, over all lines of that name, has the token.
    pub(super) fn has_token(self, name: &str, token: &str) -> bool {
        self.iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .flat_map(|(_, value)| list(value))
            .any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// Whether the connection is kept after this message (RFC 9112, 9.3).
    pub(super) fn keep_alive(self, minor_version: u8) -> bool {
        let default = minor_version >= 1;
        !self.has_token("connection", "close")
            && (default || self.has_token("connection", "keep-alive"))
    }
}

/// What one walk over the header lines of a request shows: most requests lack most of the headers
/// that decide what becomes of them, and nobody has to look for those again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survey<'b> {
    /// The first `Host`.
    pub(super) host: Option<&'b [u8]>,
    pub(super) has_two_hosts: bool,
    /// It has `Content-Length` or `Transfer-Encoding`.
    pub(super) is_framed: bool,
    pub(super) has_expect: bool,
    pub(super) present: Present,
}

/// The part of a [`Survey`] that is asked for later.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Present {
    pub(super) connection: bool,
    pub(super) upgrade: bool,
}

impl<'b> Fields<'b> {
    pub(super) fn survey(self) -> Survey<'b> {
        let mut survey = Survey::default();
        for (name, value) in self.iter() {
            // Most names differ in their length already.
            let is = |other: &str| name.eq_ignore_ascii_case(other);
            match name.len() {
                4 if is("host") => {
                    survey.has_two_hosts |= survey.host.is_some();
                    survey.host.get_or_insert(value);
                }
                6 if is("expect") => survey.has_expect = true,
                7 if is("upgrade") => survey.present.upgrade = true,
                10 if is("connection") => survey.present.connection = true,
                14 if is("content-length") => survey.is_framed = true,
                17 if is("transfer-encoding") => survey.is_framed = true,
                _ => {}
            }
        }
        survey
    }
}

/// Headers in the order of the message. Values have no white space around them.
#[derive(Clone, Debug)]
pub struct Headers<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for Headers<'b> {
    type Item = (&'b str, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let line_feed = memchr::memchr(b'\n', self.rest)?;
        let (line, rest) = self.rest.split_at(line_feed + 1);
        self.rest = rest;
        let colon = memchr::memchr(b':', line)?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        // ASCII white space includes the line's end.
        Some((name, line[colon + 1..].trim_ascii()))
    }
}

/// The elements of a comma-separated list. Empty ones do not count (RFC 9110, 5.6.1).
pub(super) fn list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// Whether a token can hold the byte (RFC 9110, 5.6.2).
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether it is a token, for instance a method or a header name.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().copied().all(is_token_byte)
}

/// Whether a header value can hold the byte (RFC 9110, 5.5).
pub(super) fn is_value_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

/// Whether a request target can hold the byte: visible ASCII, but no fragment. That is more than
/// RFC 3986 allows and what browsers send.
pub(super) fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

/// Whether it is a host with an optional port (RFC 9110, 7.2). An empty one is allowed in the
/// header. User information is refused, as RFC 9110, 4.2.4 demands.
pub(crate) fn is_host(text: &[u8]) -> bool {
    let is_host_byte =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=[]:".contains(byte);
    text.iter().all(is_host_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &[u8] = b"Accept: a,b\r\nX:\r\nConnection: foo , ,\tUpgrade\r\naccept:c \r\n\
        Latin: caf\xe9\r\nLast:  one: two \r\n";

    #[test]
    fn walks_the_lines_in_order_without_white_space() {
        let all: Vec<_> = Fields::new(LINES).iter().collect();
        let expected: [(&str, &[u8]); 6] = [
            ("Accept", b"a,b"),
            ("X", b""),
            ("Connection", b"foo , ,\tUpgrade"),
            ("accept", b"c"),
            ("Latin", b"caf\xe9"),
            ("Last", b"one: two"),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn finds_the_first_of_a_name_in_any_case() {
        let fields = Fields::new(LINES);
        assert_eq!(fields.first("ACCEPT"), Some("a,b"));
        assert_eq!(fields.first("x"), Some(""));
        assert_eq!(fields.first("latin"), None, "not UTF-8");
        assert_eq!(fields.first("absent"), None);
    }

    #[test]
    fn a_survey_shows_which_headers_are_there() {
        let survey = Fields::new(LINES).survey();
        assert!(survey.present.connection && !survey.present.upgrade);
        assert!(survey.host.is_none() && !survey.has_expect && !survey.is_framed);
        for (line, is_there) in [
            ("eXpect: x", |survey: Survey<'_>| survey.has_expect),
            ("UPGRADE: x", |survey: Survey<'_>| survey.present.upgrade),
            ("content-Length: x", |survey: Survey<'_>| survey.is_framed),
            ("Transfer-encoding:", |survey: Survey<'_>| survey.is_framed),
            ("HOST: x", |survey: Survey<'_>| survey.host == Some(b"x")),
            ("host: a\r\nHost: a", |survey: Survey<'_>| {
                survey.has_two_hosts
            }),
        ] as [(&str, fn(Survey<'_>) -> bool); 6]
        {
            let lines = format!("A: b\r\n{line}\r\n");
            assert!(is_there(Fields::new(lines.as_bytes()).survey()), "{line}");
        }
    }

    #[test]
    fn finds_tokens_over_all_lines_of_a_name() {
        let fields = Fields::new(LINES);
        assert!(fields.has_token("connection", "upgrade"));
        assert!(fields.has_token("Accept", "C"));
        assert!(!fields.has_token("connection", "up"));
        assert!(!fields.has_token("connection", ""));
        assert!(!fields.has_token("last", "two"));
    }

    #[test]
    fn keeps_the_connection_by_version_unless_told_otherwise() {
        let keep = |lines: &'static str, minor| Fields::new(lines.as_bytes()).keep_alive(minor);
        assert!(keep("", 1));
        assert!(!keep("", 0));
        assert!(!keep("Connection: x, Close\r\n", 1));
        assert!(keep("Connection: Keep-Alive\r\n", 0));
        assert!(!keep("Connection: keep-alive\r\nConnection: close\r\n", 0));
    }
}
