//! The head of a request: request line and headers (RFC 9112, 3 and 5).

use std::mem::MaybeUninit;

use super::error::Error;
use super::fields::{Fields, Headers, is_host, is_target_byte};
use super::framing::{Framing, framing};
use super::query::Query;
use crate::limits::{HTTP_HEAD_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_TARGET_BYTES_MAX};

/// A request head that has been checked as a whole. It borrows the bytes it was read from and
/// looks headers up in them, so that making one costs no memory.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'b> {
    method: &'b str,
    target: Target<'b>,
    fields: Fields<'b>,
    host: Option<&'b str>,
    framing: Option<Framing>,
    minor_version: u8,
    expects_continue: bool,
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
        let mut headers = [const { MaybeUninit::uninit() }; HTTP_HEADERS_MAX];
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(httparse::Status::Complete(end)) if end == bytes.len() => {}
            Ok(_) => return Err(Error::RequestLine),
            Err(error) => return Err(explain(error, bytes, Error::RequestLine)),
        }
        let (Some(method), Some(target), Some(minor_version)) =
            (request.method, request.path, request.version)
        else {
            return Err(Error::RequestLine);
        };
        let target = Target::parse(method, target)?;
        let fields = Fields::new(field_lines(bytes));
        let host = target.authority.map_or_else(
            || host(fields, minor_version),
            |authority| {
                // The target outranks the header, which must be right all the same (RFC 9112, 3.2.2).
                host(fields, minor_version).map(|_| Some(authority))
            },
        )?;
        Ok(Self {
            method,
            target,
            fields,
            host,
            framing: framing(fields, minor_version)?,
            minor_version,
            expects_continue: expects_continue(fields, minor_version)?,
        })
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
        match &self.target.path_and_query[..self.target.path_len] {
            "" => "/",
            path => path,
        }
    }

    /// What follows the `?`; empty if there is none.
    pub fn query(&self) -> Query<'b> {
        let raw = &self.target.path_and_query[self.target.path_len..];
        Query::new(raw.strip_prefix('?').unwrap_or(raw))
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
        self.fields.keep_alive(self.minor_version)
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

/// A request target, reduced to what the server needs of it.
#[derive(Clone, Copy, Debug)]
struct Target<'b> {
    authority: Option<&'b str>,
    path_and_query: &'b str,
    path_len: usize,
}

impl<'b> Target<'b> {
    /// Accepts the origin form, the absolute form and `OPTIONS *` (RFC 9112, 3.2).
    fn parse(method: &str, target: &'b str) -> Result<Self, Error> {
        if target.len() > HTTP_TARGET_BYTES_MAX {
            return Err(Error::TargetTooLong);
        }
        // The authority form belongs to CONNECT, and no other form does.
        if method == "CONNECT" || !target.bytes().all(is_target_byte) {
            return Err(Error::Target);
        }
        let (authority, path_and_query) = match target.as_bytes() {
            [b'/', ..] => (None, target),
            b"*" if method == "OPTIONS" => (None, target),
            _ => split_absolute(target).ok_or(Error::Target)?,
        };
        let path_len = path_and_query.find('?').unwrap_or(path_and_query.len());
        Ok(Self {
            authority,
            path_and_query,
            path_len,
        })
    }
}

/// Splits `http://host/path` into authority and the rest.
fn split_absolute(target: &str) -> Option<(Option<&str>, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at(end);
    let is_valid = !authority.is_empty() && is_host(authority.as_bytes());
    is_valid.then_some((Some(authority), path_and_query))
}

/// The Host header, of which HTTP/1.1 demands exactly one (RFC 9112, 3.2).
fn host(fields: Fields<'_>, minor_version: u8) -> Result<Option<&str>, Error> {
    let mut hosts = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let Some((_, host)) = hosts.next() else {
        return match minor_version {
            0 => Ok(None),
            _ => Err(Error::HostMissing),
        };
    };
    if hosts.next().is_some() {
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

/// Names the fault that made the parser refuse a delimited head.
pub(super) fn explain(error: httparse::Error, head: &[u8], first_line: Error) -> Error {
    if has_bare_return(head) {
        return Error::LineEnding;
    }
    match error {
        httparse::Error::HeaderName if has_fold(head) => Error::LineFolding,
        httparse::Error::HeaderName => Error::HeaderName,
        httparse::Error::HeaderValue => Error::HeaderValue,
        httparse::Error::NewLine => Error::LineEnding,
        httparse::Error::TooManyHeaders => Error::TooManyHeaders,
        httparse::Error::Version if names_version(head) => Error::Version,
        httparse::Error::Version | httparse::Error::Status | httparse::Error::Token => first_line,
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

/// Whether some word of the first line is `HTTP/x.y` with two digits.
fn names_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or(head);
    line.split(|byte| *byte == b' ').any(|word| {
        matches!(word.strip_prefix(b"HTTP/"), Some([major, b'.', minor])
            if major.is_ascii_digit() && minor.is_ascii_digit())
    })
}
