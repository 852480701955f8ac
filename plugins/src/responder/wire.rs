//! The wire format of primus-responder.

use allspark_engine::Value;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// What every message of the plugin says it is of.
pub const PLUGIN: &str = "primus-responder";

/// A question is sent back with its answer, and kept until then, so its id has a bound. Those of
/// the npm plugin have 36 bytes.
pub const ID_BYTES_MAX: usize = 128;

/// A question as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a, T> {
    pub(super) id: &'a str,
    pub(super) data: &'a T,
}

/// An answer as it is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response<'a, T> {
    pub(super) id: &'a str,
    pub(super) data: &'a T,
}

impl<T: Serialize> Serialize for Request<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, "requestId", self.id, self.data)
    }
}

impl<T: Serialize> Serialize for Response<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, "responseId", self.id, self.data)
    }
}

fn write<S: Serializer, T: Serialize>(
    serializer: S,
    member: &'static str,
    id: &str,
    data: &T,
) -> Result<S::Ok, S::Error> {
    let mut message = serializer.serialize_struct("Message", 3)?;
    message.serialize_field("plugin", PLUGIN)?;
    message.serialize_field(member, id)?;
    message.serialize_field("data", data)?;
    message.end()
}

/// What a message is to primus-responder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Read<'a> {
    /// A question, to be answered with its id.
    Request(&'a str, &'a Value),
    /// The answer to the question with this id.
    Response(&'a str, &'a Value),
    /// A message of this plugin that means nothing, or whose id is no text or too long. Nobody
    /// gets it.
    Nothing,
    /// Something else, which is for others.
    Other,
}

/// Reads a message.
pub fn read(message: &Value) -> Read<'_> {
    if message.get("plugin").and_then(Value::as_str) != Some(PLUGIN) {
        return Read::Other;
    }
    let data = &message["data"];
    let id = |member: &str| {
        let id = message.get(member)?.as_str()?;
        (!id.is_empty() && id.len() <= ID_BYTES_MAX).then_some(id)
    };
    match (id("requestId"), id("responseId")) {
        (Some(id), _) => Read::Request(id, data),
        (None, Some(id)) => Read::Response(id, data),
        (None, None) => Read::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::any_value;

    #[test]
    fn messages_have_the_fields_in_the_order_of_primus_responder() {
        let (id, data) = ("u-1", &"hi");
        let request = serde_json::to_string(&Request { id, data }).unwrap();
        let expected = r#"{"plugin":"primus-responder","requestId":"u-1","data":"hi"}"#;
        assert_eq!(request, expected);
        let response = serde_json::to_string(&Response { id, data }).unwrap();
        let expected = r#"{"plugin":"primus-responder","responseId":"u-1","data":"hi"}"#;
        assert_eq!(response, expected);
    }

    #[test]
    fn messages_are_known_by_their_plugin() {
        let message = value!({ "plugin": PLUGIN, "requestId": "a", "data": 1 });
        assert_eq!(read(&message), Read::Request("a", &value!(1)));
        let message = value!({ "plugin": PLUGIN, "responseId": "a" });
        assert_eq!(read(&message), Read::Response("a", &value!(null)));
        for other in [
            value!(null),
            value!("primus-responder"),
            value!({ "plugin": "x" }),
        ] {
            assert_eq!(read(&other), Read::Other);
        }
        let long = "x".repeat(ID_BYTES_MAX + 1);
        for id in [
            value!(1),
            value!(""),
            value!(long),
            value!([]),
            value!(null),
        ] {
            let message = value!({ "plugin": PLUGIN, "requestId": id, "data": 1 });
            assert_eq!(read(&message), Read::Nothing);
        }
    }

    proptest! {
        #[test]
        fn no_value_is_a_panic(message in any_value(), id in any_value()) {
            let _ = read(&message);
            let _ = read(&value!({ "plugin": PLUGIN, "requestId": id, "data": message }));
        }
    }
}
