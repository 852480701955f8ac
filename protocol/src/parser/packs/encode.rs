//! Writes values.

use super::read::Dialect;
use super::write;
use crate::limits::VALUE_DEPTH_MAX;
use crate::parser::EncodeError;
use crate::value::Value;

/// Appends a value. If that fails `out` is as it was.
pub(super) fn value<D: Dialect>(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = out.len();
    append::<D>(value, 0, out).inspect_err(|_| out.truncate(before))
}

/// Appends a text.
pub(super) fn text<D: Dialect>(text: &str, out: &mut Vec<u8>) {
    D::text_head(text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn append<D: Dialect>(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(bool) => out.push(0xc2 + u8::from(*bool)),
        Value::Number(number) => D::number(*number, out)?,
        Value::String(string) => text::<D>(string, out),
        Value::Bytes(bytes) => {
            D::bytes_head(bytes.len(), out);
            out.extend_from_slice(bytes);
        }
        Value::Array(values) => {
            let depth = deeper::<D>(depth)?;
            write::LIST.write(values.len(), out);
            for value in values {
                append::<D>(value, depth, out)?;
            }
        }
        Value::Object(object) => {
            let depth = deeper::<D>(depth)?;
            write::MAP.write(object.len(), out);
            for (key, value) in object.iter() {
                text::<D>(key, out);
                append::<D>(value, depth, out)?;
            }
        }
        Value::Extended(extended) => D::extended(extended, out)?,
    }
    Ok(())
}

/// No peer would read what is nested deeper.
fn deeper<D: Dialect>(depth: usize) -> Result<usize, EncodeError> {
    match depth < VALUE_DEPTH_MAX {
        true => Ok(depth + 1),
        false => Err(EncodeError::Unsupported {
            parser: D::NAME,
            what: "a value that is nested too deeply",
        }),
    }
}
