//! Lines on their way: queued by those who log, written by a thread of their own.
//!
//! It is no more than a channel of the standard library with a bound in bytes. tracing-appender,
//! the crate for this, counts lines instead of bytes, forgets what could not be written, and when
//! the program ends while its writer is stuck it prints that to stdout, which may be stuck as well.
//!
//! # Invariants
//! - [`Lines::push`] never waits: neither for the writer, nor for another thread that pushes.
//! - What waits stays within [`WAITING_BYTES_MAX`].
//! - Every line is written whole, or counted as lost; the count is told as soon as a line could be
//!   written again.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// What may wait: some 5,000 lines, which is more than a reader lacks that merely pauses.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// What a line takes beside its text: its place in the channel, and what the allocator adds.
const LINE_OVERHEAD_BYTES: usize = 64;

/// While lines are lost all the time, that is told this often.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Where lines are queued.
#[derive(Clone)]
pub(crate) struct Lines {
    messages: Sender<Message>,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Tally {
    waiting_bytes: AtomicUsize,
    lost: AtomicU64,
}

enum Message {
    Line(Box<[u8]>),
    /// Everything before it is written, or lost.
    Flushed(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that writes to `out`. `say_lost` makes the line which tells how many were
    /// lost.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        say_lost: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let (messages, incoming) = mpsc::channel();
        let tally = Arc::new(Tally::default());
        let outlet = Outlet {
            out,
            tally: Arc::clone(&tally),
            say_lost,
            told: 0,
            told_at: None,
            is_torn: false,
        };
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || outlet.run(&incoming))?;
        Ok(Self { messages, tally })
    }

    /// For tests of others: all lines are lost.
    #[cfg(test)]
    pub(crate) fn to_nowhere() -> Self {
        Self {
            messages: mpsc::channel().0,
            tally: Arc::default(),
        }
    }

    /// Queues a line, with its end of line.
    pub(super) fn push(&self, line: &[u8]) {
        let bytes = line.len() + LINE_OVERHEAD_BYTES;
        let before = self.tally.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before + bytes <= WAITING_BYTES_MAX;
        if !has_room || self.messages.send(Message::Line(line.into())).is_err() {
            self.tally.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.tally.lose();
        }
    }

    /// Waits until everything that was queued before is written or lost, but no longer than this.
    pub(super) fn flush(&self, timeout: Duration) {
        let (flushed, is_flushed) = mpsc::sync_channel(1);
        if self.messages.send(Message::Flushed(flushed)).is_ok() {
            // Whoever does not take lines any more is not waited for.
            let _ = is_flushed.recv_timeout(timeout);
        }
    }

    /// How many lines were lost since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.tally.lost.load(Ordering::Relaxed)
    }
}

impl Tally {
    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = &'w Self;

    fn make_writer(&'w self) -> &'w Self {
        self
    }
}

/// Each event comes in one piece.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The end at which lines are written.
struct Outlet<W, F> {
    out: W,
    tally: Arc<Tally>,
    say_lost: F,
    /// How many of the lost lines have been told of.
    told: u64,
    told_at: Option<Instant>,
    /// The last line was written in part.
    is_torn: bool,
}

impl<W: Write, F: Fn(u64) -> String> Outlet<W, F> {
    fn run(mut self, incoming: &Receiver<Message>) {
        for message in incoming {
            match message {
                Message::Line(line) => {
                    let is_written = self.write_line(&line);
                    let bytes = line.len() + LINE_OVERHEAD_BYTES;
                    let before = self.tally.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
                    if !is_written {
                        self.tally.lose();
                    } else if before == bytes || self.has_not_told_for_long() {
                        self.tell();
                    }
                }
                Message::Flushed(flushed) => {
                    self.tell();
                    // Who waited may have given up.
                    let _ = flushed.try_send(());
                }
            }
        }
    }

    fn has_not_told_for_long(&self) -> bool {
        self.told_at.is_none_or(|at| at.elapsed() >= TELL_INTERVAL)
    }

    /// Says how many lines were lost since it last said so.
    fn tell(&mut self) {
        let lost = self.tally.lost.load(Ordering::Relaxed);
        if lost > self.told {
            let line = (self.say_lost)(lost - self.told);
            if self.write_line(line.as_bytes()) {
                self.told = lost;
                self.told_at = Some(Instant::now());
            }
        }
    }

    /// Returns false if the line is lost.
    fn write_line(&mut self, line: &[u8]) -> bool {
        if self.is_torn && !self.write_all(b"\n") {
            return false;
        }
        self.is_torn = false;
        self.write_all(line)
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> bool {
        let begun = bytes.len();
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(written) if written > 0 => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    self.is_torn |= bytes.len() < begun;
                    return false;
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests;
