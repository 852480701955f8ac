//! An honest client that sends a message, waits for its echo, and notes how long that took. A while
//! in which the whole machine stood still, or others had its processors, says nothing of the
//! server, and does not count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::http::Client;
use crate::moment::Moment;
use crate::server::Server;

/// Between two messages.
const PAUSE: Duration = Duration::from_millis(20);

/// Who sleeps for so long longer than he meant to notices a standstill. A machine that is merely
/// busy lets nobody wait as long.
const STANDSTILL: Duration = Duration::from_millis(300);

pub(crate) struct Witness {
    told: Arc<Told>,
    watch: JoinHandle<Longest>,
    sleeper: JoinHandle<()>,
}

/// The longest wait for an answer, and the most work that was done before one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Longest {
    pub(crate) wait: Duration,
    pub(crate) work: Duration,
}

/// What the threads of a witness tell each other.
#[derive(Default)]
struct Told {
    is_over: AtomicBool,
    /// Milliseconds of all standstills together.
    standstills_ms: AtomicU64,
}

impl Told {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn standstills(&self) -> Duration {
        Duration::from_millis(self.standstills_ms.load(Ordering::Relaxed))
    }

    /// Sleeps, and notes how much longer that took than it should.
    fn sleep(&self) {
        let begun = Instant::now();
        std::thread::sleep(PAUSE);
        let overslept = begun.elapsed().saturating_sub(PAUSE);
        if overslept > STANDSTILL {
            let ms = u64::try_from(overslept.as_millis()).unwrap_or(u64::MAX);
            self.standstills_ms.fetch_add(ms, Ordering::Relaxed);
        }
    }
}

impl Witness {
    pub(crate) fn start(server: &Server) -> Self {
        let mut client = Client::open_websocket(server);
        let process = server.process();
        let told = Arc::new(Told::default());
        let sleeper = {
            let told = Arc::clone(&told);
            std::thread::spawn(move || {
                while !told.is_over() {
                    told.sleep();
                }
            })
        };
        let ours = Arc::clone(&told);
        let watch = move || {
            let mut longest = Longest::default();
            let mut number = 0_u64;
            while !ours.is_over() {
                let (before, standstills) = (Moment::now(process), ours.standstills());
                let begun = Instant::now();
                let message = format!("\"witness {number}\"");
                client.write_message(&message).expect("the server lives");
                while client.read_message().expect("the server answers") != message {}
                let wait = begun.elapsed();
                let after = Moment::now(process);
                let hindered = after.hindered_since(&before);
                // The sleeper, too, comes round to noting it.
                std::thread::sleep(if wait > STANDSTILL { 5 * PAUSE } else { PAUSE });
                let nobodys = hindered.max(ours.standstills() - standstills);
                longest.wait = longest.wait.max(wait.saturating_sub(nobodys));
                longest.work = longest.work.max(after.work_since(&before));
                number += 1;
            }
            longest
        };
        Self {
            told,
            watch: std::thread::spawn(watch),
            sleeper,
        }
    }

    pub(crate) fn conclude(self) -> Longest {
        self.told.is_over.store(true, Ordering::Relaxed);
        let longest = self.watch.join().expect("the witness got every answer");
        self.sleeper.join().expect("it only sleeps");
        longest
    }
}
