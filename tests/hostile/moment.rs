//! What the kernel counts of the threads of a server: how long they ran, and how long they could
//! have run and had to wait for a processor. That others kept them waiting is not the server's
//! doing, unless these others are threads of its own.

use std::collections::HashMap;
use std::fs;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// What was counted at one moment.
pub(crate) struct Moment {
    at: Instant,
    /// Of the server, by the numbers of its threads.
    threads: HashMap<String, Counted>,
    /// Of the thread that asks.
    own: Counted,
}

#[derive(Clone, Copy, Default)]
struct Counted {
    ran: Duration,
    waited: Duration,
}

impl Counted {
    /// Nothing, if the thread is gone or the kernel does not count.
    fn read(path: &str) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut numbers = text.split_whitespace().map_while(|word| word.parse().ok());
        let mut next = || Duration::from_nanos(numbers.next().unwrap_or(0));
        Self {
            ran: next(),
            waited: next(),
        }
    }
}

impl Moment {
    /// Of the process with this number.
    pub(crate) fn now(process: u32) -> Self {
        let tasks = fs::read_dir(format!("/proc/{process}/task"));
        let tasks = tasks.into_iter().flatten().flatten();
        let threads = tasks.map(|task| {
            let number = task.file_name().to_string_lossy().into_owned();
            let counted = Counted::read(&format!("/proc/{process}/task/{number}/schedstat"));
            (number, counted)
        });
        Self {
            threads: threads.collect(),
            own: Counted::read("/proc/thread-self/schedstat"),
            at: Instant::now(),
        }
    }

    /// What that thread of the server did since `before` which did most.
    pub(crate) fn busiest_since(&self, before: &Self) -> Duration {
        let ran = self.threads.iter().map(|(number, after)| {
            let before = before.threads.get(number).copied().unwrap_or_default();
            after.ran.saturating_sub(before.ran)
        });
        ran.max().unwrap_or_default()
    }

    /// The same, without what it may have done while others kept the thread that asks from running.
    pub(crate) fn work_since(&self, before: &Self) -> Duration {
        let own = self.own.waited.saturating_sub(before.own.waited);
        self.busiest_since(before).saturating_sub(own)
    }

    /// For how long since `before` others kept the thread that asks from running, and that thread
    /// of the server which they kept from it for longest.
    pub(crate) fn hindered_since(&self, before: &Self) -> Duration {
        let since = self.threads.iter().map(|(number, after)| {
            let before = before.threads.get(number).copied().unwrap_or_default();
            let ran = after.ran.saturating_sub(before.ran);
            (ran, after.waited.saturating_sub(before.waited))
        });
        let (mut ran, mut waited) = (Duration::ZERO, Duration::ZERO);
        for (thread_ran, thread_waited) in since {
            ran += thread_ran;
            waited = waited.max(thread_waited);
        }
        let processors = available_parallelism().map_or(1, |count| count.get() as u32);
        // While the server had all processors, its threads waited for each other.
        let left = (self.at - before.at).saturating_sub(ran / processors);
        let own = self.own.waited.saturating_sub(before.own.waited);
        (waited + own).min(left)
    }
}
