//! The acknowledgement that the sender of an event waits for.

use std::sync::Arc;

use allspark_engine::{Json, Message, Spark, SparkError, SparkHandle, Value};
use allspark_protocol::value::Number;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::arguments::{Arguments, Plain};

/// An acknowledgement that a sender waits for.
#[derive(Debug)]
#[must_use = "the sender waits for it"]
pub struct Ack {
    id: Number,
    envelope: Option<Arc<Envelope>>,
}

/// What an acknowledgement on a channel is wrapped in: `[0,id,channel,..]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The id of the channel's spark.
    pub id: Box<str>,
    /// The name of the channel.
    pub channel: Box<str>,
}

impl Ack {
    /// The acknowledgement with this id, of an event that came on a channel or on none.
    pub const fn new(id: Number, envelope: Option<Arc<Envelope>>) -> Self {
        Self { id, envelope }
    }

    /// Gives it. Returns false when the spark has ended.
    pub fn send(self, spark: &mut Spark<'_>, results: impl Arguments) -> bool {
        spark.write(self.message(&results))
    }

    /// The same from anywhere.
    ///
    /// # Errors
    /// The parser can't express a result.
    pub fn send_to(self, spark: &SparkHandle, results: impl Arguments) -> Result<(), SparkError> {
        spark.write(self.message(&results))
    }

    fn message<'a, A: Arguments>(&'a self, results: &'a A) -> impl Message + 'a {
        let packet = AckPacket {
            id: self.id,
            results,
        };
        let envelope = self.envelope.as_deref();
        Json(Wrapped { envelope, packet })
    }
}

/// An acknowledgement as primus-emitter writes it: `{"id":7,"type":1,"data":[..]}`.
#[derive(Clone, Copy, Debug)]
pub struct AckPacket<'a, A> {
    /// The id of the event, as it came.
    pub id: Number,
    /// What the event is answered with.
    pub results: &'a A,
}

impl<A: Arguments> Serialize for AckPacket<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut packet = serializer.serialize_struct("Ack", 3)?;
        packet.serialize_field("id", &Value::Number(self.id))?;
        packet.serialize_field("type", &1)?;
        packet.serialize_field("data", &Plain(self.results))?;
        packet.end()
    }
}

struct Wrapped<'a, P> {
    envelope: Option<&'a Envelope>,
    packet: P,
}

impl<P: Serialize> Serialize for Wrapped<'_, P> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.envelope {
            None => self.packet.serialize(serializer),
            Some(Envelope { id, channel }) => (0, id, channel, &self.packet).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(ack: &Ack) -> String {
        let packet = AckPacket {
            id: ack.id,
            results: &("ok", 1),
        };
        let envelope = ack.envelope.as_deref();
        serde_json::to_string(&Wrapped { envelope, packet }).unwrap()
    }

    #[test]
    fn it_has_the_fields_in_the_order_of_primus_emitter() {
        let ack = Ack::new(Number::Signed(7), None);
        assert_eq!(json(&ack), r#"{"id":7,"type":1,"data":["ok",1]}"#);
        let ack = Ack::new(Number::Float(1.5), None);
        assert_eq!(json(&ack), r#"{"id":1.5,"type":1,"data":["ok",1]}"#);
    }

    #[test]
    fn on_a_channel_it_is_wrapped() {
        let envelope = Envelope {
            id: "x1".into(),
            channel: "news".into(),
        };
        let ack = Ack::new(Number::Signed(1), Some(Arc::new(envelope)));
        let expected = r#"[0,"x1","news",{"id":1,"type":1,"data":["ok",1]}]"#;
        assert_eq!(json(&ack), expected);
    }
}
