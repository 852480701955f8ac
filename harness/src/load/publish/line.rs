//! One keep-alive connection over which messages are published: requests out, answers in.

use allspark_engine::io::Socket;
use allspark_protocol::http::{ResponsePart, ResponseReader};
use allspark_protocol::{Input, Instant};

use crate::load::outbox::Seat;

/// Bytes of an answer of which it is told when it is an error.
const TOLD_BYTES_MAX: usize = 200;

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    /// It may ask.
    Ready,
    /// It waits for the answer to what it asked then.
    Waiting(Instant),
    /// The driver was asked to close it, or there was none.
    Over,
}

/// See above.
pub(super) struct Line {
    pub(super) state: State,
    /// Meaningless before it is ready.
    pub(super) socket: Socket,
    pub(super) seat: Seat,
    /// The number of its next message.
    pub(super) sequence: u32,
    reader: ResponseReader,
    status: u16,
    body: Vec<u8>,
}

/// An answer that is complete.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// What it says, if it is an error.
    pub(super) told: String,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            state: State::Connecting,
            socket: Socket(0),
            seat: Seat::NONE,
            sequence: 0,
            reader: ResponseReader::default(),
            status: 0,
            body: Vec::new(),
        }
    }

    /// Bytes came in. Returns the answer if it is complete by now.
    ///
    /// # Errors
    /// They are no answer, in a sentence.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> Result<Option<Answer>, String> {
        let mut input = Input::new(bytes);
        let mut answer = None;
        while let Some(part) = self
            .reader
            .next(&mut input, false)
            .map_err(|error| error.to_string())?
        {
            match part {
                ResponsePart::Head(head) => {
                    self.status = head.status();
                    self.body.clear();
                }
                ResponsePart::Data(data) if self.status != 200 => {
                    let room = TOLD_BYTES_MAX.saturating_sub(self.body.len());
                    self.body.extend_from_slice(&data[..data.len().min(room)]);
                }
                ResponsePart::Data(_) => {}
                ResponsePart::End => {
                    let told = String::from_utf8_lossy(&self.body).into_owned();
                    let status = self.status;
                    answer = Some(Answer { status, told });
                }
            }
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_however_they_come() {
        let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
        let busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
        let mut line = Line::new();
        let mut heard = Vec::new();
        for byte in ok.iter().chain(busy).chain(ok) {
            heard.extend(line.read(&mut [*byte]).unwrap());
        }
        let answer = |status, told: &str| Answer {
            status,
            told: told.to_owned(),
        };
        assert_eq!(
            heard,
            [answer(200, ""), answer(503, "busy"), answer(200, "")]
        );
        assert!(line.read(&mut b"SMTP\r\n\r\n".to_owned()).is_err());
    }
}
