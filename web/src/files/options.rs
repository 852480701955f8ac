//! What files are served with.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Requests that may be under way, by default. Each takes a descriptor and, while its client reads
/// slowly, 200 KiB.
const REQUESTS_MAX: usize = 4096;

/// What files are served with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticOptions {
    /// The folder.
    pub root: PathBuf,
    /// What a path begins with that is not in the folder. Default: `/`.
    pub prefix: String,
    /// The file of a path that ends with a slash. Default: `index.html`.
    pub index: String,
    /// The file for paths without one whose last part has no dot, as applications of one page need
    /// it. Default: none.
    pub fallback: Option<String>,
    /// How long a client may take a file from its cache without asking. Default: not at all.
    pub max_age: Duration,
    /// Whether `x.br`, `x.zst` and `x.gz` are sent in the place of `x` to those who can read them.
    /// Default: yes.
    pub precompressed: bool,
    /// Whether names that begin with a dot are served, other than `.well-known`. Default: no.
    pub hidden: bool,
    /// Requests that may be under way; more are answered with 503. Default: 4,096.
    pub requests_max: usize,
}

/// Files that can't be served.
#[derive(Debug, thiserror::Error)]
pub enum StaticError {
    /// The folder can't be opened.
    #[error("{0} can't be opened: {1}")]
    Root(PathBuf, io::Error),
    /// The kernel refuses to resolve paths beneath it.
    #[error("the system call openat2 (Linux 5.6) is needed to stay in the folder, and fails: {0}")]
    Openat2(io::Error),
}

impl StaticOptions {
    /// The defaults, for this folder.
    pub fn of(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            prefix: "/".to_owned(),
            index: "index.html".to_owned(),
            fallback: None,
            max_age: Duration::ZERO,
            precompressed: true,
            hidden: false,
            requests_max: REQUESTS_MAX,
        }
    }
}
