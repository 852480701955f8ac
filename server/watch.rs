//! Has something be done when one of some files has changed.
//!
//! It looks every two seconds, on a thread of its own. Changes are not waited for (inotify):
//! that knows nothing of network file systems, and of the links in which Kubernetes mounts secrets
//! only the last one changes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Files that are looked at as long as this is there.
#[derive(Debug)]
pub(crate) struct FileWatch {
    /// When it is dropped, the thread ends.
    _end: Option<SyncSender<()>>,
}

impl FileWatch {
    /// Calls `changed` when one of the files has changed, until that returns false. Without any
    /// file there is no thread. `name` is that of the thread.
    ///
    /// # Errors
    /// There can be no thread.
    pub(crate) fn start(
        name: &str,
        paths: Vec<PathBuf>,
        changed: impl FnMut() -> bool + Send + 'static,
    ) -> std::io::Result<Self> {
        if paths.is_empty() {
            return Ok(Self { _end: None });
        }
        let (end, ended) = sync_channel(0);
        // Before anything can change behind the back of that thread.
        let seen = states(&paths);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || watch(&paths, seen, changed, &ended))?;
        Ok(Self { _end: Some(end) })
    }
}

fn watch(
    paths: &[PathBuf],
    mut seen: Vec<State>,
    mut changed: impl FnMut() -> bool,
    ended: &Receiver<()>,
) {
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let now = states(paths);
        if now == seen {
            continue;
        }
        seen = now;
        if !changed() {
            return;
        }
    }
}

/// What changes when a file does: its inode, size, and the times of content and inode.
type State = Option<[i64; 6]>;

fn states(paths: &[PathBuf]) -> Vec<State> {
    paths.iter().map(|path| state(path)).collect()
}

fn state(path: &Path) -> State {
    let found = fs::metadata(path).ok()?;
    Some([
        found.ino() as i64,
        found.size() as i64,
        found.mtime(),
        found.mtime_nsec(),
        found.ctime(),
        found.ctime_nsec(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_or_replaced_or_gone_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let mut before = state(&path);
        assert_eq!(before, None);
        let mut change = |what: &dyn Fn()| {
            what();
            let now = state(&path);
            assert_ne!(now, before);
            before = now;
        };
        change(&|| fs::write(&path, "a").unwrap());
        change(&|| fs::write(&path, "ab").unwrap());
        let other = folder.path().join("other");
        change(&|| {
            fs::write(&other, "ba").unwrap();
            fs::rename(&other, &path).unwrap();
        });
        change(&|| fs::remove_file(&path).unwrap());
    }
}
