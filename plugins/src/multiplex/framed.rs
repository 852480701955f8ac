//! Messages of subscriptions, as they are written.

use allspark_engine::Message;
use allspark_protocol::parser::{EncodeError, ParserKind};
use allspark_protocol::transformer::Kind;

use super::wire::Address;
use crate::envelope::wrap;
use crate::events::Envelope;

/// A message for one subscription.
pub(super) struct Framed<'a, M> {
    message: &'a M,
    address: Address<'a>,
}

impl<'a, M> Framed<'a, M> {
    pub(super) fn new(message: &'a M, address: &'a Envelope) -> Self {
        let address = Address(address);
        Self { message, address }
    }
}

impl<M: Message> Message for Framed<'_, M> {
    fn encode<'m>(
        &'m self,
        parser: ParserKind,
        scratch: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        let mut inner = Vec::new();
        let (kind, message) = self.message.encode(parser, &mut inner)?;
        let kind = wrap(&self.address, parser, kind, message, scratch)?;
        Ok((kind, scratch))
    }
}

/// A message that was encoded once, for many.
pub(super) struct Encoded<'a> {
    pub(super) kind: Kind,
    pub(super) message: &'a [u8],
}

impl Message for Encoded<'_> {
    fn encode<'m>(
        &'m self,
        _: ParserKind,
        _: &'m mut Vec<u8>,
    ) -> Result<(Kind, &'m [u8]), EncodeError> {
        Ok((self.kind, self.message))
    }
}
