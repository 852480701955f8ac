//! What an argument has to be, as a configuration can say it.

use allspark_engine::Value;
use serde::Deserialize;

/// What an argument has to be.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Anything.
    Any,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// Text.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl Shape {
    /// Whether a value has it.
    pub const fn fits(self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Null => matches!(value, Value::Null),
            Self::Boolean => matches!(value, Value::Bool(_)),
            Self::Number => matches!(value, Value::Number(_)),
            Self::String => matches!(value, Value::String(_)),
            Self::Array => matches!(value, Value::Array(_)),
            Self::Object => matches!(value, Value::Object(_)),
        }
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::value;

    use super::*;

    #[test]
    fn each_value_has_one_shape_and_any() {
        let shapes: Vec<Shape> = serde_json::from_str(
            r#"["any", "null", "boolean", "number", "string", "array", "object"]"#,
        )
        .unwrap();
        let values = [
            value!(null),
            value!(true),
            value!(1.5),
            value!("a"),
            value!([1]),
            value!({ "a": 1 }),
        ];
        for (place, value) in values.iter().enumerate() {
            let fitting: Vec<_> = (0..shapes.len())
                .filter(|shape| shapes[*shape].fits(value))
                .collect();
            assert_eq!(fitting, [0, place + 1]);
        }
    }
}
