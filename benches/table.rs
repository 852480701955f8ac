//! Tables as apps send them.

use allspark_protocol::Value;
use allspark_protocol::parser::{Json, Parser};
use allspark_protocol::value;

/// A table whose rows, of about 100 bytes each, are numbered from `first`: numbers, short strings,
/// some escapes.
pub(crate) fn table(first: i64, rows: i64) -> Vec<u8> {
    let row = |at: i64| {
        let price = at as f64 * 1.37 + 0.25;
        let name = format!("Spark \"{at}\" of\n{}", at % 7);
        value!({
            "id": at,
            "price": price,
            "name": name,
            "tags": ["new", "blue"],
            "flags": [at, true, null],
        })
    };
    let rows: Vec<Value> = (first..first + rows).map(row).collect();
    let mut out = Vec::new();
    Json.encode_value(&Value::from(rows), &mut out)
        .expect("a value has a JSON text");
    out
}
