//! What the frames of the server mean to a client.

use allspark_protocol::limits::SOCKJS_FRAME_BYTES_MAX;
use allspark_protocol::transformer::{ClientOutputs, End, Kind};

use crate::sockjs::unquote::{self, Broken, Messages};

/// Reads the frames of one session.
#[derive(Debug)]
pub(super) struct Inbox {
    message_bytes_max: usize,
    is_open: bool,
}

impl Inbox {
    /// An inbox that refuses larger messages.
    pub(super) fn new(message_bytes_max: usize) -> Self {
        Self {
            message_bytes_max,
            is_open: false,
        }
    }

    /// Whether the session has been opened.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Bytes of the largest frame: one message of which each byte is escaped, and what a server
    /// joins to one frame.
    pub(super) fn frame_bytes_max(&self) -> usize {
        let message = self.message_bytes_max.saturating_mul(r"\u0000".len());
        message.saturating_add(2 * SOCKJS_FRAME_BYTES_MAX)
    }

    /// Reads a frame and tells what it means. `Some` says that it is the end.
    #[inline]
    pub(super) fn frame(&mut self, frame: &mut [u8], out: &mut ClientOutputs) -> Option<End> {
        match (frame.split_first_mut(), self.is_open) {
            (Some((b'a' | b'm', messages)), true) => self.messages(messages, out),
            (Some((b'o', _)), false) => {
                self.is_open = true;
                out.open();
                None
            }
            (Some((b'c', reason)), _) => Some(closed(reason)),
            // The server has forgotten the session, and begun another one with the same name.
            (Some((b'o', _)), true) => Some(End::Violation("the server lost the session")),
            (Some((b'a' | b'm', _)), false) => {
                Some(End::Violation("the server sent a message before it opened"))
            }
            // Heartbeats, preludes, and what later versions may bring.
            _ => None,
        }
    }

    fn messages(&self, json: &mut [u8], out: &mut ClientOutputs) -> Option<End> {
        let mut is_too_large = false;
        let mut deliver = |message: &[u8]| {
            is_too_large |= message.len() > self.message_bytes_max;
            if !is_too_large {
                out.message(Kind::Text, message);
            }
        };
        match unquote::frame(json) {
            Ok(Messages::One(span)) => deliver(&json[span.start..span.end]),
            Ok(Messages::Several(mut walk)) => {
                while let Some(span) = walk.next(json) {
                    deliver(&json[span.start..span.end]);
                }
            }
            Err(Broken) => return Some(End::Violation("a frame of the server is not JSON")),
        }
        is_too_large.then_some(End::Violation("a message of the server is too large"))
    }
}

/// `[1000,"Normal closure"]` and the codes of applications are goodbyes.
fn closed(reason: &[u8]) -> End {
    let digits = reason.split_first().map_or(reason, |(_, digits)| digits);
    let digits = digits.split(|byte| !byte.is_ascii_digit()).next();
    let code = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match code {
        Some(1000 | 3000..=4999) => End::Goodbye,
        _ => End::Violation("the server closed the session with an error"),
    }
}
