//! The wire format of primus-emit: `{"emit":["<event>",arg,..]}`, in both directions.

use allspark_engine::Value;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::events::{Arguments, Named};

/// The member that makes a message an event.
pub(crate) const MEMBER: &str = "emit";

/// An event as it is written.
#[derive(Clone, Copy, Debug)]
pub struct Emitted<'a, A> {
    /// Its name.
    pub event: &'a str,
    /// Its arguments.
    pub args: &'a A,
}

impl<A: Arguments> Serialize for Emitted<'_, A> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut message = serializer.serialize_struct("Emitted", 1)?;
        message.serialize_field(MEMBER, &Named(self.event, self.args))?;
        message.end()
    }
}

/// What a message is to primus-emit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Read<'a> {
    /// An event with its arguments.
    Event(&'a str, &'a [Value]),
    /// An event whose name is no text. Nobody gets it.
    Nameless,
    /// Something else, which is for others.
    Other,
}

/// Reads a message.
pub fn read(message: &Value) -> Read<'_> {
    let Some(Value::Array(emit)) = message.get(MEMBER) else {
        return Read::Other;
    };
    match emit.split_first() {
        Some((Value::String(event), args)) => Read::Event(event, args),
        _ => Read::Nameless,
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_value;

    fn json(event: &str, args: impl Arguments) -> String {
        let args = &args;
        serde_json::to_string(&Emitted { event, args }).unwrap()
    }

    #[test]
    fn events_are_written_as_primus_emit_does() {
        assert_eq!(json("news", "hi"), r#"{"emit":["news","hi"]}"#);
        assert_eq!(json("noargs", ()), r#"{"emit":["noargs"]}"#);
    }

    #[test]
    fn an_event_is_an_array_under_emit() {
        let message = value!({ "emit": ["news", 1, null] });
        let args = [value!(1), value!(null)];
        assert_eq!(read(&message), Read::Event("news", &args));
        let message = value!({ "other": 1, "emit": ["news"] });
        assert_eq!(read(&message), Read::Event("news", &[]));
        for nameless in [
            value!([]),
            value!([5]),
            value!([null, "a"]),
            value!([["a"]]),
        ] {
            let message = value!({ "emit": nameless });
            assert_eq!(read(&message), Read::Nameless);
        }
        for other in [value!(null), value!({}), value!(["emit"]), value!("emit")] {
            assert_eq!(read(&other), Read::Other);
        }
        assert_eq!(read(&value!({ "emit": "news" })), Read::Other);
        assert_eq!(read(&value!({ "emit": { "0": "news" } })), Read::Other);
    }

    proptest! {
        #[test]
        fn no_value_is_a_panic(message in any_value()) {
            let event = value!({ "emit": (message.clone()) });
            let array = message.as_array();
            prop_assert_eq!(read(&event) == Read::Other, array.is_none());
            let _ = read(&message);
        }
    }
}
