//! What a request asks for: a message, and for whom.

use allspark_protocol::Value;
use allspark_protocol::parser::{Json, Parser, Scratch};
use allspark_protocol::transformer::Kind;
use allspark_protocol::value::Object;

/// For whom a message is.
///
/// ```
/// use allspark_plugins::omega::Recipients;
///
/// assert_eq!(Recipients::from("7"), Recipients::Spark("7".to_owned()));
/// assert_eq!(Recipients::from(["7", "8"]), Recipients::Sparks(vec!["7".into(), "8".into()]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recipients {
    /// Every spark.
    #[default]
    All,
    /// The spark with this id.
    Spark(String),
    /// The sparks with these ids. Without one, nobody.
    Sparks(Vec<String>),
    /// Whoever is in one of these rooms, each once, but for the sparks with the ids `except`. Only
    /// servers that have the rooms' middleware understand it.
    Rooms {
        /// Names of rooms.
        rooms: Vec<String>,
        /// Ids of sparks.
        except: Vec<String>,
    },
}

impl From<&str> for Recipients {
    fn from(id: &str) -> Self {
        Self::Spark(id.to_owned())
    }
}

impl From<String> for Recipients {
    fn from(id: String) -> Self {
        Self::Spark(id)
    }
}

impl<T: ToString> From<Vec<T>> for Recipients {
    fn from(ids: Vec<T>) -> Self {
        Self::Sparks(ids.iter().map(T::to_string).collect())
    }
}

impl<T: ToString, const COUNT: usize> From<[T; COUNT]> for Recipients {
    fn from(ids: [T; COUNT]) -> Self {
        Self::Sparks(ids.iter().map(T::to_string).collect())
    }
}

impl Recipients {
    /// The word of npm's plugin for a message with such recipients, in what it says of a failure.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::All => "broadcast",
            Self::Spark(_) => "spark",
            Self::Sparks(_) => "sparks",
            Self::Rooms { .. } => "rooms",
        }
    }

    /// How they are named in the body of a request, in the order of npm's plugin.
    fn members(&self) -> Vec<(&'static str, Value)> {
        let list = |names: &[String]| Value::from(names.to_vec());
        match self {
            Self::All => vec![("sparks", Value::from(""))],
            Self::Spark(id) => vec![("sparks", Value::from(id.as_str()))],
            Self::Sparks(ids) => vec![("sparks", list(ids))],
            Self::Rooms { rooms, except } => {
                vec![("rooms", list(rooms)), ("except", list(except))]
            }
        }
    }
}

/// A message, and for whom it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    pub(super) msg: Value,
    pub(super) to: Recipients,
    /// Another server has passed it on to all servers, so this one does not.
    pub(super) is_forwarded: bool,
}

/// A body that is no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid;

impl Order {
    /// Reads the body of a request. `with_rooms` is what the rooms' middleware understands besides.
    ///
    /// # Errors
    /// It is no JSON, no object, or has no message: `0`, `""`, `false` and `null` are none.
    pub(super) fn read(body: &[u8], with_rooms: bool) -> Result<Self, Invalid> {
        let mut scratch = Scratch::default();
        // As Node.js reads bytes that are no UTF-8.
        let text = String::from_utf8_lossy(body);
        let decoded = Json.decode(Kind::Text, text.as_bytes(), &mut scratch);
        let Ok(Value::Object(mut body)) = decoded else {
            return Err(Invalid);
        };
        let msg = body.remove("msg").filter(is_truthy).ok_or(Invalid)?;
        let mut order = Self {
            msg,
            to: recipients(&body.remove("sparks").unwrap_or_default()),
            is_forwarded: false,
        };
        if with_rooms {
            order.unwrap_forwarded()?;
            if let Some(rooms) = rooms(&body.remove("rooms").unwrap_or_default()) {
                let except = body.remove("except").unwrap_or_default();
                let except = names(&except, |id| vec![id.to_owned()]).unwrap_or_default();
                order.to = Recipients::Rooms { rooms, except };
            }
        }
        Ok(order)
    }

    /// A message that another server has passed on lies in another object.
    fn unwrap_forwarded(&mut self) -> Result<(), Invalid> {
        let Value::Object(object) = &mut self.msg else {
            return Ok(());
        };
        if object.get("metroplexForwarded").is_some() {
            self.msg = object.remove("msg").ok_or(Invalid)?;
            self.is_forwarded = true;
        }
        Ok(())
    }

    /// The body of a request that asks another server for the same.
    pub(super) fn body(msg: &Value, to: &Recipients) -> Vec<u8> {
        let mut object = Object::new();
        object.insert("msg", msg.clone());
        for (name, value) in to.members() {
            object.insert(name, value);
        }
        json(&Value::Object(object))
    }
}

/// JSON of what has come as JSON, or was made of what serde can express.
pub(super) fn json(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match Json.encode_value(value, &mut out) {
        Ok(_) => out,
        // Deeper than any message may be.
        Err(_) => b"null".to_vec(),
    }
}

/// What JavaScript takes for true.
fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(bool) => *bool,
        Value::Number(number) => number.as_f64() != 0.0,
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

fn recipients(sparks: &Value) -> Recipients {
    match sparks {
        Value::Array(ids) => Recipients::Sparks(texts(ids)),
        Value::String(id) if !id.is_empty() => Recipients::Spark(id.clone()),
        // As npm's plugin has it, whatever it is.
        _ => Recipients::All,
    }
}

fn rooms(rooms: &Value) -> Option<Vec<String>> {
    names(rooms, |text| {
        let names = text.split(' ').filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    })
}

/// A list of names, or one text that `split` takes apart.
fn names(value: &Value, split: impl FnOnce(&str) -> Vec<String>) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => Some(texts(values)),
        Value::String(text) => Some(split(text)),
        _ => None,
    }
}

/// The names in a list. A number is the name of its digits; whatever else is nobody's name.
fn texts(values: &[Value]) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) => String::from_utf8(json(value)).ok(),
        _ => None,
    };
    values.iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;

    use super::*;

    fn read(body: &str) -> Result<Order, Invalid> {
        Order::read(body.as_bytes(), false)
    }

    fn to(body: &str, with_rooms: bool) -> Recipients {
        Order::read(body.as_bytes(), with_rooms).unwrap().to
    }

    fn sparks(ids: &[&str]) -> Recipients {
        Recipients::Sparks(ids.iter().map(|id| (*id).to_owned()).collect())
    }

    #[test]
    fn sparks_are_named_one_by_one_or_not_at_all() {
        assert_eq!(to(r#"{"msg":1}"#, false), Recipients::All);
        for all in ["\"\"", "null", "true", "7", "{}", "{\"length\":1}"] {
            let body = format!("{{\"sparks\":{all},\"msg\":1}}");
            assert_eq!(to(&body, false), Recipients::All, "{all}");
        }
        assert_eq!(
            to(r#"{"msg":1,"sparks":"a"}"#, false),
            Recipients::from("a")
        );
        assert_eq!(to(r#"{"msg":1,"sparks":[]}"#, false), sparks(&[]));
        let mixed = r#"{"msg":1,"sparks":["a",7,null,["b"],{},"a"]}"#;
        assert_eq!(to(mixed, false), sparks(&["a", "7", "a"]));
        let rooms = r#"{"msg":1,"sparks":["a"],"rooms":"r"}"#;
        assert_eq!(to(rooms, false), sparks(&["a"]), "without the middleware");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for body in [
            "",
            "{",
            "null",
            "7",
            "\"x\"",
            "[]",
            "[{\"msg\":1}]",
            "{}",
            "true",
            r#"{"msg":0}"#,
            r#"{"msg":-0.0}"#,
            r#"{"msg":""}"#,
            r#"{"msg":false}"#,
            r#"{"msg":null}"#,
            r#"{"msg":1}{"msg":1}"#,
            r#"{"sparks":"a"}"#,
        ] {
            assert_eq!(read(body), Err(Invalid), "{body}");
        }
        let deep = format!("{{\"msg\":{}{}}}", "[".repeat(1 << 20), "]".repeat(1 << 20));
        assert_eq!(read(&deep), Err(Invalid));
        for body in ["\"x\"", "[]", "{}", "1", "true", "[0]"] {
            assert!(read(&format!("{{\"msg\":{body}}}")).is_ok(), "{body}");
        }
        let order = Order::read(b"{\"msg\":\"\xff\"}", false).unwrap();
        assert_eq!(order.msg, Value::from("\u{fffd}"));
    }

    #[test]
    fn rooms_outrank_sparks() {
        let in_rooms = |rooms: &[&str], except: &[&str]| Recipients::Rooms {
            rooms: rooms.iter().map(|room| (*room).to_owned()).collect(),
            except: except.iter().map(|id| (*id).to_owned()).collect(),
        };
        let one = r#"{"msg":1,"sparks":["a"],"rooms":"r s","except":"b"}"#;
        assert_eq!(to(one, true), in_rooms(&["r", "s"], &["b"]));
        let list = r#"{"msg":1,"rooms":["r s",7],"except":["b"]}"#;
        assert_eq!(to(list, true), in_rooms(&["r s", "7"], &["b"]));
        assert_eq!(to(r#"{"msg":1,"rooms":[]}"#, true), in_rooms(&[], &[]));
        assert_eq!(
            to(r#"{"msg":1,"rooms":7,"except":{}}"#, true),
            Recipients::All
        );
    }

    #[test]
    fn what_was_passed_on_is_not_passed_on_again() {
        let body = r#"{"msg":{"msg":{"b":1,"a":2},"metroplexForwarded":true},"sparks":""}"#;
        let order = Order::read(body.as_bytes(), true).unwrap();
        assert!(order.is_forwarded);
        assert_eq!(order.msg, value!({ "b": 1, "a": 2 }));
        assert!(!Order::read(body.as_bytes(), false).unwrap().is_forwarded);
        let empty = br#"{"msg":{"metroplexForwarded":true}}"#;
        assert_eq!(Order::read(empty, true), Err(Invalid));
    }

    #[test]
    fn a_request_to_another_server_is_that_of_npm() {
        let body = |to: Recipients| {
            let body = Order::body(&value!({ "b": 1, "a": [null] }), &to);
            String::from_utf8(body).unwrap()
        };
        let msg = r#"{"msg":{"b":1,"a":[null]}"#;
        assert_eq!(body(Recipients::All), format!("{msg},\"sparks\":\"\"}}"));
        assert_eq!(body("x".into()), format!("{msg},\"sparks\":\"x\"}}"));
        assert_eq!(body(["x"].into()), format!("{msg},\"sparks\":[\"x\"]}}"));
        let rooms = Recipients::Rooms {
            rooms: vec!["r".to_owned()],
            except: vec![],
        };
        assert_eq!(
            body(rooms),
            format!("{msg},\"rooms\":[\"r\"],\"except\":[]}}")
        );
    }
}
