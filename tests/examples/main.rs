//! The examples that are servers, played by clients. `examples/client.rs` has a test of its own.

#[expect(dead_code, reason = "its `main` is for people")]
#[path = "../../examples/chat.rs"]
mod chat;
#[expect(dead_code, reason = "its `main` is for people")]
#[path = "../../examples/echo.rs"]
mod echo;
#[expect(dead_code, reason = "its `main` is for people")]
#[path = "../../examples/streams.rs"]
mod streams;

mod chatting;
mod echoing;
mod streaming;

use std::time::Duration;

/// A test that waits for longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs what clients do to its end, with what they have started.
fn play(play: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let patient = async { tokio::time::timeout(PATIENCE, play).await };
    runtime.block_on(patient).expect("somebody waits in vain");
}
