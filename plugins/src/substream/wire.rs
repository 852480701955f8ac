//! Messages of streams: `{"substream":"name","args":..}`, and how they end.

use allspark_protocol::Value;
use allspark_protocol::value::Object;

use crate::envelope::{Around, json_text};

/// What ends a stream, in the place of a message.
pub(super) const END: &str = "substream::end";

/// The name of the stream that a message is for, if it is for one, and the message within.
pub(super) fn read(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object()?;
    let name = object.get("substream")?.as_str()?;
    Some((name, object.get("args").unwrap_or(&Value::Null)))
}

pub(super) fn is_end(message: &Value) -> bool {
    message.as_str() == Some(END)
}

/// The name of a stream; what stands around its messages.
#[derive(Debug)]
pub(super) struct Name(pub(super) Box<str>);

impl Around for Name {
    fn json(&self, message: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"substream\":");
        json_text(&self.0, out);
        out.extend_from_slice(b",\"args\":");
        out.extend_from_slice(message);
        out.push(b'}');
    }

    fn value(&self, message: Value) -> Value {
        let mut object = Object::new();
        object.insert("substream", &*self.0);
        object.insert("args", message);
        Value::Object(object)
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::parser::{Parser, ParserKind, Scratch};
    use allspark_protocol::transformer::Kind;
    use allspark_protocol::value;

    use super::*;
    use crate::envelope::wrap;

    fn json(name: &str, message: &str) -> String {
        let mut out = Vec::new();
        let name = Name(name.into());
        wrap(
            &name,
            ParserKind::Json,
            Kind::Text,
            message.as_bytes(),
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    /// As captured from npm's substream.
    #[test]
    fn they_are_those_of_npm_byte_for_byte() {
        assert_eq!(json("foo", "\"hi\""), r#"{"substream":"foo","args":"hi"}"#);
        assert_eq!(
            json("foo", "\"substream::end\""),
            r#"{"substream":"foo","args":"substream::end"}"#
        );
        assert_eq!(
            json("a\"\u{2028}", "[1]"),
            r#"{"substream":"a\"\u2028","args":[1]}"#
        );
    }

    #[test]
    fn what_was_written_is_read_again() {
        for parser in [ParserKind::Json, ParserKind::MsgPack, ParserKind::Binary] {
            let (mut inner, mut out) = (Vec::new(), Vec::new());
            let kind = parser.encode_value(&value!([1, "a"]), &mut inner).unwrap();
            let name = Name("foo".into());
            let kind = wrap(&name, parser, kind, &inner, &mut out).unwrap();
            let value = parser.decode(kind, &out, &mut Scratch::default()).unwrap();
            assert_eq!(read(&value), Some(("foo", &value!([1, "a"]))));
        }
    }

    #[test]
    fn what_is_for_no_stream_is_known() {
        for other in [
            value!(null),
            value!([{ "substream": "a" }]),
            value!({ "substream": null, "args": 1 }),
            value!({ "substream": ["a"], "args": 1 }),
            value!("substream"),
        ] {
            assert_eq!(read(&other), None, "{other:?}");
        }
        let without = value!({ "substream": "a" });
        assert_eq!(read(&without), Some(("a", &Value::Null)));
        assert!(is_end(&value!("substream::end")) && !is_end(&value!(["substream::end"])));
    }
}
