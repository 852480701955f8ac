//! Messages of channels: `[type,id,name]` or `[type,id,name,payload]`.

use allspark_protocol::Value;

use crate::envelope::{Around, json_text};
use crate::events::Envelope;

/// What a client says about a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Packet<'v> {
    pub(super) what: What<'v>,
    /// Which of the client's subscriptions it is about, in the client's words.
    pub(super) id: &'v str,
    pub(super) channel: &'v str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What<'v> {
    /// Null if there is no payload.
    Message(&'v Value),
    Subscribe,
    Unsubscribe,
}

/// Reads a message; `None` if it is not about a channel, or about one in a way that npm's client
/// has not: it makes ids that are text.
pub(super) fn read(value: &Value) -> Option<Packet<'_>> {
    let [kind, id, channel, rest @ ..] = value.as_array()? else {
        return None;
    };
    let payload = match rest {
        [payload] => payload,
        _ => &Value::Null,
    };
    let what = match kind.as_u64()? {
        0 => What::Message(payload),
        1 => What::Subscribe,
        2 => What::Unsubscribe,
        _ => return None,
    };
    Some(Packet {
        what,
        id: id.as_str()?,
        channel: channel.as_str()?,
    })
}

/// `[2,id,name]`: the subscription is over.
pub(super) fn unsubscribe(address: &Envelope) -> Value {
    array(2, address)
}

fn array(kind: i64, Envelope { id, channel }: &Envelope) -> Value {
    Value::Array(vec![kind.into(), (**id).into(), (**channel).into()])
}

/// Which subscription a message is for, which stands around it.
pub(super) struct Address<'a>(pub(super) &'a Envelope);

impl Around for Address<'_> {
    fn json(&self, message: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"[0,");
        json_text(&self.0.id, out);
        out.push(b',');
        json_text(&self.0.channel, out);
        if !is_falsy_json(message) {
            out.push(b',');
            out.extend_from_slice(message);
        }
        out.push(b']');
    }

    fn value(&self, message: Value) -> Value {
        let mut array = array(0, self.0);
        if let Value::Array(parts) = &mut array
            && !is_falsy(&message)
        {
            parts.push(message);
        }
        array
    }
}

/// A payload that JavaScript takes for false is left out, and comes as `undefined` (in npm, too).
fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(bool) => !bool,
        Value::Number(number) => number.as_f64() == 0.0 || number.as_f64().is_nan(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn is_falsy_json(message: &[u8]) -> bool {
    let falsy: [&[u8]; 8] = [
        b"null",
        b"false",
        b"\"\"",
        b"0",
        b"-0",
        b"0.0",
        b"-0.0",
        b"{\"$InfNaN\":0}",
    ];
    falsy.contains(&message)
}

#[cfg(test)]
mod tests {
    use allspark_protocol::parser::{Parser, ParserKind};
    use allspark_protocol::value;
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::wrap;
    use crate::testing::any_value;

    fn address() -> Envelope {
        Envelope {
            id: "x1".into(),
            channel: "news".into(),
        }
    }

    fn encoded(parser: ParserKind, message: &Value) -> Vec<u8> {
        let (mut inner, mut out) = (Vec::new(), Vec::new());
        let kind = parser.encode_value(message, &mut inner).unwrap();
        wrap(&Address(&address()), parser, kind, &inner, &mut out).unwrap();
        out
    }

    fn json(message: Value) -> String {
        String::from_utf8(encoded(ParserKind::Json, &message)).unwrap()
    }

    /// As captured from npm's primus-multiplex.
    #[test]
    fn they_are_those_of_npm_byte_for_byte() {
        assert_eq!(json(value!("hi")), r#"[0,"x1","news","hi"]"#);
        assert_eq!(json(value!([1, null])), r#"[0,"x1","news",[1,null]]"#);
        assert_eq!(unsubscribe(&address()), value!([2, "x1", "news"]));
    }

    #[test]
    fn what_javascript_takes_for_false_is_left_out() {
        let falsy = [
            value!(0),
            value!(false),
            value!(null),
            value!(""),
            Value::from(-0.0),
        ];
        for parser in [
            ParserKind::Json,
            ParserKind::Ejson,
            ParserKind::MsgPack,
            ParserKind::Binary,
        ] {
            let mut bare = Vec::new();
            let value = value!([0, "x1", "news"]);
            parser.encode_value(&value, &mut bare).unwrap();
            for payload in &falsy {
                assert_eq!(encoded(parser, payload), bare, "{parser} {payload:?}");
            }
        }
        assert_eq!(json(value!([])), r#"[0,"x1","news",[]]"#);
        assert_eq!(json(value!("0")), r#"[0,"x1","news","0"]"#);
        let nan = encoded(ParserKind::Ejson, &Value::from(f64::NAN));
        assert_eq!(nan, br#"[0,"x1","news"]"#);
    }

    fn what(value: &Value) -> Option<What<'_>> {
        let packet = read(value)?;
        assert_eq!((packet.id, packet.channel), ("x1", "news"));
        Some(packet.what)
    }

    #[test]
    fn clients_say_three_things() {
        let payload = value!(["a"]);
        let message = value!([0, "x1", "news", ["a"]]);
        assert_eq!(what(&message), Some(What::Message(&payload)));
        let empty = value!([0, "x1", "news"]);
        assert_eq!(what(&empty), Some(What::Message(&Value::Null)));
        let subscribe = value!([1, "x1", "news"]);
        assert_eq!(what(&subscribe), Some(What::Subscribe));
        let unsubscribe = value!([2, "x1", "news"]);
        assert_eq!(what(&unsubscribe), Some(What::Unsubscribe));
        // npm reads the fourth part only where there is no fifth.
        let longer = value!([0, "x1", "news", 1, 2]);
        assert_eq!(what(&longer), Some(What::Message(&Value::Null)));
    }

    #[test]
    fn what_is_about_no_channel_is_known() {
        for other in [
            value!(null),
            value!([]),
            value!([0]),
            value!([0, "x1"]),
            value!([3, "x1", "news"]),
            value!(["0", "x1", "news"]),
            value!([0, null, "news"]),
            value!([0, "x1", ["news"]]),
            value!([0.5, "x1", "news"]),
            value!({ "0": 1 }),
        ] {
            assert_eq!(read(&other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn no_value_is_a_panic(value in any_value(), kind in any_value(), id in any_value()) {
            let array = value!([kind, id, (value.clone()), (value.clone())]);
            let _ = (read(&value), read(&array));
        }
    }
}
