//! What is wrong with a file for TLS.

use std::path::{Path, PathBuf};

/// A file or an option of TLS that can't be used. Nothing of a file is quoted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", self.place())]
pub struct TlsError {
    option: &'static str,
    path: Option<PathBuf>,
    reason: String,
}

impl TlsError {
    pub(super) fn of(option: &'static str, reason: impl Into<String>) -> Self {
        Self {
            option,
            path: None,
            reason: reason.into(),
        }
    }

    /// There are options of TLS, but nothing that TLS could be spoken with.
    pub fn no_certificate() -> Self {
        let reason = "there are options of TLS, but no certificate: name its file";
        Self::of("tls-cert", reason)
    }

    pub(super) fn at(mut self, path: Option<&Path>) -> Self {
        self.path = path.map(Path::to_owned);
        self
    }

    /// Which option it is about, by its name on the command line.
    pub fn option(&self) -> &'static str {
        self.option
    }

    fn place(&self) -> String {
        let path = self.path.as_deref().map(Path::display);
        path.map_or_else(String::new, |path| format!("{path}: "))
    }
}
