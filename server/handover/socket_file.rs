//! The socket file at the path: it appears at once, with its mode, and goes with the server that
//! has made it.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;

use rustix::net::{SocketAddrUnix, bind, listen};

use super::channel::socket;

/// Processes that may wait to be heard.
const BACKLOG: i32 = 8;

/// A socket that listens beside the path, until it takes its place.
#[derive(Debug)]
pub(super) struct SocketFile {
    pub(super) socket: OwnedFd,
    path: PathBuf,
    /// Where it is now.
    at: PathBuf,
    /// Device and number of the file, which tell it from one that has taken its place.
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens beside the path. Nobody but this user can connect, at no moment.
    pub(super) fn beside(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", process::id()));
        let at = PathBuf::from(name);
        match fs::remove_file(&at) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = socket()?;
        bind(&socket, &SocketAddrUnix::new(&at)?)?;
        // Before anybody can connect.
        fs::set_permissions(&at, Permissions::from_mode(0o600))?;
        listen(&socket, BACKLOG)?;
        let identity = identity(&at)?;
        Ok(Self {
            socket,
            path: path.to_owned(),
            at,
            identity,
        })
    }

    /// Takes the place of whatever is at the path.
    pub(super) fn take_place(&mut self) -> io::Result<()> {
        fs::rename(&self.at, &self.path)?;
        self.at.clone_from(&self.path);
        Ok(())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have taken its place.
        if identity(&self.at).is_ok_and(|found| found == self.identity) {
            // What is left behind is replaced by whoever comes next.
            let _ = fs::remove_file(&self.at);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_its_user_alone_and_goes_with_its_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handover");
        let mut first = SocketFile::beside(&path).unwrap();
        assert!(!path.exists());
        first.take_place().unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // A process has one of its own; this one plays two.
        let mut second = SocketFile::beside(&path).unwrap();
        second.take_place().unwrap();
        drop(first);
        assert!(path.exists(), "it is that of the second one");
        drop(second);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
