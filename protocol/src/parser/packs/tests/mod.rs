//! The bytes are npm's (`vectors`), whatever is written is read again (`ways`), and nothing that a
//! peer sends costs more than it weighs (`hostile`). Further values are compared with the packages
//! by tests/interop.

mod hostile;
mod vectors;
mod ways;

use super::{BinaryPack, MsgPack};
use crate::parser::{DecodeError, EncodeError, Parser, Scratch};
use crate::transformer::Kind;
use crate::value::Value;

fn decoded<P: Parser>(parser: P, message: &[u8]) -> Result<Value, DecodeError> {
    parser.decode(Kind::Binary, message, &mut Scratch::default())
}

fn encoded<P: Parser>(parser: P, value: &Value) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::new();
    let kind = parser.encode_value(value, &mut out)?;
    assert_eq!(kind, Kind::Binary);
    Ok(out)
}
