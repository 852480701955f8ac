//! Message transforms: what an application does to each message on its way out and in.

use allspark_protocol::parser::{Parser, ParserKind, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_protocol::value::Value;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the server, before [`Event::Data`](super::Event::Data).
    Incoming,
    /// To the server, before it is sent or queued.
    Outgoing,
}

/// A message as the parser encoded it, which a transform may change or replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Text or bytes.
    pub kind: Kind,
    /// What text is must stay UTF-8.
    pub bytes: Vec<u8>,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on, as it is now.
    Pass,
    /// It is dropped in silence: `false` in Primus.
    Drop,
    /// It is dropped, and [`Event::Error`](super::Event::Error) tells why.
    Fail(String),
}

/// A message transform. Those of one direction are run in the order in which they were added.
pub type Transform = Box<dyn FnMut(&mut Message) -> Verdict + Send>;

/// A transform that sees values instead of encoded messages: it decodes and encodes them.
pub fn on_values(
    parser: ParserKind,
    mut transform: impl FnMut(&mut Value) -> Verdict + Send + 'static,
) -> Transform {
    let mut scratch = Scratch::default();
    Box::new(move |message| {
        let mut value = match parser.decode(message.kind, &message.bytes, &mut scratch) {
            Ok(value) => value,
            Err(error) => return Verdict::Fail(error.to_string()),
        };
        let verdict = transform(&mut value);
        if verdict == Verdict::Pass {
            message.bytes.clear();
            match parser.encode_value(&value, &mut message.bytes) {
                Ok(kind) => message.kind = kind,
                Err(error) => return Verdict::Fail(error.to_string()),
            }
        }
        verdict
    })
}

/// The transforms of a client. Most clients have none.
#[derive(Default)]
pub(super) struct Transforms {
    incoming: Vec<Transform>,
    outgoing: Vec<Transform>,
}

impl Transforms {
    pub(super) fn add(&mut self, direction: Direction, transform: Transform) {
        self.of(direction).push(transform);
    }

    /// Runs them one after the other, until one does not let the message pass.
    pub(super) fn run(&mut self, direction: Direction, message: &mut Message) -> Verdict {
        for transform in self.of(direction) {
            let verdict = transform(message);
            if verdict != Verdict::Pass {
                return verdict;
            }
        }
        Verdict::Pass
    }

    fn of(&mut self, direction: Direction) -> &mut Vec<Transform> {
        match direction {
            Direction::Incoming => &mut self.incoming,
            Direction::Outgoing => &mut self.outgoing,
        }
    }
}
