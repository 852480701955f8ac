//! Messages within messages: those of streams that a plugin has within a connection. What is inside
//! goes through the transforms as any message does, and what stands around it does not.

use std::sync::Arc;

use allspark_protocol::parser::{EncodeError, ParserKind};
use allspark_protocol::transformer::Kind;

use super::data::Data;
use super::host::{EveryData, Host, Transforms};
use super::message::{self, Message};
use super::packet::{Inner, Packet};
use super::spark::Spark;
use crate::memory::Key;

impl Inner {
    /// Has `listener` called with the messages, in the place of `data` listeners.
    pub fn new(listener: impl Fn(&mut Spark<'_>, Data<'_>) + Send + Sync + 'static) -> Self {
        let listener: Box<EveryData> = Box::new(move |host, key, data| {
            listener(&mut Spark::new(host, key), data);
        });
        Self(Arc::new(listener))
    }

    pub(super) fn listener(&self) -> &EveryData {
        let listener = self.0.downcast_ref::<Box<EveryData>>();
        listener.expect("`new` makes no others")
    }
}

/// What stands around a message within a message.
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

impl Spark<'_> {
    /// Writes a message within a message: the message goes through the transforms of those that are
    /// written, what stands around it does not. A transform that knows the spark gets the whole.
    /// Returns false when the spark has ended, as [`Spark::write`] does.
    pub fn write_enveloped<E: Envelope>(&mut self, message: impl Message, envelope: &Arc<E>) -> bool {
        self.write_as(message, |host, key, kind, payload| {
            host.write_enveloped(key, kind, payload, &(Arc::clone(envelope) as Arc<dyn Envelope>));
        })
    }

    /// Writes a message that goes through no transform, but for those that know the spark: Primus's
    /// `_write`, for what plugins say to each other. Returns false when the spark has ended, as
    /// [`Spark::write`] does.
    #[doc(alias = "_write")]
    pub fn write_untransformed(&mut self, message: impl Message) -> bool {
        self.write_as(message, |host, key, kind, payload| {
            host.write_untransformed(key, kind, payload);
        })
    }

    fn write_as(
        &mut self,
        message: impl Message,
        write: impl FnOnce(&mut dyn Host, Key, Kind, &[u8]),
    ) -> bool {
        if !self.is_open() {
            return false;
        }
        let key = self.key();
        let mut scratch = self.host.take_scratch();
        match message::encode(&message, self.host.parser(), &mut scratch) {
            Ok((kind, payload)) => write(self.host, key, kind, payload),
            Err(error) => self.host.report(key, error),
        }
        self.host.put_scratch(scratch);
        true
    }
}

/// The transforms of a message within a message: the last one puts the envelope around it.
pub(crate) fn enveloping(transforms: &Transforms, envelope: &Arc<dyn Envelope>) -> Transforms {
    let (mut transforms, envelope) = (transforms.clone(), Arc::clone(envelope));
    transforms.outgoing.push(Arc::new(move |packet: &mut Packet<'_>| {
        let data = packet.data();
        let enveloped = Enveloped {
            kind: data.kind(),
            message: &data.encoded().to_vec(),
            envelope: &*envelope,
        };
        packet.set(enveloped).into()
    }));
    transforms
}

/// A message and what stands around it.
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
        let kind = self.envelope.wrap(parser, self.kind, self.message, scratch)?;
        Ok((kind, scratch))
    }
}
