//! What tests of several plugins use.

use allspark_engine::Value;
use allspark_protocol::value::Object;
use proptest::prelude::*;

/// Names that plugins look at, so that what is drawn comes near to what they take.
const NAMES: [&str; 12] = [
    "emit",
    "type",
    "data",
    "id",
    "plugin",
    "requestId",
    "responseId",
    "_latency",
    "_clock",
    "primus-responder",
    "news",
    "",
];

/// Any value that a message may be.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..3).prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        name().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((name(), inner), 0..6).prop_map(object),
        ]
    })
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn object(members: Vec<(&'static str, Value)>) -> Value {
    let mut object = Object::new();
    for (name, value) in members {
        object.insert(name, value);
    }
    Value::Object(object)
}
