//! Messages within messages: those of streams that a plugin has within a connection. What is inside
//! goes through the transforms as any message does, and what stands around it does not.

use std::sync::Arc;

use allspark_protocol::transformer::Kind;

use super::data::Data;
use super::envelope::{Envelope, Enveloped};
use super::host::{EveryData, Host, Transforms};
use super::message::{self, Message};
use super::packet::{Inner, Packet};
use super::spark::Spark;
use crate::memory::Key;

impl Inner {
    /// Has `listener` called with the messages, in the place of listeners of `data`.
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

impl Spark<'_> {
    /// Writes a message within a message: the message goes through the transforms, what stands
    /// around it does not. A transform that knows the spark gets the whole. Returns false when the
    /// spark has ended, as [`Spark::write`] does.
    pub fn write_enveloped<E: Envelope>(
        &mut self,
        message: impl Message,
        envelope: &Arc<E>,
    ) -> bool {
        self.write_as(message, |host, key, kind, payload| {
            let envelope: Arc<dyn Envelope> = Arc::<E>::clone(envelope);
            host.write_enveloped(key, kind, payload, &envelope);
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
    let wrap = move |packet: &mut Packet<'_>| {
        let data = packet.data();
        let (kind, message) = (data.kind(), data.encoded().to_vec());
        packet
            .set(Enveloped {
                kind,
                message: &message,
                envelope: &*envelope,
            })
            .into()
    };
    transforms.outgoing.push(Arc::new(wrap));
    transforms
}
