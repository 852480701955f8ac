//! The head of a request: request line and headers (RFC 9112, 3 and 5).

use std::mem::MaybeUninit;

use super::error::Error;
use super::fields::{Fields, Headers, Present, Survey, is_host};
use super::framing::{Framing, framing};
use super::query::Query;
use super::target::Target;
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_IN_PLACE};

/// A request head that has been checked as a whole. It borrows the bytes it was read from and
/// looks headers up in them, so that making one costs no memory.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'b> {
    pub(super) bytes: &'b [u8],
    pub(super) method: &'b str,
    pub(super) target: Target<'b>,
    pub(super) fields: Fields<'b>,
    pub(super) present: Present,
    pub(super) host: Option<&'b str>,
    pub(super) framing: Option<Framing>,
    pub(super) minor_version: u8,
    pub(super) expects_continue: bool,
}

impl<'b> RequestHead<'b> {
    /// Parses a whole head, up to and including the empty line.
    ///
    /// # Errors
    /// Any [`Error`] that a head can have; bytes that are missing or too many count as
    /// [`Error::RequestLine`].
    pub fn parse(bytes: &'b [u8]) -> Result<Self, Error> {
        if head_end(bytes, 0)? != Some(bytes.len()) {
            return Err(Error::RequestLine);
        }
        Self::parse_delimited(bytes)
    }

    /// Parses a head that ends where [`head_end`] found its end.
    pub(super) fn parse_delimited(bytes: &'b [u8]) -> Result<Self, Error> {
        let (method, target, minor_version) = with_room(bytes, Error::RequestLine, |headers| {
            let mut request = httparse::Request::new(&mut []);
            match request.parse_with_uninit_headers(bytes, headers)? {
                httparse::Status::Complete(end) if end == bytes.len() => {}
                _ => return Ok(None),
            }
            let line = (request.method, request.path, request.version);
            Ok(match line {
                (Some(method), Some(target), Some(version)) => Some((method, target, version)),
                _ => None,
            })
        })?;
        let target = Target::parse(method, target)?;
        let fields = Fields::new(field_lines(bytes));
        let survey = fields.survey();
        let header_host = host(&survey, minor_version)?;
        Ok(Self {
            bytes,
            method,
            target,
            fields,
            present: survey.present,
            // The target outranks the header (RFC 9112, 3.2.2).
            host: target.authority.or(header_host),
            framing: match survey.is_framed {
                true => framing(fields, minor_version)?,
                false => None,
            },
            minor_version,
            expects_continue: survey.has_expect && expects_continue(fields, minor_version)?,
        })
    }

    /// The head as it was sent, which [`RequestHead::parse`] takes again.
    pub fn as_bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// The method as sent; methods are case-sensitive.
    pub fn method(&self) -> &'b str {
        self.method
    }

    /// Path and query. Scheme and authority of an absolute target are left out.
    pub fn target(&self) -> &'b str {
        self.target.path_and_query
    }

    /// What precedes the `?`, undecoded. It starts with `/`, or is the `*` of `OPTIONS *`.
    pub fn path(&self) -> &'b str {
        self.target.path()
    }

    /// What follows the `?`; empty if there is none.
    pub fn query(&self) -> Query<'b> {
        self.target.query()
    }

    /// The `x` of `HTTP/1.x`: 0 or 1.
    pub fn minor_version(&self) -> u8 {
        self.minor_version
    }

    /// The host that the request is meant for: that of an absolute target, else the header.
    pub fn host(&self) -> Option<&'b str> {
        self.host
    }

    /// All headers in order.
    pub fn headers(&self) -> Headers<'b> {
        self.fields.iter()
    }

    /// The first header of that name, in any case; `None` also if it is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&'b str> {
        self.fields.first(name)
    }

    /// Whether the comma-separated list that all headers of that name make up has the token, in
    /// any case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.fields.has_token(name, token)
    }

    /// Whether the peer wants to use the connection again (RFC 9112, 9.3).
    pub fn keep_alive(&self) -> bool {
        match self.present.connection {
            true => self.fields.keep_alive(self.minor_version),
            false => self.minor_version >= 1,
        }
    }

    /// Whether the peer asks for another protocol, as Node.js sees it: it has the header `Upgrade`
    /// and the connection option `upgrade` (RFC 9110, 7.8).
    pub fn wants_upgrade(&self) -> bool {
        let may_want = self.present.connection && self.present.upgrade;
        may_want && self.has_token("connection", "upgrade") && self.header("upgrade").is_some()
    }

    /// Whether it has the header `Upgrade`, whatever else it has.
    pub fn names_upgrade(&self) -> bool {
        self.present.upgrade
    }

    /// Whether the peer waits for `100 Continue` before it sends the body (RFC 9110, 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// Where the body ends. A request that does not say has none.
    pub(super) fn framing(&self) -> Framing {
        self.framing.unwrap_or(Framing::Length(0))
    }
}

/// The Host header, of which HTTP/1.1 demands exactly one (RFC 9112, 3.2).
fn host<'b>(survey: &Survey<'b>, minor_version: u8) -> Result<Option<&'b str>, Error> {
    let Some(host) = survey.host else {
        return match minor_version {
            0 => Ok(None),
            _ => Err(Error::HostMissing),
        };
    };
    if survey.has_two_hosts {
        return Err(Error::HostRepeated);
    }
    match std::str::from_utf8(host) {
        Ok(text) if is_host(host) => Ok(Some(text)),
        _ => Err(Error::Host),
    }
}

/// An expectation is ignored in HTTP/1.0 (RFC 9110, 10.1.1).
fn expects_continue(fields: Fields<'_>, minor_version: u8) -> Result<bool, Error> {
    let mut expectations = fields
        .iter()
        .filter(|(name, _)| minor_version > 0 && name.eq_ignore_ascii_case("expect"));
    expectations.try_fold(false, |_, (_, value)| {
        if value.eq_ignore_ascii_case(b"100-continue") {
            Ok(true)
        } else {
            Err(Error::Expectation)
        }
    })
}

/// Where the head ends, if it is all there: behind the first empty line. Bytes before `from` have
/// been looked at in an earlier call. Nothing is looked at beyond the limit.
pub(super) fn head_end(bytes: &[u8], from: usize) -> Result<Option<usize>, Error> {
    let within = &bytes[..bytes.len().min(HTTP_HEAD_BYTES_MAX)];
    for at in memchr::memchr_iter(b'\n', &within[from..]).map(|at| from + at) {
        match &within[..at] {
            // The line feed before this one was checked, so this line is empty.
            [.., b'\n', b'\r'] => return Ok(Some(at + 1)),
            [.., b'\r'] => {}
            _ => return Err(Error::LineEnding),
        }
    }
    if bytes.len() < HTTP_HEAD_BYTES_MAX {
        Ok(None)
    } else {
        Err(Error::HeadTooLarge)
    }
}

/// The lines between the first line and the empty line of a delimited head.
pub(super) fn field_lines(head: &[u8]) -> &[u8] {
    let start = memchr::memchr(b'\n', head).map_or(head.len(), |at| at + 1);
    let end = head.len().saturating_sub(b"\r\n".len());
    head.get(start..end).unwrap_or_default()
}

/// Parses a delimited head with room for its header lines: on the stack for the usual number, on
/// the heap for more. A head is bounded by its bytes alone, so that is at most 128 KiB, for as long
/// as the call takes. `None` stands for a first line that is malformed.
pub(super) fn with_room<'b, T>(
    head: &'b [u8],
    first_line: Error,
    mut parse: impl FnMut(
        &mut [MaybeUninit<httparse::Header<'b>>],
    ) -> Result<Option<T>, httparse::Error>,
) -> Result<T, Error> {
    let mut headers = [const { MaybeUninit::uninit() }; HTTP_HEADERS_IN_PLACE];
    let result = match parse(&mut headers) {
        Err(httparse::Error::TooManyHeaders) => {
            let lines = memchr::memchr_iter(b'\n', head).count();
            parse(Vec::with_capacity(lines).spare_capacity_mut())
        }
        result => result,
    };
    match result {
        Ok(parsed) => parsed.ok_or(first_line),
        Err(error) => Err(explain(error, head, first_line)),
    }
}

/// Names the fault that made the parser refuse a delimited head.
fn explain(error: httparse::Error, head: &[u8], first_line: Error) -> Error {
    if has_bare_return(head) {
        return Error::LineEnding;
    }
    match error {
        httparse::Error::HeaderName if has_fold(head) => Error::LineFolding,
        httparse::Error::HeaderName => Error::HeaderName,
        httparse::Error::HeaderValue => Error::HeaderValue,
        // There is room for as many as there are lines.
        httparse::Error::TooManyHeaders => Error::HeadTooLarge,
        httparse::Error::Version if names_version(head, first_line) => Error::Version,
        // Bare line feeds and returns are excluded by now, so what is not the end of a line is on
        // the first one.
        httparse::Error::NewLine
        | httparse::Error::Version
        | httparse::Error::Status
        | httparse::Error::Token => first_line,
    }
}

fn has_bare_return(head: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', head).any(|at| head.get(at + 1) != Some(&b'\n'))
}

fn has_fold(head: &[u8]) -> bool {
    field_lines(head)
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b" ") || line.starts_with(b"\t"))
}

/// Whether the only fault of the first line is that it names another version, `HTTP/x.y`.
fn names_version(head: &[u8], first_line: Error) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or(head);
    let mut words = line.split(|byte| *byte == b' ');
    let version = if first_line == Error::StatusLine {
        words.next()
    } else {
        words.nth(2).filter(|_| words.next().is_none())
    };
    version
        .and_then(|word| word.strip_prefix(b"HTTP/"))
        .is_some_and(|digits| {
            matches!(digits, [major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<RequestHead<'_>, Error> {
        RequestHead::parse(text.as_bytes())
    }

    #[test]
    fn gives_out_what_was_sent() {
        let head = head(
            "GET /primus/?EIO=4&a=%20 HTTP/1.1\r\nhost: example.org:80\r\nCookie:  a=b; c \t\r\n\
             Connection: keep-alive, Upgrade\r\n\r\n",
        )
        .unwrap();
        assert_eq!(head.method(), "GET");
        assert_eq!(head.target(), "/primus/?EIO=4&a=%20");
        assert_eq!(head.path(), "/primus/");
        assert_eq!(head.query().get("a").as_deref(), Some(" "));
        assert_eq!(head.minor_version(), 1);
        assert_eq!(head.host(), Some("example.org:80"));
        assert_eq!(head.header("COOKIE"), Some("a=b; c"));
        assert!(head.has_token("connection", "upgrade"));
        assert!(head.keep_alive());
        assert!(!head.expects_continue());
        let names: Vec<_> = head.headers().map(|(name, _)| name).collect();
        assert_eq!(names, ["host", "Cookie", "Connection"]);
    }

    #[test]
    fn reduces_targets_to_path_and_query() {
        let parts = |method: &str, target: &str| {
            let text = format!("{method} {target} HTTP/1.1\r\nHost: header\r\n\r\n");
            let head = head(&text)?;
            let parts = [head.path(), head.query().as_str(), head.host().unwrap()];
            Ok(parts.map(str::to_owned))
        };
        let owned = |parts: [&str; 3]| Ok(parts.map(str::to_owned));
        assert_eq!(parts("GET", "/"), owned(["/", "", "header"]));
        assert_eq!(parts("GET", "/a?b?c"), owned(["/a", "b?c", "header"]));
        assert_eq!(parts("GET", "//a"), owned(["//a", "", "header"]));
        assert_eq!(parts("GET", "http://h/a?b"), owned(["/a", "b", "h"]));
        assert_eq!(parts("GET", "HTTPS://[::1]:8"), owned(["/", "", "[::1]:8"]));
        assert_eq!(parts("GET", "http://h?b"), owned(["/", "b", "h"]));
        assert_eq!(parts("OPTIONS", "*"), owned(["*", "", "header"]));
        for (method, target) in [
            ("GET", "*"),
            ("OPTIONS", "**"),
            ("GET", "host:80"),
            ("CONNECT", "host:80"),
            ("CONNECT", "/"),
            ("GET", "a/b"),
            ("GET", "?a"),
            ("GET", "http:///a"),
            ("GET", "http://user@h/"),
            ("GET", "ftp://h/"),
            ("GET", "/#fragment"),
            ("GET", "/caf\u{e9}"),
        ] {
            assert_eq!(
                parts(method, target),
                Err(Error::Target),
                "{method} {target}"
            );
        }
    }

    #[test]
    fn takes_the_rules_of_the_version_into_account() {
        let old = head("GET / HTTP/1.0\r\n\r\n").unwrap();
        assert_eq!((old.minor_version(), old.host()), (0, None));
        assert!(!old.keep_alive());
        let old = head("POST / HTTP/1.0\r\nExpect: anything\r\nConnection: keep-alive\r\n\r\n");
        let old = old.unwrap();
        assert!(old.keep_alive());
        assert!(!old.expects_continue());
        let new = head("POST / HTTP/1.1\r\nHost:\r\nExpect: 100-Continue\r\n\r\n").unwrap();
        assert!(new.expects_continue());
        assert_eq!(new.host(), Some(""));
    }

    #[test]
    fn parses_nothing_but_a_whole_head() {
        for text in ["", "\r\n", "GET / HTTP/1.0\r\n", "GET / HTTP/1.0\r\n\r\nx"] {
            assert_eq!(head(text).map(|_| ()), Err(Error::RequestLine), "{text:?}");
        }
    }
}
