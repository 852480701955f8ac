//! A message on its way through transforms.

use std::borrow::Cow;
use std::error::Error;

use allspark_protocol::parser::ParserKind;
use allspark_protocol::transformer::Kind;

use super::data::Data;
use super::error::SparkError;
use super::message::{self, Message};

/// A message that a transform may look at, replace or drop.
///
/// ```
/// use allspark_engine::{Packet, SparkError, Value};
///
/// /// Tells each client when its message was passed on.
/// fn stamp(packet: &mut Packet<'_>) -> Result<(), SparkError> {
///     if let Ok(Value::Object(mut object)) = packet.data().value() {
///         object.insert("passed", 7);
///         packet.set(Value::Object(object))?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Packet<'a> {
    parser: ParserKind,
    /// As it came in, or as the parser made it of what was written.
    raw: (Kind, Cow<'a, [u8]>),
    /// What it was replaced by.
    replaced: Option<Kind>,
    bytes: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'a> Packet<'a> {
    pub(crate) fn new(parser: ParserKind, kind: Kind, bytes: &'a [u8]) -> Self {
        Self {
            parser,
            raw: (kind, Cow::Borrowed(bytes)),
            replaced: None,
            bytes: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The message as it is now: Primus's `packet.data`. It is decoded only when somebody looks.
    pub fn data(&self) -> Data<'_> {
        let (kind, bytes) = self.encoded();
        Data::new(self.parser, kind, bytes)
    }

    /// The message before the first transform: Primus's `packet.raw`.
    pub fn raw(&self) -> Data<'_> {
        Data::new(self.parser, self.raw.0, &self.raw.1)
    }

    /// Replaces the message.
    ///
    /// # Errors
    /// The parser can't express it, or no frame can hold it. Then the message is what it was.
    pub fn set(&mut self, message: impl Message) -> Result<(), SparkError> {
        self.scratch.clear();
        let (kind, bytes) = message::encode(&message, self.parser, &mut self.scratch)?;
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.replaced = Some(kind);
        Ok(())
    }

    /// Whether a transform has replaced the message.
    pub fn is_replaced(&self) -> bool {
        self.replaced.is_some()
    }

    pub(crate) fn encoded(&self) -> (Kind, &[u8]) {
        match self.replaced {
            Some(kind) => (kind, &self.bytes),
            None => (self.raw.0, &self.raw.1),
        }
    }
}

/// What becomes of a message after a transform. Most transforms return something simpler that
/// becomes this: nothing, `false` to drop the message as in Primus, or a `Result`.
#[derive(Debug)]
pub enum Transformed {
    /// The next transform has its turn, or the application or the client gets the message.
    Next,
    /// Nobody gets it, and nobody is told.
    Drop,
    /// Nobody gets it, and this is an error: [`SparkError::Transform`].
    Fail(Box<dyn Error + Send + Sync>),
}

impl From<()> for Transformed {
    fn from((): ()) -> Self {
        Self::Next
    }
}

impl From<bool> for Transformed {
    fn from(goes_on: bool) -> Self {
        match goes_on {
            true => Self::Next,
            false => Self::Drop,
        }
    }
}

impl<T: Into<Self>, E: Into<Box<dyn Error + Send + Sync>>> From<Result<T, E>> for Transformed {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(transformed) => transformed.into(),
            Err(error) => Self::Fail(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(data: Data<'_>) -> String {
        String::from_utf8(data.encoded().to_vec()).unwrap()
    }

    #[test]
    fn a_packet_is_what_it_was_set_to_last() {
        let mut packet = Packet::new(ParserKind::Json, Kind::Text, b"[1]");
        assert_eq!(
            (text(packet.data()), packet.is_replaced()),
            ("[1]".into(), false)
        );
        packet.set("longer than before").unwrap();
        packet.set(2).unwrap();
        assert_eq!(text(packet.data()), "2");
        assert_eq!(
            (text(packet.raw()), packet.is_replaced()),
            ("[1]".into(), true)
        );
    }

    #[test]
    fn what_the_parser_can_not_express_changes_nothing() {
        let mut packet = Packet::new(ParserKind::Raw, Kind::Text, b"text");
        assert!(matches!(packet.set(1), Err(SparkError::Encode(_))));
        assert_eq!(text(packet.data()), "text");
        packet.set(b"bytes").unwrap();
        assert_eq!(packet.data().kind(), Kind::Binary);
        assert!(matches!(packet.set(()), Err(SparkError::Encode(_))));
        assert_eq!(text(packet.data()), "bytes");
    }

    #[test]
    fn a_transform_may_say_it_in_many_ways() {
        let ok: Result<bool, SparkError> = Ok(false);
        assert!(matches!(().into(), Transformed::Next));
        assert!(matches!(true.into(), Transformed::Next));
        assert!(matches!(false.into(), Transformed::Drop));
        assert!(matches!(ok.into(), Transformed::Drop));
        let failed: Result<(), &str> = Err("why");
        let Transformed::Fail(error) = failed.into() else {
            panic!("it failed");
        };
        assert_eq!(error.to_string(), "why");
    }
}
