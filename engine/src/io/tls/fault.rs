//! What can go wrong with TLS, and what the peer is told.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// The numbers of alerts (RFC 8446, 6).
pub(super) mod alert {
    pub(crate) const CLOSE_NOTIFY: u8 = 0;
    pub(crate) const UNEXPECTED_MESSAGE: u8 = 10;
    pub(crate) const BAD_RECORD_MAC: u8 = 20;
    pub(crate) const RECORD_OVERFLOW: u8 = 22;
    pub(crate) const DECODE_ERROR: u8 = 50;
    pub(crate) const PROTOCOL_VERSION: u8 = 70;
    pub(crate) const INTERNAL_ERROR: u8 = 80;
    pub(crate) const USER_CANCELED: u8 = 90;
    pub(crate) const NO_RENEGOTIATION: u8 = 100;
    pub(crate) const MISSING_EXTENSION: u8 = 109;

    /// The level of an alert behind which nothing more comes: fatal, but for the one that is always
    /// a warning (RFC 5246, 7.2.2).
    pub(crate) const fn level(number: u8) -> u8 {
        match number {
            NO_RENEGOTIATION => 1,
            _ => 2,
        }
    }
}

/// Why a connection with TLS is of no further use. It is what the error of
/// [`Completion::ReceiveEnded`](crate::io::Completion::ReceiveEnded) was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFault {
    what: Cow<'static, str>,
    /// What the peer is told, unless it was told already or could not understand it.
    pub(super) alert: Option<u8>,
}

impl TlsFault {
    pub(super) fn new(alert: u8, what: &'static str) -> Self {
        Self {
            what: Cow::Borrowed(what),
            alert: Some(alert),
        }
    }

    /// The peer knows already, or would not understand.
    pub(super) fn silent(what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            what: what.into(),
            alert: None,
        }
    }

    /// The fault that an error was made of, if it was.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    pub(super) fn into_io(self) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, self)
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for TlsFault {}

/// The answer to a request that comes without TLS, as nginx gives it.
pub(super) const PLAIN_HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 62\r\nConnection: close\r\n\r\n\
    A plain HTTP request was sent to a port that speaks HTTPS only";

/// Whether a connection begins as a request without TLS does: with the name of a method. No record
/// has a type that is a letter.
pub(super) fn is_plain_http(first: u8) -> bool {
    first.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(PLAIN_HTTP_ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{}",
            body.len()
        );
    }

    #[test]
    fn a_fault_is_found_in_the_error_that_it_was_made_into() {
        let fault = TlsFault::new(alert::BAD_RECORD_MAC, "what it was");
        let error = fault.clone().into_io();
        assert_eq!(TlsFault::of(&error), Some(&fault));
        assert_eq!(error.to_string(), "what it was");
        assert_eq!(TlsFault::of(&io::ErrorKind::BrokenPipe.into()), None);
    }
}
