//! Where the lines go: a file that is opened anew when somebody has moved it away, or stdout.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::log::Reopen;
use crate::log::stderr;

/// Lines have addresses of clients, so they are not for everybody on the machine.
const MODE: u32 = 0o640;

/// A file whose end is written to.
pub(super) struct AccessFile {
    path: PathBuf,
    file: File,
    reopen: Reopen,
    /// How often it was opened anew.
    reopened: u64,
}

impl AccessFile {
    /// Opens it; it is made if there is none.
    ///
    /// # Errors
    /// What the kernel says.
    pub(super) fn open(path: &Path, reopen: Reopen) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: open(path)?,
            reopened: reopen.hear(),
            reopen,
        })
    }
}

/// A pipe that nobody reads is not waited for.
fn open(path: &Path) -> io::Result<File> {
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    let options = options.append(true).create(true).mode(MODE);
    options.custom_flags(nonblocking).open(path)
}

impl Write for AccessFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        stderr::write(self.file.as_fd(), bytes)
    }

    /// Opens it anew, if that was asked for. If it can't be opened, the old one stays in use.
    fn flush(&mut self) -> io::Result<()> {
        let asked = self.reopen.asked();
        if asked != self.reopened {
            self.reopened = asked;
            match open(&self.path) {
                Ok(file) => self.file = file,
                Err(error) => tracing::error!(
                    path = %self.path.display(), %error,
                    "the access log cannot be opened anew; it goes on with the file it had"
                ),
            }
        }
        Ok(())
    }
}

/// stdout without the lock of the standard library.
pub(super) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        stderr::write(io::stdout().as_fd(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_moved_away_is_opened_anew_when_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("a"), folder.path().join("b"));
        let reopen = Reopen::default();
        let mut file = AccessFile::open(&path, reopen.clone()).unwrap();
        let mut write = |line: &str| {
            file.flush().unwrap();
            file.write_all(line.as_bytes()).unwrap();
        };
        write("1\n");
        std::fs::rename(&path, &moved).unwrap();
        write("2\n");
        reopen.ask();
        write("3\n");
        std::fs::rename(&path, folder.path().join("c")).unwrap();
        std::fs::create_dir(&path).unwrap();
        reopen.ask();
        write("4\n");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(
            (read("b"), read("c")),
            ("1\n2\n".to_owned(), "3\n4\n".to_owned())
        );
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error_and_no_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        assert!(AccessFile::open(&path, Reopen::default()).is_err());
    }
}
