//! Answers whose body comes in parts with pauses between them. The connection is closed afterwards,
//! so what its peer sends meanwhile is not looked at.

use std::collections::VecDeque;
use std::time::Duration;

use allspark_protocol::http::BodyFraming;
use allspark_protocol::transformer::PacedPart;

/// What is left of such a body.
#[derive(Debug)]
pub(crate) struct Paced {
    framing: BodyFraming,
    parts: VecDeque<PacedPart>,
    has_ended: bool,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// These bytes are sent.
    Send(Vec<u8>),
    /// Nothing for so long.
    Pause(Duration),
    /// These bytes are the end of the body.
    End(Vec<u8>),
}

impl Paced {
    pub(crate) fn new(framing: BodyFraming, parts: Vec<PacedPart>) -> Self {
        Self {
            framing,
            parts: parts.into(),
            has_ended: false,
        }
    }

    /// The next step. After a pause it is asked again when that is over.
    pub(crate) fn next(&mut self) -> Part {
        assert!(!self.has_ended, "a body ends once");
        let mut out = Vec::new();
        let Some(part) = self.parts.front_mut() else {
            self.framing.end(&mut out);
            self.has_ended = true;
            return Part::End(out);
        };
        if !part.pause.is_zero() {
            return Part::Pause(std::mem::take(&mut part.pause));
        }
        self.framing.push(&mut out, &part.bytes);
        self.parts.pop_front();
        Part::Send(out)
    }
}
