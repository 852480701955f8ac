//! Signals.
//!
//! The first SIGTERM or SIGINT drains the server: every client is told to reconnect, spread over
//! some seconds, and then the process ends; the second one ends the process at once. SIGHUP has the
//! file, keys and certificates be read anew ([`crate::reload`]). SIGUSR1 has the file of the access
//! log be opened anew, for whoever has moved it away; SIGUSR2, and SIGUSR1 without such a file, say
//! nothing and end nothing. SIGQUIT is left to the kernel: it ends the process with a core dump,
//! for whoever wants to know what it is doing.
//!
//! # Invariants
//! - The second signal is carried out by the handler itself: no thread has to be alive for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use crate::drain::End;
use crate::log::Reopen;
use crate::notify::Notifier;

const DRAINING: [i32; 2] = [SIGTERM, SIGINT];

/// A log in a file that has reached its limit of size (RLIMIT_FSIZE) is an error of that write, not
/// the end of the process.
const OF_NO_INTEREST: [i32; 1] = [SIGXFSZ];

const IGNORED: [i32; 2] = [SIGUSR1, SIGUSR2];

/// Signals that came since it was opened.
pub(crate) struct Inbox(Signals);

impl Inbox {
    /// From now on signals do what this module says. Open it once.
    ///
    /// # Errors
    /// What the kernel said.
    pub(crate) fn open() -> io::Result<Self> {
        let is_draining = Arc::new(AtomicBool::new(false));
        for signal in DRAINING {
            // In this order, so that only the second signal finds the flag set. The exit code is
            // by convention 128 and the number of the signal.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&is_draining))?;
            flag::register(signal, Arc::clone(&is_draining))?;
        }
        for signal in OF_NO_INTEREST {
            flag::register(signal, Arc::default())?;
        }
        Signals::new(DRAINING.iter().chain(&IGNORED).chain(&[SIGHUP])).map(Self)
    }

    /// Drains the server when a signal says so, even if that has come already, which the service
    /// manager hears of, and calls `reload` when one asks for that, which must not take long.
    ///
    /// # Errors
    /// If there can be no thread that waits.
    pub(crate) fn obey(
        mut self,
        end: Arc<End>,
        manager: Notifier,
        reopen: Reopen,
        reload: impl Fn() + Send + 'static,
    ) -> io::Result<()> {
        let wait = move || {
            for signal in self.0.forever() {
                if DRAINING.contains(&signal) {
                    // In this order, so that the process has not ended before the manager hears it.
                    manager.stopping();
                    end.begin();
                } else if signal == SIGHUP {
                    reload();
                } else if signal == SIGUSR1 && reopen.ask() {
                    tracing::info!("the access log is opened anew");
                } else {
                    let name = signal_name(signal).unwrap_or("a signal");
                    tracing::info!("{name} is ignored: there is nothing to reopen");
                }
            }
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(wait)
            .map(drop)
    }
}
