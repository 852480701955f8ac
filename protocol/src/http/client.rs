//! The client's side of a connection: requests are written, responses are read as they arrive.

use super::body::{Body, Piece};
use super::error::{Error, Misuse};
use super::fields::{Fields, Headers, is_host, is_target_byte, is_token};
use super::framing::framing;
use super::gather::{FirstLine, Gathered, gather};
use super::head::{field_lines, with_room};
use super::response::{check_header, push_header, push_length};
use crate::input::Input;

/// Appends a request to `out`. A body, even an empty one, is announced by its length.
///
/// # Errors
/// What would change the structure of the request is refused, and then `out` is left as it was.
/// `headers` may hold `Connection`, but not `Host` nor what says where the body ends.
pub fn write_request(
    out: &mut Vec<u8>,
    method: &str,
    target: &str,
    host: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Result<(), Misuse> {
    if !is_token(method.as_bytes()) {
        return Err(Misuse::Method);
    }
    if target.is_empty() || !target.bytes().all(is_target_byte) {
        return Err(Misuse::Target);
    }
    if host.is_empty() || !is_host(host.as_bytes()) {
        return Err(Misuse::Host);
    }
    for (name, value) in headers {
        check_header(name, value.as_bytes(), true)?;
    }
    for part in [method, " ", target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    push_header(out, "Host", host.as_bytes());
    for (name, value) in headers {
        push_header(out, name, value.as_bytes());
    }
    if let Some(body) = body {
        push_length(out, body.len() as u64);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body.unwrap_or_default());
    Ok(())
}

/// The head of a response: status line and headers.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'b> {
    status: u16,
    minor_version: u8,
    fields: Fields<'b>,
}

impl<'b> ResponseHead<'b> {
    fn parse(bytes: &'b [u8]) -> Result<Self, Error> {
        with_room(bytes, STATUS_LINE.malformed, |headers| {
            let mut response = httparse::Response::new(&mut []);
            let config = httparse::ParserConfig::default();
            match config.parse_response_with_uninit_headers(&mut response, bytes, headers)? {
                httparse::Status::Complete(end) if end == bytes.len() => {}
                _ => return Ok(None),
            }
            Ok(match (response.code, response.version) {
                (Some(status @ 100..), Some(minor_version)) => Some(Self {
                    status,
                    minor_version,
                    fields: Fields::new(field_lines(bytes)),
                }),
                _ => None,
            })
        })
    }

    /// The status: 100 to 999.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The `x` of `HTTP/1.x`: 0 or 1.
    pub fn minor_version(&self) -> u8 {
        self.minor_version
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

    /// Whether the server says that it reads on after this response (RFC 9112, 9.3). A response
    /// that ends with the connection says no such thing.
    pub fn keep_alive(&self) -> bool {
        self.fields.keep_alive(self.minor_version)
    }

    /// Where the body ends (RFC 9112, 6.3).
    fn body(&self, head_only: bool) -> Result<Body, Error> {
        // A head that contradicts itself is refused even if no body follows.
        let framing = framing(self.fields, self.minor_version)?;
        if head_only || self.status < 200 || matches!(self.status, 204 | 304) {
            return Ok(Body::Length(0));
        }
        Ok(framing.map_or(Body::UntilClose, Body::from))
    }
}

/// A part of a response.
#[derive(Debug)]
pub enum ResponsePart<'r> {
    /// The head. Interim responses (100, 103) are skipped.
    Head(ResponseHead<'r>),
    /// A part of the body, without transfer coding, as it arrived; never empty.
    Data(&'r mut [u8]),
    /// The response is complete. A `101` has no end: the connection is no longer HTTP.
    End,
}

/// Reads responses part by part and holds nothing of their bodies. How much is collected is for
/// the caller to bound.
#[derive(Debug, Default)]
pub struct ResponseReader {
    phase: Phase,
    /// An incomplete head, or the head that was given out last if it came in parts.
    kept: Vec<u8>,
    /// Before the next response.
    empty_lines: u8,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Head,
    Body(Body),
    Upgraded,
    Failed(Error),
}

impl ResponseReader {
    /// Takes the next part from the input, or all of the input if that does not complete one.
    /// `head_only` says that the response answers a `HEAD` request. After a `101` nothing is taken
    /// any more.
    ///
    /// # Errors
    /// The connection is to be closed: every further call returns the same error.
    pub fn next<'r, 'i: 'r>(
        &'r mut self,
        input: &mut Input<'i>,
        head_only: bool,
    ) -> Result<Option<ResponsePart<'r>>, Error> {
        match self.advance(input, head_only) {
            Ok(Step::More) => Ok(None),
            Ok(Step::Head(head)) => Ok(Some(ResponsePart::Head(head))),
            Ok(Step::KeptHead) => {
                let head = ResponseHead::parse(&self.kept)?;
                Ok(Some(ResponsePart::Head(head)))
            }
            Ok(Step::Data(data)) => Ok(Some(ResponsePart::Data(data))),
            Ok(Step::End) => Ok(Some(ResponsePart::End)),
            Err(error) => {
                *self = Self {
                    phase: Phase::Failed(error),
                    ..Self::default()
                };
                Err(error)
            }
        }
    }

    /// Tells the reader that the server has closed the connection.
    ///
    /// # Errors
    /// [`Error::Truncated`] if a response had begun that was not complete. One that was to last
    /// until now is complete.
    pub fn close(self) -> Result<(), Error> {
        match self.phase {
            Phase::Head if self.kept.is_empty() => Ok(()),
            Phase::Body(Body::UntilClose) | Phase::Upgraded => Ok(()),
            Phase::Head | Phase::Body(_) => Err(Error::Truncated),
            Phase::Failed(error) => Err(error),
        }
    }

    fn advance<'i>(&mut self, input: &mut Input<'i>, head_only: bool) -> Result<Step<'i>, Error> {
        match &mut self.phase {
            Phase::Head => self.read_head(input, head_only),
            Phase::Body(body) => {
                self.kept = Vec::new();
                Ok(match body.next(input)? {
                    Piece::Data(data) => Step::Data(data),
                    Piece::More => Step::More,
                    Piece::End => {
                        self.phase = Phase::Head;
                        Step::End
                    }
                })
            }
            Phase::Upgraded => Ok(Step::More),
            Phase::Failed(error) => Err(*error),
        }
    }

    fn read_head<'i>(&mut self, input: &mut Input<'i>, head_only: bool) -> Result<Step<'i>, Error> {
        loop {
            let gathered = gather(&mut self.kept, input, STATUS_LINE, &mut self.empty_lines)?;
            if !matches!(gathered, Gathered::More) {
                self.empty_lines = 0;
            }
            let (head, in_place) = match gathered {
                Gathered::More => return Ok(Step::More),
                Gathered::InPlace(bytes) => {
                    let head = ResponseHead::parse(bytes)?;
                    (head, Some(head))
                }
                Gathered::Kept => (ResponseHead::parse(&self.kept)?, None),
            };
            let body = head.body(head_only)?;
            match head.status {
                101 => self.phase = Phase::Upgraded,
                100..200 => {
                    self.kept.clear();
                    continue;
                }
                _ => self.phase = Phase::Body(body),
            }
            return Ok(in_place.map_or(Step::KeptHead, Step::Head));
        }
    }
}

const STATUS_LINE: FirstLine = FirstLine {
    malformed: Error::StatusLine,
    too_long: Error::HeadTooLarge,
};

/// What one call led to.
enum Step<'i> {
    More,
    Head(ResponseHead<'i>),
    /// A head that had to be kept.
    KeptHead,
    Data(&'i mut [u8]),
    End,
}
