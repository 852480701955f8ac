//! The one thread that judges passwords: that takes a quarter of a second and megabytes, on
//! purpose, so no shard does it, and only one is judged at a time.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use arc_swap::ArcSwap;

use super::bounds::HASHES_WAITING_MAX;
use super::operators::Operators;

/// Is called with whether it was the password.
type Then = Box<dyn FnOnce(bool) + Send>;

struct Job {
    name: String,
    password: String,
    then: Then,
}

/// Judges passwords.
pub(super) struct Hasher(SyncSender<Job>);

impl Hasher {
    /// # Errors
    /// There can be no thread.
    pub(super) fn start(operators: Arc<ArcSwap<Operators>>) -> io::Result<Self> {
        let (sender, jobs) = sync_channel::<Job>(HASHES_WAITING_MAX);
        let judge = move || {
            for job in jobs {
                let is_right = operators.load().is_password(&job.name, &job.password);
                (job.then)(is_right);
            }
        };
        let thread = thread::Builder::new().name("admin-hash".to_owned());
        thread.spawn(judge)?;
        Ok(Self(sender))
    }

    /// Has a password judged, and `then` called on that thread. If too many wait, nothing is
    /// called, and what `then` holds is dropped.
    pub(super) fn judge(
        &self,
        name: String,
        password: String,
        then: impl FnOnce(bool) + Send + 'static,
    ) {
        let then = Box::new(then);
        let job = Job {
            name,
            password,
            then,
        };
        match self.0.try_send(job) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}
