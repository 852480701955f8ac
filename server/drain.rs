//! Drains the server: whoever asks for it, a signal or a process that takes over, comes here. The
//! log says how far it is.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use allspark::{Drain, Handle};

/// The places where a server listens: what they are called, and the sockets of each.
pub(crate) type Sockets = Vec<(String, Vec<OwnedFd>)>;

/// Between two lines about a drain.
const PROGRESS: Duration = Duration::from_secs(5);

/// How a server ends, once somebody says so.
pub(crate) struct End {
    pub(crate) server: Handle,
    pub(crate) options: Mutex<Drain>,
    /// Copies of its listening sockets, for a process that takes over. Whoever has the lock hands
    /// them over.
    pub(crate) sockets: Mutex<Option<Sockets>>,
}

impl End {
    /// Begins, unless it drains already.
    pub(crate) fn begin(&self) {
        self.begin_with(self.options());
    }

    /// How it ends, as it is told now.
    pub(crate) fn options(&self) -> Drain {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on it ends so.
    pub(crate) fn set_options(&self, options: Drain) {
        *self.options.lock().unwrap_or_else(PoisonError::into_inner) = options;
    }

    /// The same, in another way.
    pub(crate) fn begin_with(&self, options: Drain) {
        if !self.server.is_draining() {
            self.server.drain(options);
            tell_beginning(&self.server, options);
        }
        // As long as anybody has a socket, clients wait in its backlog. Who hands them over just
        // now lets them go himself.
        if let Ok(mut sockets) = self.sockets.try_lock() {
            *sockets = None;
        }
    }
}

fn tell_beginning(server: &Handle, options: Drain) {
    let sparks = server.connected();
    let spread_s = options.spread_ms(sparks) as f64 / 1000.0;
    tracing::info!(
        sparks,
        spread_s,
        longest_s = options.longest_ms() as f64 / 1000.0,
        "draining: clients are to reconnect; a second signal ends at once"
    );
    let server = server.clone();
    let tell = move || {
        loop {
            thread::sleep(PROGRESS);
            tell(&server);
        }
    };
    // It ends with the process.
    let told = thread::Builder::new().name("drain".to_owned()).spawn(tell);
    if let Err(error) = told {
        tracing::warn!(%error, "nobody can say how far the drain is");
    }
}

fn tell(server: &Handle) {
    if let Some(drain) = server.draining() {
        tracing::info!(
            sparks = drain.sparks_left,
            of = drain.sparks_before,
            connections = drain.connections_left,
            "still draining"
        );
    }
}
