//! What stands around a message within a message.

use allspark_protocol::parser::{EncodeError, ParserKind};
use allspark_protocol::transformer::Kind;

use super::message::Message;

/// What stands around a message within a message, see
/// [`Spark::write_enveloped`](crate::Spark::write_enveloped).
pub trait Envelope: Send + Sync + 'static {
    /// Appends the whole, of a message that the parser has encoded, and says as what it is sent.
    ///
    /// # Errors
    /// The parser can't express it.
    fn wrap(
        &self,
        parser: ParserKind,
        kind: Kind,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Kind, EncodeError>;
}

/// A message, and what stands around it.
pub(crate) struct Enveloped<'a> {
    pub(crate) kind: Kind,
    pub(crate) message: &'a [u8],
    pub(crate) envelope: &'a dyn Envelope,
}

impl Message for Enveloped<'_> {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let kind = self
            .envelope
            .wrap(parser, self.kind, self.message, scratch)?;
        Ok((kind, scratch))
    }
}
