//! What the service manager hears, if there is one that speaks `sd_notify`, as systemd does: that
//! the server serves, that it reads its options anew, that it ends, and, as often as the manager
//! wants to know (`WatchdogSec=`), that every shard still turns.
//!
//! A manager that listens no longer is no reason to wait: a thread of its own tells it, and where
//! no `NOTIFY_SOCKET` is named there is none.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use allspark::Handle;
use sd_notify::NotifyState;

/// How many times within the time of the watchdog the shards are asked: one that is late once is
/// no reason to be ended.
const QUESTIONS_PER_WATCHDOG: u32 = 4;

/// How long the end of the process waits for a manager that does not listen. One that does takes
/// what it is told at once.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the service manager.
#[derive(Clone)]
pub(crate) struct Notifier(Option<Sender<News>>);

enum News {
    /// The server serves, from now on or again, and this is how it is.
    Ready(String),
    Reloading,
    Stopping,
    /// That is all: dropped once everything before it was told.
    Ended(Sender<()>),
}

impl Notifier {
    /// Tells the manager of this server, if there is a manager.
    ///
    /// # Errors
    /// If there can be no thread that tells it.
    pub(crate) fn start(server: Handle) -> io::Result<Self> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self(None));
        }
        let (sender, news) = mpsc::channel();
        let watchdog = sd_notify::watchdog_enabled().map(|within| Watchdog::new(server, within));
        thread::Builder::new()
            .name("notify".to_owned())
            .spawn(move || pass_on(&news, watchdog))?;
        Ok(Self(Some(sender)))
    }

    /// It serves.
    pub(crate) fn ready(&self) {
        self.ready_again("");
    }

    /// The same after a reload, and how that went.
    pub(crate) fn ready_again(&self, how: &str) {
        let separator = if how.is_empty() { "" } else { "; " };
        self.tell(News::Ready(format!("serving{separator}{how}")));
    }

    /// It reads its options anew, until it is ready again.
    pub(crate) fn reloading(&self) {
        self.tell(News::Reloading);
    }

    /// It ends, which may take a while.
    pub(crate) fn stopping(&self) {
        self.tell(News::Stopping);
    }

    /// It has ended. Waits until the manager was told everything, but not for long.
    pub(crate) fn end(&self) {
        let (waits, is_told) = mpsc::channel();
        self.tell(News::Ended(waits));
        // Whether that is so or took too long, the process ends.
        let _ = is_told.recv_timeout(END_TIMEOUT);
    }

    fn tell(&self, news: News) {
        if let Some(sender) = &self.0 {
            // The thread lives as long as this.
            let _ = sender.send(news);
        }
    }
}

/// Passes news on until nobody is left who could have some.
fn pass_on(news: &Receiver<News>, mut watchdog: Option<Watchdog>) {
    let mut stops = false;
    loop {
        let next = match &watchdog {
            Some(watchdog) => news.recv_timeout(watchdog.time_left()),
            None => news.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match next {
            // Who ends is not ready any more, even if a reload has just come to its end.
            Ok(News::Ready(_) | News::Reloading) if stops => {}
            Ok(News::Ready(status)) => {
                notify(&[NotifyState::Ready, NotifyState::Status(&status)]);
            }
            Ok(News::Reloading) => reloading(),
            Ok(News::Stopping) => {
                stops = true;
                notify(&[
                    NotifyState::Stopping,
                    NotifyState::Status("draining: clients are to reconnect elsewhere"),
                ]);
            }
            Ok(News::Ended(waits)) => drop(waits),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(watchdog) = &mut watchdog
                    && watchdog.all_turn()
                {
                    notify(&[NotifyState::Watchdog]);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "there is no monotonic clock"),
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// Asks all shards again and again whether they turn.
///
/// The question is a visit of the sparks that stops at once. Each shard drops it when it has come
/// so far, so it is gone as soon as all of them have turned.
struct Watchdog {
    server: Handle,
    interval: Duration,
    question: Weak<()>,
    next_at: Instant,
}

impl Watchdog {
    /// The manager wants to hear of this server within this time.
    fn new(server: Handle, within: Duration) -> Self {
        let mut watchdog = Self {
            server,
            interval: within / QUESTIONS_PER_WATCHDOG,
            question: Weak::new(),
            next_at: Instant::now(),
        };
        watchdog.ask();
        watchdog
    }

    fn time_left(&self) -> Duration {
        self.next_at.saturating_duration_since(Instant::now())
    }

    /// Whether all shards have turned since they were asked, in which case they are asked again.
    fn all_turn(&mut self) -> bool {
        let is_answered = self.is_answered();
        if is_answered {
            self.ask();
        } else {
            self.next_at = Instant::now() + self.interval;
        }
        is_answered
    }

    fn is_answered(&self) -> bool {
        self.question.strong_count() == 0
    }

    fn ask(&mut self) {
        let question = Arc::new(());
        self.question = Arc::downgrade(&question);
        self.server.for_each(move |_| {
            let _ = &question;
            false
        });
        self.next_at = Instant::now() + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

    use allspark::{Destroy, Primus};

    use super::*;

    /// Longer than any machine takes to turn a shard.
    const LONG: Duration = Duration::from_secs(60);

    fn await_answer(watchdog: &Watchdog) {
        let begun = Instant::now();
        while !watchdog.is_answered() {
            assert!(begun.elapsed() < LONG, "the shards do not turn");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_shard_that_is_stuck_is_noticed_until_it_turns_again() {
        let primus = Primus::builder().shards(2).transformer("websockets");
        let primus = primus.build().unwrap();
        let (stuck, is_stuck) = mpsc::channel();
        let (release, is_released) = mpsc::channel::<()>();
        let is_released = std::sync::Mutex::new(is_released);
        primus.on_connection(move |_| {
            stuck.send(()).unwrap();
            // It ends when the test drops the other end.
            let _ = is_released.lock().unwrap().recv();
        });
        let server = primus.start("127.0.0.1:0").unwrap();
        let mut watchdog = Watchdog::new(server.handle(), LONG);
        await_answer(&watchdog);
        assert!(watchdog.all_turn());
        await_answer(&watchdog);

        let mut client = TcpStream::connect(server.address()).unwrap();
        let upgrade = b"GET /primus HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
        client.write_all(upgrade).unwrap();
        is_stuck.recv().unwrap();
        watchdog.ask();
        // The other shard answers, but this one can't.
        assert!(!watchdog.all_turn() && !watchdog.is_answered());
        drop(release);
        await_answer(&watchdog);
        drop(client);
        server.handle().destroy(Destroy::default());
        server.join().unwrap();
    }

    #[test]
    fn without_a_manager_nobody_is_told() {
        let nobody = Notifier(None);
        nobody.ready();
        nobody.reloading();
        nobody.stopping();
        nobody.end();
    }
}
