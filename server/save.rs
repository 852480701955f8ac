//! Saves a file so that nothing is lost: whoever reads it sees the old one or the new one, whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes beside the file and then puts the result in its place; a full disk is noticed before
/// anything is lost. What is no ordinary file (a terminal, a pipe) is written to as it is.
pub(crate) fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let before = fs::metadata(path).ok();
    if before.as_ref().is_some_and(|before| !before.is_file()) {
        return File::options().write(true).open(path)?.write_all(bytes);
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let beside = path.with_file_name(name_beside(name.to_owned()));
    let saved = write_whole(&beside, bytes, before.map(|before| before.permissions()));
    let saved = saved.and_then(|()| fs::rename(&beside, path));
    if saved.is_err() {
        // It is of no use to anybody; that it may not even exist is no further error.
        let _ = fs::remove_file(&beside);
    }
    saved
}

/// A name that no other save uses at the same time.
fn name_beside(name: OsString) -> OsString {
    static SAVES: AtomicU64 = AtomicU64::new(0);
    let save = SAVES.fetch_add(1, Ordering::Relaxed);
    let mut beside = OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}-{save}.tmp", process::id()));
    beside
}

fn write_whole(path: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let mut file = File::create(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_replaced_and_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.js");
        save(&path, b"old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        save(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left behind"
        );
    }

    /// `/dev/full` is where every disk is full.
    #[test]
    fn a_full_disk_is_an_error() {
        let error = save(Path::new("/dev/full"), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone/a.js");
        assert!(save(&path, b"x").is_err());
        assert!(save(Path::new("/"), b"x").is_err());
        assert!(save(folder.path(), b"x").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
