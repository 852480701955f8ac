//! From JSON to what it stands for. No value here is nested deeper than
//! [`crate::limits::VALUE_DEPTH_MAX`], and so is no recursion.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::forms::{self, Form, form_of};
use crate::value::{Date, Extended, Object, Value};

/// As lenient as the package is about how the text ends.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The flags that the package keeps, in the order in which JavaScript names them.
const FLAGS_KEPT: [char; 5] = ['g', 'i', 'm', 'u', 'y'];

/// Characters of flags that the package looks at.
const FLAGS_LOOKED_AT: usize = 50;

/// What makes no sense, in words.
pub(super) type Nonsense = &'static str;

/// Makes the value of what JSON says.
pub(super) fn from_json(json: Value) -> Result<Value, Nonsense> {
    match json {
        Value::Array(values) => {
            let values: Result<_, _> = values.into_iter().map(from_json).collect();
            Ok(Value::Array(values?))
        }
        Value::Object(object) => match form_of(&object) {
            None => members(object),
            Some(Form::Escape) => match object.into_iter().next() {
                Some((_, Value::Object(escaped))) => members(escaped),
                _ => Err(NOT_ESCAPED),
            },
            Some(stands_for) => {
                let mut object = object;
                form(stands_for, &mut |name| {
                    object.remove(name).unwrap_or_default()
                })
            }
        },
        plain => Ok(plain),
    }
}

fn members(object: Object) -> Result<Value, Nonsense> {
    let members: Result<Vec<_>, Nonsense> = object
        .into_iter()
        .map(|(name, json)| Ok((name, from_json(json)?)))
        .collect();
    Ok(Value::Object(Object::from(members?)))
}

const NOT_ESCAPED: Nonsense = "`$escape` of what is no object";

/// The value of a form other than `$escape`. `take` gives what the object holds.
pub(super) fn form(
    form: Form,
    take: &mut dyn FnMut(&'static str) -> Value,
) -> Result<Value, Nonsense> {
    match form {
        Form::Date => date(&take(forms::DATE)),
        Form::InfNan => inf_nan(&take(forms::INF_NAN)),
        Form::Binary => binary(&take(forms::BINARY)),
        Form::Escape => Err(NOT_ESCAPED),
        Form::RegExp => reg_exp(take(forms::REG_EXP), &take(forms::FLAGS)),
        Form::Custom => match (take(forms::TYPE), take(forms::VALUE)) {
            (Value::String(name), value) => Ok(Extended::Custom { name, value }.into()),
            _ => Err("`$type` that is no text"),
        },
    }
}

/// The package writes null for an invalid date, and reads null as the epoch.
fn date(content: &Value) -> Result<Value, Nonsense> {
    let ms = match content {
        Value::Null => Some(0.0),
        other => other.as_f64(),
    };
    let date = ms.and_then(Date::from_number);
    date.map(Value::from).ok_or("`$date` that is no date")
}

fn inf_nan(content: &Value) -> Result<Value, Nonsense> {
    let sign = content.as_f64().ok_or("`$InfNaN` that is no number")?;
    Ok(match sign {
        above if above > 0.0 => f64::INFINITY,
        below if below < 0.0 => f64::NEG_INFINITY,
        _ => f64::NAN,
    }
    .into())
}

fn binary(content: &Value) -> Result<Value, Nonsense> {
    let bytes = content.as_str().and_then(|text| BASE64.decode(text).ok());
    bytes.map(Value::Bytes).ok_or("`$binary` that is no base64")
}

fn reg_exp(source: Value, flags: &Value) -> Result<Value, Nonsense> {
    let (Value::String(source), Some(flags)) = (source, flags.as_str()) else {
        return Err("`$regexp` or `$flags` that is no text");
    };
    let is_set = |flag: &char| flags.chars().take(FLAGS_LOOKED_AT).any(|it| it == *flag);
    let flags = FLAGS_KEPT.into_iter().filter(is_set).collect();
    Ok(Extended::RegExp { source, flags }.into())
}
