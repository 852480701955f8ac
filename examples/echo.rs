//! The smallest server: it writes each message back to its sender.
//!
//! Run it with `cargo run --release --example echo`, then connect any Primus client, or any
//! WebSocket client, to `http://127.0.0.1:8080/primus`.

use allspark::{Error, Primus};

fn main() -> Result<(), Error> {
    echo()?.listen("127.0.0.1:8080")
}

/// The server, not yet started.
pub(crate) fn echo() -> Result<Primus, Error> {
    let primus = Primus::builder().transformer("websockets").build()?;
    primus.on_connection(|spark| {
        println!("connection {} from {}", spark.id(), spark.address());
        spark.on_data(|spark, data| {
            spark.write(data);
        });
    });
    primus.on_disconnection(|spark| println!("disconnection {}", spark.id()));
    Ok(primus)
}
