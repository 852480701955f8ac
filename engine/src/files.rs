//! What is served beside the transport.

use std::sync::{Arc, OnceLock};

use allspark_protocol::http::StaticBody;

/// A name behind the pathname, for instance `/primus.js`, and what is served under it.
pub type File = (&'static str, StaticBody);

/// What is served beside the transport. A name that ends with `?word` is for requests whose query
/// has the word, and stands before the name without it. Who asks for an upgrade is not served.
///
/// Clones are the same files. They can be replaced once, also while the server runs.
#[derive(Clone, Debug)]
pub struct Files(Arc<Versions>);

#[derive(Debug)]
struct Versions {
    given: Box<[File]>,
    later: OnceLock<Box<[File]>>,
}

impl Files {
    /// These files.
    pub fn new(files: impl Into<Box<[File]>>) -> Self {
        Self(Arc::new(Versions {
            given: files.into(),
            later: OnceLock::new(),
        }))
    }

    /// Has these be served from now on. Returns false, and nothing changes, if they were replaced
    /// before.
    pub fn replace(&self, files: impl Into<Box<[File]>>) -> bool {
        self.0.later.set(files.into()).is_ok()
    }

    /// Those that are served now.
    pub fn current(&self) -> &[File] {
        self.0.later.get().unwrap_or(&self.0.given)
    }
}

impl Default for Files {
    fn default() -> Self {
        Self::new([])
    }
}
