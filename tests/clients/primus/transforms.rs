//! The transforms of tests/behaviours by name. They mind nothing but numbers, as such or in
//! `{"value": 1}`.

use allspark_client::{Direction, Value, Verdict};
use serde::Deserialize;

/// Which way a message goes.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Way {
    Incoming,
    Outgoing,
}

/// What becomes of a number.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Name {
    /// It is dropped.
    Drop,
    /// It grows by 100.
    Change,
    /// It is an error.
    Fail,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Incoming => Self::Incoming,
            Way::Outgoing => Self::Outgoing,
        }
    }
}

pub(super) fn transform(name: Name) -> impl FnMut(&mut Value) -> Verdict + Send + 'static {
    move |message| match (number(message), name) {
        (None, _) => Verdict::Pass,
        (Some(_), Name::Drop) => Verdict::Drop,
        (Some(_), Name::Fail) => Verdict::Fail("no numbers".to_owned()),
        (Some(number), Name::Change) => {
            if let Some(grown) = number.as_i64() {
                *number = Value::from(grown + 100);
            }
            Verdict::Pass
        }
    }
}

fn number(message: &mut Value) -> Option<&mut Value> {
    if message.as_f64().is_some() {
        return Some(message);
    }
    let value = message.as_object_mut()?.get_mut("value")?;
    value.as_f64().is_some().then_some(value)
}
