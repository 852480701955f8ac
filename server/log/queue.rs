//! Lines on their way: queued by those who log, written by a thread of their own.
//!
//! It is no more than a channel of the standard library with a bound in bytes. tracing-appender,
//! the crate for this, counts lines instead of bytes, forgets what could not be written, and when
//! the program ends while its writer is stuck it prints that to stdout, which may be stuck as well.
//!
//! # Invariants
//! - [`Lines::push`] never waits: neither for the writer, nor for another thread that pushes.
//! - What waits stays within a bound in bytes, [`WAITING_BYTES_MAX`] for the log.
//! - Every line is written whole, or counted as lost; the count is told as soon as a line could be
//!   written again.

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// What may wait for the log: some 5,000 lines, which is more than a reader lacks that merely
/// pauses.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// What a line takes beside its text: its place in the channel, and what the allocator adds.
const LINE_OVERHEAD_BYTES: usize = 64;

/// While lines are lost all the time, that is told this often.
const TELL_INTERVAL: Duration = Duration::from_secs(1);

/// Tells how many lines were lost.
pub(crate) enum Tell {
    /// By a line among the others, which this makes.
    Here(Box<dyn Fn(u64) -> String + Send>),
    /// By this, to somebody else.
    Elsewhere(fn(u64)),
}

/// Where lines are queued.
#[derive(Clone)]
pub(crate) struct Lines {
    messages: Sender<Message>,
    tally: Arc<Tally>,
}

struct Tally {
    waiting_bytes_max: usize,
    waiting_bytes: AtomicUsize,
    lost: AtomicU64,
}

enum Message {
    Line(Box<[u8]>),
    /// Everything before it is written, or lost.
    Flushed(SyncSender<()>),
}

impl Lines {
    /// Starts the thread of the log, which writes to `out`. `say_lost` makes the line which tells
    /// how many were lost.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        say_lost: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        Self::start_as(
            "log",
            WAITING_BYTES_MAX,
            out,
            Tell::Here(Box::new(say_lost)),
        )
    }

    /// The same for another thread and bound. `out` is flushed between two lines.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn start_as(
        name: &'static str,
        waiting_bytes_max: usize,
        out: impl Write + Send + 'static,
        say_lost: Tell,
    ) -> io::Result<Self> {
        let (messages, incoming) = mpsc::channel();
        let tally = Arc::new(Tally::new(waiting_bytes_max));
        let outlet = Outlet {
            out,
            tally: Arc::clone(&tally),
            say_lost,
            told: 0,
            told_at: None,
            is_torn: false,
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || outlet.run(&incoming))?;
        Ok(Self { messages, tally })
    }

    /// For tests of others: all lines are lost.
    #[cfg(test)]
    pub(crate) fn to_nowhere() -> Self {
        Self {
            messages: mpsc::channel().0,
            tally: Arc::new(Tally::new(WAITING_BYTES_MAX)),
        }
    }

    /// Queues a line, with its end of line.
    pub(crate) fn push(&self, line: &[u8]) {
        let bytes = line.len() + LINE_OVERHEAD_BYTES;
        let before = self.tally.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before + bytes <= self.tally.waiting_bytes_max;
        if !has_room || self.messages.send(Message::Line(line.into())).is_err() {
            self.tally.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.tally.lose();
        }
    }

    /// Waits until everything that was queued before is written or lost, but no longer than this.
    pub(crate) fn flush(&self, timeout: Duration) {
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
    fn new(waiting_bytes_max: usize) -> Self {
        Self {
            waiting_bytes_max,
            waiting_bytes: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
        }
    }

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
struct Outlet<W> {
    out: W,
    tally: Arc<Tally>,
    say_lost: Tell,
    /// How many of the lost lines have been told of.
    told: u64,
    told_at: Option<Instant>,
    /// The last line was written in part.
    is_torn: bool,
}

impl<W: Write> Outlet<W> {
    fn run(mut self, incoming: &Receiver<Message>) {
        for message in incoming {
            match message {
                Message::Line(line) => {
                    let is_written = self.write_line(&line);
                    let bytes = line.len() + LINE_OVERHEAD_BYTES;
                    let before = self.tally.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
                    if !is_written {
                        self.tally.lose();
                        if matches!(self.say_lost, Tell::Elsewhere(_)) {
                            self.tell_at_times();
                        }
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

    fn tell_at_times(&mut self) {
        if self.has_not_told_for_long() {
            self.tell();
        }
    }

    fn has_not_told_for_long(&self) -> bool {
        self.told_at.is_none_or(|at| at.elapsed() >= TELL_INTERVAL)
    }

    /// Says how many lines were lost since it last said so.
    fn tell(&mut self) {
        let lost = self.tally.lost.load(Ordering::Relaxed);
        if lost > self.told {
            let line = match &self.say_lost {
                Tell::Here(make) => Some(make(lost - self.told)),
                Tell::Elsewhere(tell) => {
                    tell(lost - self.told);
                    None
                }
            };
            if line.is_none_or(|line| self.write_line(line.as_bytes())) {
                self.told = lost;
                self.told_at = Some(Instant::now());
            }
        }
    }

    /// Returns false if the line is lost.
    fn write_line(&mut self, line: &[u8]) -> bool {
        // What cannot be flushed is told by the write.
        let _ = self.out.flush();
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
