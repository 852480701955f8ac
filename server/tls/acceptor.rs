//! TLS of a server: a configuration that is read anew when its files change.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use allspark_engine::TlsAcceptor;

use super::config::{Built, Sessions, build};
use super::error::TlsError;
use super::options::TlsOptions;
use crate::watch::FileWatch;

/// TLS as it was configured. Its files are looked at as long as this is there; what was accepted by
/// it lives on without it.
pub struct Tls {
    shared: Arc<Shared>,
    _files: FileWatch,
}

struct Shared {
    options: TlsOptions,
    sessions: Sessions,
    acceptor: TlsAcceptor,
    /// One at a time reads files, so that what was read last is what counts.
    reading: Mutex<()>,
}

impl TlsOptions {
    /// Reads everything that they name, to see whether it can be used.
    ///
    /// # Errors
    /// What can't, or that there are options but no certificate.
    pub fn check(&self) -> Result<(), TlsError> {
        match self.is_on() {
            true => build(self, &Sessions::new(self)).map(drop),
            false if *self == Self::default() => Ok(()),
            false => Err(TlsError::no_certificate()),
        }
    }
}

impl Tls {
    /// Reads keys and certificates, and tells the log what deserves a word.
    ///
    /// # Errors
    /// A file or an option that can't be used, or that there can be no thread that looks at files.
    pub fn start(options: TlsOptions) -> Result<Self, TlsError> {
        let sessions = Sessions::new(&options);
        let built = build(&options, &sessions)?;
        tell(&built);
        let files = options.files();
        let shared = Arc::new(Shared {
            options,
            sessions,
            acceptor: acceptor(built),
            reading: Mutex::new(()),
        });
        let watched = Arc::downgrade(&shared);
        let files = FileWatch::start("tls", files, move || {
            let shared = watched.upgrade();
            if let Some(shared) = &shared {
                shared.reload_and_tell();
            }
            shared.is_some()
        });
        let files = files.map_err(|error| {
            TlsError::of(
                "tls-cert",
                format!("there can be no thread that looks at it: {error}"),
            )
        })?;
        Ok(Self {
            shared,
            _files: files,
        })
    }

    /// What it was started with.
    pub fn options(&self) -> &TlsOptions {
        &self.shared.options
    }

    /// What listeners accept with. All of them take a new configuration when there is one.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.shared.acceptor.clone()
    }

    /// Reads keys and certificates anew, for connections from now on. Those that are there live on,
    /// and their sessions can be resumed unless the rule about clients' certificates is another.
    /// Returns the names that the certificates have.
    ///
    /// # Errors
    /// A file that can't be used; then everything stays as it was.
    pub fn reload(&self) -> Result<Vec<String>, TlsError> {
        self.shared.reload()
    }
}

impl Shared {
    fn reload(&self) -> Result<Vec<String>, TlsError> {
        let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let built = build(&self.options, &self.sessions)?;
        tell(&built);
        let names = built.names.clone();
        replace(&self.acceptor, built);
        Ok(names)
    }

    fn reload_and_tell(&self) {
        match self.reload() {
            Ok(names) => {
                let names = names.join(", ");
                tracing::info!(
                    "the certificates of TLS were read anew: {}",
                    names.escape_debug()
                );
            }
            Err(error) => {
                let option = error.option();
                tracing::error!("{option}: {error}; the certificates that were there before stay");
            }
        }
    }
}

fn tell(built: &Built) {
    for note in &built.notes {
        tracing::warn!("{note}");
    }
}

fn acceptor(built: Built) -> TlsAcceptor {
    TlsAcceptor::judging(built.config, built.judge)
}

fn replace(acceptor: &TlsAcceptor, built: Built) {
    acceptor.replace_judging(built.config, built.judge);
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.shared.options;
        f.debug_struct("Tls")
            .field("options", options)
            .finish_non_exhaustive()
    }
}
