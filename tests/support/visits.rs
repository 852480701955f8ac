//! Visits of a scripted server to all its sparks. tests/interop/node-server.js has the same on
//! Node.js.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use allspark::Spark;

/// How a visit goes on from one spark to the next, and how it ends at the last one.
#[derive(Clone, Copy, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    /// At once, until `false`.
    Sync,
    /// A while later, until everybody was visited.
    #[default]
    Next,
    /// The same, until `next(null, false)`.
    Stop,
    /// The same, until `next(err)`.
    Fail,
}

/// Visits sparks up to the `last`, counted from 1, or all of them. One that goes on later tells the
/// asker how it has ended.
pub(crate) fn visit(asker: &mut Spark<'_>, how: How, last: Option<u32>) {
    let visited = AtomicU32::new(0);
    // Returns whether others are to be visited.
    let tell = move |spark: &mut Spark<'_>| {
        spark.write("visited");
        last != Some(visited.fetch_add(1, Ordering::Relaxed) + 1)
    };
    if matches!(how, How::Sync) {
        return asker.primus().for_each(tell);
    }
    let told = asker.handle();
    asker.primus().for_each_async(
        move |spark, next| {
            let goes_on = tell(spark);
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(1));
                match how {
                    How::Stop if !goes_on => next.stop(),
                    How::Fail if !goes_on => next.fail("refused"),
                    _ => next.forward(),
                }
            });
        },
        move |result| {
            let end = match result {
                Ok(()) => "done".to_owned(),
                Err(error) => format!("failed: {error}"),
            };
            told.write(end).expect("text can be encoded");
        },
    );
}
