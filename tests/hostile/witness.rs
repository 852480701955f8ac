//! An honest client that sends a message, waits for its echo, and notes how long that took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::Client;
use crate::server::Server;

/// Between two messages.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) struct Witness {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Witness {
    pub(crate) fn start(server: &Server) -> Self {
        let mut client = Client::open_websocket(server);
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let watch = move || {
            let mut longest = Duration::ZERO;
            let mut number = 0_u64;
            while !told.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let message = format!("\"witness {number}\"");
                client.write_message(&message).expect("the server lives");
                while client.read_message().expect("the server answers") != message {}
                longest = longest.max(begun.elapsed());
                number += 1;
                std::thread::sleep(PAUSE);
            }
            longest
        };
        Self {
            is_over,
            thread: std::thread::spawn(watch),
        }
    }

    /// The longest wait for an answer.
    pub(crate) fn conclude(self) -> Duration {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the witness got every answer")
    }
}
