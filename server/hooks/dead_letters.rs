//! Events that could not be told: counted, and written to a file if there is one.
//!
//! A file that can't be written, for instance because its disk is full, costs its line and nothing
//! else; the next line is tried anew.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::event::unix_ms;

/// Bytes of the file. Whoever looks at it so rarely has lost more than these.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// See above.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    file: Option<Mutex<Letters<File>>>,
    path: PathBuf,
    /// How many there were.
    pub(super) count: AtomicU64,
    /// How many of them are in no file.
    pub(super) unwritten: AtomicU64,
}

/// The file, or what stands for it.
#[derive(Debug)]
struct Letters<W> {
    out: W,
    bytes: u64,
    /// Whether a line was begun and not ended.
    is_torn: bool,
}

impl DeadLetters {
    /// With a file that is appended to.
    ///
    /// # Errors
    /// It can't be opened.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, String> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let letters = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            file: Some(Mutex::new(letters)),
            path: path.to_owned(),
            ..Self::default()
        })
    }

    /// Opens the file anew: it was moved away.
    ///
    /// # Errors
    /// It can't be opened; then the old one is written to as before.
    pub(super) fn reopen(&self) -> Result<bool, String> {
        let Some(file) = &self.file else {
            return Ok(false);
        };
        let path = &self.path;
        let letters = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        *locked(file) = letters;
        Ok(true)
    }

    /// Keeps an event, as the members of its object without the braces.
    pub(super) fn bury(&self, why: &str, id: &str, members: &[u8]) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let Some(file) = &self.file else {
            self.unwritten.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let (at, why) = (unix_ms(), Value::from(why));
        let mut line = format!("{{\"at\":{at},\"why\":{why},\"event\":{{\"id\":\"{id}\",");
        line.reserve_exact(members.len() + 3);
        line.push_str(&String::from_utf8_lossy(members));
        line.push_str("}}\n");
        if let Err(error) = locked(file).add(line.as_bytes()) {
            // One word in a while is enough: there may be thousands.
            let lost = self.unwritten.fetch_add(1, Ordering::Relaxed);
            if lost.is_power_of_two() || lost == 0 {
                tracing::error!(%error, "hooks: the file of dead letters can't be written");
            }
        }
    }
}

fn open(path: &Path) -> io::Result<Letters<File>> {
    let out = OpenOptions::new().create(true).append(true).open(path)?;
    let bytes = out.metadata()?.len();
    Ok(Letters {
        out,
        bytes,
        is_torn: false,
    })
}

impl<W: Write> Letters<W> {
    fn add(&mut self, line: &[u8]) -> io::Result<()> {
        if self.bytes + line.len() as u64 > FILE_BYTES_MAX {
            return Err(io::Error::other(
                "it has 1 GiB: move it away and send SIGHUP",
            ));
        }
        if self.is_torn {
            self.out.write_all(b"\n")?;
            self.is_torn = false;
        }
        self.bytes += line.len() as u64;
        let written = self.out.write_all(line);
        self.is_torn = written.is_err();
        written
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with room for so many bytes.
    struct Disk {
        written: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = bytes.len().min(self.room);
            if fits == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= fits;
            self.written.extend_from_slice(&bytes[..fits]);
            Ok(fits)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_costs_what_it_has_no_room_for() {
        let out = Disk {
            written: Vec::new(),
            room: 6,
        };
        let mut letters = Letters {
            out,
            bytes: 0,
            is_torn: false,
        };
        assert!(letters.add(b"one\n").is_ok());
        assert!(letters.add(b"two\n").is_err(), "torn");
        assert!(letters.add(b"three\n").is_err());
        letters.out.room = 100;
        assert!(letters.add(b"four\n").is_ok());
        assert_eq!(letters.out.written, b"one\ntw\nfour\n");
        letters.bytes = FILE_BYTES_MAX;
        assert!(letters.add(b"five\n").is_err(), "it does not grow for ever");
    }

    #[test]
    fn a_letter_is_a_line_of_json() {
        let path = std::env::temp_dir().join(format!("allspark-letters-{}", std::process::id()));
        let dead = DeadLetters::open(Some(&path)).unwrap();
        dead.bury("it said \"no\"", "a-1", br#""event":"message","data":[1]"#);
        let moved = path.with_extension("moved");
        std::fs::rename(&path, &moved).unwrap();
        assert_eq!(dead.reopen(), Ok(true));
        dead.bury("down", "a-2", br#""event":"message","data":2"#);
        for (path, id) in [(moved, "a-1"), (path, "a-2")] {
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            let letter: Value = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
            assert_eq!(letter["event"]["id"], id);
            assert!(letter["at"].as_u64() > Some(0) && letter["why"].is_string());
        }
        let count = (dead.count.into_inner(), dead.unwritten.into_inner());
        assert_eq!(count, (2, 0));
        assert!(DeadLetters::open(Some(Path::new("/no/such/folder"))).is_err());
    }
}
