//! Files that lie in the folder, and no others.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{self, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::options::StaticError;

/// The folder.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

/// What lies in it.
#[derive(Debug)]
pub(super) enum Found {
    File(Opened),
    Folder,
    /// Nothing that is served.
    Nothing,
}

/// A file that can be read.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) bytes: u64,
    /// When it was last changed.
    pub(super) changed: SystemTime,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, StaticError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = fs::open(path, flags, Mode::empty());
        let folder = folder.map_err(|error| StaticError::Root(path.to_owned(), error.into()))?;
        let folder = Self(folder);
        match folder.open_beneath(OsStr::new(".")) {
            Ok(_) => Ok(folder),
            Err(Errno::ACCESS) => Err(StaticError::Root(path.to_owned(), Errno::ACCESS.into())),
            Err(error) => Err(StaticError::Openat2(error.into())),
        }
    }

    /// Opens what has this name, without waiting for whoever would write to it.
    fn open_beneath(&self, name: &OsStr) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        loop {
            match fs::openat2(&self.0, name, flags, Mode::empty(), resolve) {
                // Something was renamed meanwhile, or a signal came.
                Err(Errno::AGAIN | Errno::INTR) => {}
                opened => return opened,
            }
        }
    }

    /// What has this name.
    ///
    /// # Errors
    /// It can't be said, as there are too many files open, for instance.
    pub(super) fn find(&self, name: &OsStr) -> io::Result<Found> {
        let opened = match self.open_beneath(name) {
            Ok(opened) => opened,
            Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::IO)) => {
                return Err(error.into());
            }
            Err(_) => return Ok(Found::Nothing),
        };
        let stat = fs::fstat(&opened)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Found::File(Opened {
                file: opened.into(),
                bytes: u64::try_from(stat.st_size).unwrap_or(0),
                changed: since_1970(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            })),
            FileType::Directory => Ok(Found::Folder),
            _ => Ok(Found::Nothing),
        }
    }
}

/// A moment; what lies before 1970 is 1970.
fn since_1970(seconds: i64, nanoseconds: u32) -> SystemTime {
    let since = Duration::new(u64::try_from(seconds).unwrap_or(0), nanoseconds);
    SystemTime::UNIX_EPOCH + since
}
