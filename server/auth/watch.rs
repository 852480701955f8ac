//! Has keys be read anew when a file of theirs has changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::authorizer::Authorizer;
use crate::watch::FileWatch;

/// An authorizer whose files are looked at as long as this is there.
#[derive(Debug)]
pub(crate) struct Watch {
    authorizer: Arc<Authorizer>,
    _files: FileWatch,
}

impl Watch {
    /// Watches the files of an authorizer.
    ///
    /// # Errors
    /// There can be no thread.
    pub(crate) fn start(authorizer: Arc<Authorizer>) -> std::io::Result<Self> {
        let paths: Vec<PathBuf> = authorizer.options().files().map(Path::to_owned).collect();
        let watched = Arc::downgrade(&authorizer);
        let files = FileWatch::start("keys", paths, move || {
            let authorizer = watched.upgrade();
            if let Some(authorizer) = &authorizer {
                authorizer.reload_and_tell();
            }
            authorizer.is_some()
        })?;
        Ok(Self {
            authorizer,
            _files: files,
        })
    }

    /// Who decides.
    pub(crate) fn authorizer(&self) -> &Authorizer {
        &self.authorizer
    }
}
