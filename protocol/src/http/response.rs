//! Responses that the server sends (RFC 9112, 4).

use std::borrow::Cow;
use std::io::Write;

use super::date::HttpDate;
use super::error::Misuse;
use super::fields::{Fields, Headers, is_token, is_value_byte};
use super::streamed::BodyFraming;

/// A response. Where it ends and what becomes of the connection is said when it is encoded.
///
/// Nothing an application puts in here can add a header or end the head: what would do so is left
/// out and reported by [`Response::misuse`].
///
/// ```
/// use allspark_protocol::http::Response;
///
/// let response = Response::text(404, "No such page\n").header("Cache-Control", "no-store");
/// assert_eq!(response.status(), 404);
/// assert_eq!(response.misuse(), None);
/// let forged = Response::new(200).header("X-Name", "ann\r\nSet-Cookie: a=b");
/// assert!(forged.misuse().is_some());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    reason: Option<&'static str>,
    misuse: Option<Misuse>,
    /// Complete header lines, each ended by CR LF.
    lines: Vec<u8>,
    body: Cow<'static, [u8]>,
    /// Bytes of a body that follows in parts, if that is known.
    length: Option<u64>,
}

impl Response {
    /// A response without headers and body.
    ///
    /// # Panics
    /// If `status` is not between 100 and 999: a mistake in the application's source.
    pub fn new(status: u16) -> Self {
        assert!((100..1000).contains(&status), "a status has three digits");
        Self {
            status,
            reason: None,
            misuse: None,
            lines: Vec::new(),
            body: Cow::Borrowed(&[]),
            length: None,
        }
    }

    /// A response of plain text.
    pub fn text(status: u16, text: &str) -> Self {
        Self::new(status).body("text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    /// A response of JSON that is already encoded.
    pub fn json(status: u16, json: String) -> Self {
        Self::new(status).body("application/json", json.into_bytes())
    }

    /// Adds a header. A name or value that would change the structure of the message is left out.
    /// `Connection` can be set on a `101` only.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// As [`Response::header`], for a value that need not be UTF-8.
    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        match check_header(name, value, self.status == 101) {
            Ok(()) => push_header(&mut self.lines, name, value),
            Err(misuse) => self.misuse = Some(misuse),
        }
        self
    }

    /// Sets a header in the place of all that have this name, like `setHeader` of Node.js. What
    /// [`Response::header`] would leave out is left out, and then nothing is replaced.
    #[must_use]
    pub fn set_header(mut self, name: &str, value: &str) -> Self {
        match check_header(name, value.as_bytes(), self.status == 101) {
            Ok(()) => {
                remove_header(&mut self.lines, name);
                push_header(&mut self.lines, name, value.as_bytes());
            }
            Err(misuse) => self.misuse = Some(misuse),
        }
        self
    }

    /// Sets another reason phrase than the status usually has, for clients that compare it.
    #[must_use]
    pub fn reason(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Sets the body. Call it once.
    #[must_use]
    pub fn body(self, content_type: &str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        let mut response = self.header("Content-Type", content_type);
        response.body = body.into();
        response
    }

    /// Says how long the body is that follows in parts, its first part included. Without it a
    /// client learns where such a body ends by chunks. An answer to `HEAD` says so, too, and has no
    /// body. Whoever sends the parts has to send as many bytes.
    #[must_use]
    pub fn length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers so far, without those that encoding adds.
    pub fn headers(&self) -> Headers<'_> {
        Fields::new(&self.lines).iter()
    }

    /// The body.
    pub fn body_bytes(&self) -> &[u8] {
        &self.body
    }

    /// What was left out last, to be logged.
    pub fn misuse(&self) -> Option<Misuse> {
        self.misuse
    }

    /// This response, to be sent at that moment.
    pub fn at(&self, date: HttpDate) -> DatedResponse<'_> {
        DatedResponse {
            response: self,
            date,
        }
    }

    /// Appends the response to `out`. `keep_alive` says whether the server reads on after it;
    /// `head_only` that it answers a `HEAD` request. It has no `Date`: who has a clock sends
    /// [`Response::at`].
    pub fn encode(&self, out: &mut Vec<u8>, keep_alive: bool, head_only: bool) {
        self.encode_at(None, out, keep_alive, head_only);
    }

    fn encode_at(
        &self,
        date: Option<&HttpDate>,
        out: &mut Vec<u8>,
        keep_alive: bool,
        head_only: bool,
    ) {
        self.push_head(out);
        if !self.is_bodiless() {
            push_length(out, self.body.len() as u64);
        }
        self.end_head(date, out, keep_alive);
        if !self.is_bodiless() && !head_only {
            out.extend_from_slice(&self.body);
        }
    }

    /// How the client learns where the body ends if that follows in parts. The request was one of
    /// HTTP/1.`minor_version`; `head_only` says that it was a `HEAD`.
    pub fn framing(&self, minor_version: u8, head_only: bool) -> BodyFraming {
        match (self.length, minor_version) {
            _ if head_only || self.is_bodiless() => BodyFraming::Bodiless,
            (Some(length), _) => BodyFraming::Length(length),
            (None, 0) => BodyFraming::UntilClose,
            (None, _) => BodyFraming::Chunked,
        }
    }

    /// Appends the response to `out` as far as it is known: its head, and its body as the first
    /// part of a longer one. The other parts and the end are written by `framing`, which
    /// [`Response::framing`] chose. `keep_alive` says whether the server would read on after the
    /// body.
    ///
    /// # Panics
    /// If `framing` is for a body and the status forbids one: then it was chosen by somebody else.
    pub fn encode_begin(&self, out: &mut Vec<u8>, framing: BodyFraming, keep_alive: bool) {
        self.encode_begin_at(None, out, framing, keep_alive);
    }

    fn encode_begin_at(
        &self,
        date: Option<&HttpDate>,
        out: &mut Vec<u8>,
        framing: BodyFraming,
        keep_alive: bool,
    ) {
        let is_possible = framing == BodyFraming::Bodiless || !self.is_bodiless();
        assert!(is_possible, "the status forbids a body");
        self.push_head(out);
        match (framing, self.length) {
            (BodyFraming::Chunked, _) => push_header(out, "Transfer-Encoding", b"chunked"),
            (BodyFraming::Length(length), _) => push_length(out, length),
            // What has no body by its status may say how long it would be (RFC 9110, 8.6), but for
            // those statuses for which that is forbidden.
            (BodyFraming::Bodiless, Some(length)) if !self.is_interim() && self.status != 204 => {
                push_length(out, length);
            }
            _ => {}
        }
        self.end_head(date, out, keep_alive && !framing.ends_with_connection());
        framing.push(out, &self.body);
    }

    /// Whether the application has set a `Date`.
    fn has_date(&self) -> bool {
        self.headers()
            .any(|(name, _)| name.eq_ignore_ascii_case("date"))
    }

    fn is_interim(&self) -> bool {
        self.status < 200
    }

    /// Whether the status forbids a body (RFC 9110, 6.4.1).
    fn is_bodiless(&self) -> bool {
        self.is_interim() || matches!(self.status, 204 | 304)
    }

    fn push_head(&self, out: &mut Vec<u8>) {
        push_status_line(out, self.status, self.reason.unwrap_or(reason(self.status)));
        out.extend_from_slice(&self.lines);
    }

    fn end_head(&self, date: Option<&HttpDate>, out: &mut Vec<u8>, keep_alive: bool) {
        if !self.is_interim() {
            if let Some(date) = date
                && !self.has_date()
            {
                out.extend_from_slice(b"Date: ");
                out.extend_from_slice(date.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            // HTTP/1.0 peers need to be told what HTTP/1.1 peers assume; Node.js says it to both.
            let connection = if keep_alive { "keep-alive" } else { "close" };
            push_header(out, "Connection", connection.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// A response with the moment at which it is sent: it has a `Date`, unless the application has set
/// one. A `1xx` needs none (RFC 9110, 6.6.1), and like `ws` a `101` has none.
#[derive(Clone, Copy, Debug)]
pub struct DatedResponse<'r> {
    response: &'r Response,
    date: HttpDate,
}

impl DatedResponse<'_> {
    /// See [`Response::encode`].
    pub fn encode(&self, out: &mut Vec<u8>, keep_alive: bool, head_only: bool) {
        self.response
            .encode_at(Some(&self.date), out, keep_alive, head_only);
    }

    /// See [`Response::encode_begin`].
    ///
    /// # Panics
    /// If `framing` is for a body and the status forbids one.
    pub fn encode_begin(&self, out: &mut Vec<u8>, framing: BodyFraming, keep_alive: bool) {
        self.response
            .encode_begin_at(Some(&self.date), out, framing, keep_alive);
    }
}

/// Whether a header can be sent as it is.
pub(super) fn check_header(name: &str, value: &[u8], is_upgrade: bool) -> Result<(), Misuse> {
    const RESERVED: [&str; 3] = ["content-length", "transfer-encoding", "host"];
    if !is_token(name.as_bytes()) {
        return Err(Misuse::HeaderName);
    }
    if !value.iter().copied().all(is_value_byte) {
        return Err(Misuse::HeaderValue);
    }
    let is_reserved = RESERVED.iter().any(|r| name.eq_ignore_ascii_case(r))
        || (!is_upgrade && name.eq_ignore_ascii_case("connection"));
    if is_reserved {
        return Err(Misuse::HeaderReserved);
    }
    Ok(())
}

/// Appends a header that has been checked.
pub(super) fn push_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Removes all headers of that name.
fn remove_header(lines: &mut Vec<u8>, name: &str) {
    let is_named = |line: &&[u8]| {
        let (start, rest) = line.split_at(name.len().min(line.len()));
        start.eq_ignore_ascii_case(name.as_bytes()) && rest.starts_with(b":")
    };
    let all = || lines.split_inclusive(|byte| *byte == b'\n');
    if all().any(|line| is_named(&line)) {
        *lines = all()
            .filter(|line| !is_named(line))
            .flatten()
            .copied()
            .collect();
    }
}

/// Appends the length of the body.
pub(super) fn push_length(out: &mut Vec<u8>, body_bytes: u64) {
    write!(out, "Content-Length: {body_bytes}\r\n").expect("a Vec takes every byte");
}

fn push_status_line(out: &mut Vec<u8>, status: u16, reason: &str) {
    write!(out, "HTTP/1.1 {status} {reason}\r\n").expect("a Vec takes every byte");
}

/// The reason phrase of a status (RFC 9110, 15); empty if the status has none.
fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(response: &Response, keep_alive: bool, head_only: bool) -> String {
        let mut out = Vec::new();
        response.encode(&mut out, keep_alive, head_only);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn says_where_the_body_ends_and_what_becomes_of_the_connection() {
        let response = Response::text(404, "no");
        let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Length: 2\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(encode(&response, true, false), format!("{head}no"));
        assert_eq!(encode(&response, true, true), head);
        assert_eq!(
            encode(&Response::new(200), false, false),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        assert_eq!(
            encode(&Response::json(299, "{}".into()), false, false),
            "HTTP/1.1 299 \r\nContent-Type: application/json\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\n{}"
        );
    }

    #[test]
    fn says_when_it_is_sent() {
        let date = HttpDate::at(784_111_777_000);
        let head = |response: &Response| {
            let (mut whole, mut begun) = (Vec::new(), Vec::new());
            response.at(date).encode(&mut whole, true, false);
            let framing = response.framing(1, true);
            response.at(date).encode_begin(&mut begun, framing, true);
            let count = |bytes: Vec<u8>| {
                let text = String::from_utf8(bytes).unwrap().to_lowercase();
                let has = |line: &&str| line.starts_with("date: ");
                text.lines().filter(has).map(str::to_owned).collect()
            };
            let (whole, begun): (Vec<String>, Vec<String>) = (count(whole), count(begun));
            assert_eq!(whole, begun);
            whole
        };
        let line = "date: sun, 06 nov 1994 08:49:37 gmt";
        for status in [200, 204, 304, 404, 503] {
            assert_eq!(head(&Response::new(status)), [line]);
        }
        for status in [100, 101] {
            assert!(head(&Response::new(status)).is_empty());
        }
        let own = Response::new(200).header("DATE", "today");
        assert_eq!(head(&own), ["date: today"]);
        let near = Response::new(200).header("Date-X", "today");
        assert_eq!(head(&near), [line]);
    }

    #[test]
    fn has_no_body_where_the_status_forbids_it() {
        for status in [100, 101, 204, 304] {
            let response = Response::new(status).body("text/plain", &b"body"[..]);
            let encoded = encode(&response, true, false);
            assert!(encoded.ends_with("\r\n\r\n"), "{encoded}");
            assert!(!encoded.contains("Content-Length"), "{encoded}");
            let has_connection = encoded.contains("Connection: keep-alive");
            assert_eq!(has_connection, status >= 200, "{encoded}");
        }
    }

    #[test]
    fn a_header_that_is_set_takes_the_place_of_others() {
        let response = Response::new(204)
            .header("Vary", "a")
            .header("Var", "b")
            .header("VARY", "c")
            .header("Vary-x", "d");
        let replaced = response.clone().set_header("vary", "e");
        let all: Vec<_> = replaced.headers().collect();
        let expected: [(&str, &[u8]); 3] = [("Var", b"b"), ("Vary-x", b"d"), ("vary", b"e")];
        assert_eq!(all, expected);
        let refused = response.clone().set_header("Vary", "a\r\nb");
        assert_eq!(refused.misuse(), Some(Misuse::HeaderValue));
        assert!(refused.headers().eq(response.headers()));
    }

    #[test]
    fn upgrades_as_the_caller_says() {
        let response = Response::new(101)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade");
        assert_eq!(
            encode(&response, true, false),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        );
    }

    #[test]
    fn leaves_out_what_would_change_the_structure() {
        let cases = [
            ("X", "a\r\nInjected: b", Misuse::HeaderValue),
            ("X", "a\nb", Misuse::HeaderValue),
            ("X", "a\rb", Misuse::HeaderValue),
            ("X", "a\0b", Misuse::HeaderValue),
            ("", "a", Misuse::HeaderName),
            ("X Y", "a", Misuse::HeaderName),
            ("X:", "a", Misuse::HeaderName),
            ("X\r\nY", "a", Misuse::HeaderName),
            ("content-length", "7", Misuse::HeaderReserved),
            ("Transfer-Encoding", "chunked", Misuse::HeaderReserved),
            ("Connection", "close", Misuse::HeaderReserved),
        ];
        let plain = encode(&Response::new(200), true, false);
        for (name, value, misuse) in cases {
            let response = Response::new(200).header(name, value);
            assert_eq!(response.misuse(), Some(misuse), "{name:?}: {value:?}");
            assert_eq!(encode(&response, true, false), plain);
        }
        let response = Response::new(200).body("a\r\nb", &b"x"[..]);
        assert_eq!(response.misuse(), Some(Misuse::HeaderValue));
        let fine = Response::new(200).header("X", "caf\u{e9}\t");
        assert_eq!(fine.misuse(), None);
        assert_eq!(fine.headers().next(), Some(("X", "caf\u{e9}".as_bytes())));
    }
}
