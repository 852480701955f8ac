//! The wire format of primus-emitter, in both directions: an event is
//! `{"type":0,"data":["<event>",arg,..]}`, with `"id":N` behind it if its sender waits for an
//! acknowledgement, which is `{"id":N,"type":1,"data":[result,..]}`.

use allspark_engine::Value;
use allspark_protocol::value::Number;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

pub use crate::events::AckPacket;
use crate::events::{Arguments, Named};

/// The member without which a message is none of primus-emitter.
pub(super) const MEMBER: &str = "data";

/// An event as it is written.
#[derive(Clone, Copy, Debug)]
pub struct EventPacket<'a, A> {
    /// Its name.
    pub event: &'a str,
    /// Its arguments.
    pub args: &'a A,
    /// By which its acknowledgement will be known, if the sender waits for one.
    pub id: Option<u64>,
}

impl<A: Arguments> Serialize for EventPacket<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = 2 + usize::from(self.id.is_some());
        let mut packet = serializer.serialize_struct("Event", fields)?;
        packet.serialize_field("type", &0)?;
        packet.serialize_field(MEMBER, &Named(self.event, self.args))?;
        if let Some(id) = self.id {
            packet.serialize_field("id", &id)?;
        }
        packet.end()
    }
}

/// What a message is to primus-emitter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Packet<'a> {
    /// An event.
    Event {
        /// Its name.
        event: &'a str,
        /// Its arguments.
        args: &'a [Value],
        /// By which its sender knows the acknowledgement that it waits for.
        id: Option<Number>,
    },
    /// An acknowledgement.
    Ack {
        /// The id of the event.
        id: Number,
        /// What the event is answered with.
        results: &'a [Value],
    },
}

/// Reads a message. `None` if it is for others, or if it is an event whose name is no text, or
/// whose id is neither a number nor what JavaScript takes for no id.
pub fn read(message: &Value) -> Option<Packet<'_>> {
    let data = message.get(MEMBER)?.as_array()?;
    let id = id(message.get("id"))?;
    let kind = message.get("type")?.as_f64()?;
    if kind == 0.0 {
        let (event, args) = data.split_first()?;
        let event = event.as_str()?;
        return Some(Packet::Event { event, args, id });
    }
    let results = data;
    (kind == 1.0).then_some(Packet::Ack { id: id?, results })
}

/// The id, if there is one; `None` if it can't be one.
fn id(id: Option<&Value>) -> Option<Option<Number>> {
    match id {
        None | Some(Value::Null | Value::Bool(false)) => Some(None),
        Some(Value::Number(number)) => {
            let float = number.as_f64();
            let is_some = float != 0.0 && !float.is_nan();
            Some(is_some.then_some(*number))
        }
        Some(Value::String(text)) if text.is_empty() => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_value;

    #[test]
    fn packets_have_the_fields_in_the_order_of_primus_emitter() {
        let json = |id| {
            let (event, args) = ("news", &("hi", 1));
            serde_json::to_string(&EventPacket { event, args, id }).unwrap()
        };
        assert_eq!(json(None), r#"{"type":0,"data":["news","hi",1]}"#);
        assert_eq!(json(Some(3)), r#"{"type":0,"data":["news","hi",1],"id":3}"#);
    }

    #[test]
    fn packets_are_known_by_their_type() {
        let message = value!({ "type": 0, "data": ["news", 1] });
        let (event, args) = ("news", &[value!(1)][..]);
        let expected = Packet::Event {
            event,
            args,
            id: None,
        };
        assert_eq!(read(&message), Some(expected));
        let message = value!({ "type": 0.0, "data": ["news", 1], "id": 7 });
        let id = Some(Number::Signed(7));
        assert_eq!(read(&message), Some(Packet::Event { event, args, id }));
        let message = value!({ "id": 7, "type": 1, "data": [1] });
        let (id, results) = (Number::Signed(7), args);
        assert_eq!(read(&message), Some(Packet::Ack { id, results }));
    }

    #[test]
    fn what_is_no_packet_is_for_others() {
        for other in [
            value!(null),
            value!([0, ["news"]]),
            value!({ "data": ["news"] }),
            value!({ "type": 2, "data": ["news"] }),
            value!({ "type": "0", "data": ["news"] }),
            value!({ "type": 0, "data": "news" }),
            value!({ "type": 0, "data": [] }),
            value!({ "type": 0, "data": [["news"]] }),
            value!({ "type": 0, "data": ["news"], "id": "1" }),
            value!({ "type": 0, "data": ["news"], "id": true }),
            value!({ "type": 0, "data": ["news"], "id": [1] }),
            value!({ "type": 1, "data": [1] }),
            value!({ "type": 1, "data": [1], "id": 0 }),
        ] {
            assert_eq!(read(&other), None, "{other:?}");
        }
    }

    #[test]
    fn what_javascript_takes_for_no_id_is_none() {
        for id in [
            value!(0),
            value!(null),
            value!(false),
            value!(""),
            value!(f64::NAN),
        ] {
            let message = value!({ "type": 0, "data": ["news"], "id": id });
            assert!(matches!(
                read(&message),
                Some(Packet::Event { id: None, .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn no_value_is_a_panic(message in any_value(), kind in any_value(), id in any_value()) {
            let packet = value!({ "type": kind, "data": (message.clone()), "id": id });
            let _ = (read(&packet), read(&message));
        }
    }
}
