//! Unix domain sockets: files that clients of the same machine connect to, and names without a
//! file.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// A Unix domain socket to listen on.
///
/// Peers have no address: they are called `0.0.0.0:0` ([`UNIX_PEER`](super::UNIX_PEER)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// A path, or a zero and a name.
    name: PathBuf,
    mode: Option<u32>,
    user: Option<u32>,
    group: Option<u32>,
}

impl UnixSocket {
    /// A file. One that a server has left behind is removed; the file stays when this server ends,
    /// because another one may listen by then.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            name: path.into(),
            mode: None,
            user: None,
            group: None,
        }
    }

    /// A name without a file, which is gone with the server (an abstract socket). Everybody in the
    /// network namespace can connect to it.
    pub fn named(name: &str) -> Self {
        Self::at(format!("\0{name}"))
    }

    /// The permissions of the file: who may write to it may connect. Without, what the umask of the
    /// process leaves. They are set before anybody can connect.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The owner of the file, by numbers. Without, that of the process.
    #[must_use]
    pub fn owner(mut self, user: Option<u32>, group: Option<u32>) -> Self {
        (self.user, self.group) = (user, group);
        self
    }

    fn file(&self) -> Option<&Path> {
        let is_file = self.name.as_os_str().as_bytes().first() != Some(&0);
        is_file.then_some(&*self.name)
    }

    /// Listens on it.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if somebody listens there; what the system says; a sentence
    /// where something else is in the way.
    pub fn bind(&self, backlog: i32) -> io::Result<OwnedFd> {
        if let Some(file) = self.file() {
            remove_left_behind(file)?;
        } else if self.mode.is_some() || self.user.is_some() || self.group.is_some() {
            let reason = "a socket without a file has no mode and no owner";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(&self.name)?)?;
        if let Some(file) = self.file() {
            // Nobody can connect before it is listened on.
            if self.user.is_some() || self.group.is_some() {
                chown(file, self.user, self.group)?;
            }
            if let Some(mode) = self.mode {
                fs::set_permissions(file, Permissions::from_mode(mode))?;
            }
        }
        socket.listen(backlog)?;
        Ok(socket.into())
    }
}

impl fmt::Display for UnixSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_os_str().as_bytes() {
            [0, name @ ..] => write!(f, "unix:@{}", OsStr::from_bytes(name).display()),
            _ => write!(f, "unix:{}", self.name.display()),
        }
    }
}

/// Removes the file of a server that is gone.
fn remove_left_behind(file: &Path) -> io::Result<()> {
    match fs::symlink_metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => {
            let reason = "there is a file of this name that is no socket";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
        }
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A server whose backlog is full must not be waited for.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(file)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(file),
        Ok(()) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(io::ErrorKind::AddrInUse.into())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_file_that_was_left_behind_is_replaced_and_one_that_is_in_use_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let socket = UnixSocket::at(&path).mode(0o600);
        let first = socket.bind(16).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = socket.bind(16).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        assert!(UnixStream::connect(&path).is_ok());
        drop(first);
        assert!(UnixStream::connect(&path).is_err() && path.exists());
        let second = socket.bind(16).unwrap();
        assert!(UnixStream::connect(&path).is_ok());
        drop(second);
        fs::remove_file(&path).unwrap();
        fs::write(&path, "a letter").unwrap();
        let refused = socket.bind(16).unwrap_err().to_string();
        assert!(refused.contains("no socket"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"a letter");
    }

    #[test]
    fn a_name_without_a_file_is_free_again_with_its_server() {
        let name = format!("allspark-test-{}", std::process::id());
        let socket = UnixSocket::named(&name);
        assert_eq!(socket.to_string(), format!("unix:@{name}"));
        let first = socket.bind(16).unwrap();
        let refused = socket.bind(16).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        drop(first);
        assert!(socket.bind(16).is_ok());
        let refused = socket.mode(0o600).bind(16).unwrap_err().to_string();
        assert!(refused.contains("no mode"), "{refused}");
    }
}
