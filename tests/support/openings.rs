//! `connection` listeners that wait for each other. tests/interop/node-server.js has the same.

use std::sync::Arc;
use std::time::Duration;

use allspark::{LocalSpark, Primus, SparkId};

/// How long the first one takes.
const A_WHILE: Duration = Duration::from_millis(100);

/// Attaches one that takes a while, one that is done at once, and one that is not `async`. They
/// note what they do. The query says which of them fails: `fail=first`, `fail=second`.
pub(crate) fn openings(
    primus: &Primus,
    note: impl Fn(SparkId, &'static str) + Send + Sync + 'static,
) {
    let note = Arc::new(note);
    let (first, second) = (Arc::clone(&note), Arc::clone(&note));
    primus.on_connection_async(move |spark| {
        let note = Arc::clone(&first);
        async move {
            note(spark.id(), "first");
            // Whether the client is still there, the listener need not know.
            let _ = spark.write("first").await;
            spark.sleep(A_WHILE).await;
            note(spark.id(), "first done");
            judge(&spark, "first")
        }
    });
    primus.on_connection_async(move |spark| {
        second(spark.id(), "second");
        async move { judge(&spark, "second") }
    });
    primus.on_connection(move |spark| {
        note(spark.id(), "third");
        spark.write("third");
    });
}

fn judge(spark: &LocalSpark, name: &str) -> Result<(), String> {
    match spark.query().get("fail").as_deref() == Some(name) {
        true => Err(format!("{name} has failed")),
        false => Ok(()),
    }
}
