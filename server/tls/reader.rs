//! Reads the files of TLS, and notes what is not wrong but deserves a word.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::TlsError;
use super::source::{Source, in_root};
use crate::file_bytes;

/// Bytes of a file, at the most: a list of a hundred thousand revoked certificates has some 4 MB.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bits of a file's mode that let others read it than its owner and its group.
const READ_BY_OTHERS: u32 = 0o004;

/// Reads files whose relative names count from one folder.
pub(super) struct Reader<'o> {
    root: Option<&'o Path>,
    notes: Vec<String>,
}

/// What was read, and where.
pub(super) struct Read {
    pub(super) bytes: Arc<[u8]>,
    pub(super) option: &'static str,
    pub(super) path: Option<PathBuf>,
}

impl Read {
    /// What is wrong with it.
    pub(super) fn error(&self, reason: impl Into<String>) -> TlsError {
        TlsError::of(self.option, reason).at(self.path.as_deref())
    }
}

impl<'o> Reader<'o> {
    pub(super) fn new(root: Option<&'o Path>) -> Self {
        let notes = Vec::new();
        Self { root, notes }
    }

    /// Reads what everybody may know.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn read(&self, option: &'static str, source: &Source) -> Result<Read, TlsError> {
        let path = source.path(self.root);
        let bytes = match source {
            Source::Bytes(bytes) => Ok(bytes.clone()),
            Source::File(path) => {
                let path = in_root(self.root, path);
                file_bytes::read(&path, FILE_BYTES_MAX).map(Arc::from)
            }
        };
        match bytes {
            Ok(bytes) => Ok(Read {
                bytes,
                option,
                path,
            }),
            Err(reason) => Err(TlsError::of(option, reason).at(path.as_deref())),
        }
    }

    /// Reads what nobody else should, and notes if others could.
    ///
    /// # Errors
    /// It can't be read.
    pub(super) fn secret(
        &mut self,
        option: &'static str,
        source: &Source,
    ) -> Result<Read, TlsError> {
        let read = self.read(option, source)?;
        let mode = read.path.as_deref().and_then(mode);
        if let Some(mode) = mode.filter(|mode| mode & READ_BY_OTHERS != 0) {
            self.note(
                &read,
                format!("everybody on this machine can read it (mode {mode:o})"),
            );
        }
        Ok(read)
    }

    /// Something that deserves a word about what was read.
    pub(super) fn note(&mut self, read: &Read, words: impl Into<String>) {
        let words = read.error(words);
        self.notes.push(format!("{}: {words}", words.option()));
    }

    /// All that was noted.
    pub(super) fn into_notes(self) -> Vec<String> {
        self.notes
    }
}

fn mode(path: &Path) -> Option<u32> {
    let found = fs::metadata(path).ok()?;
    Some(found.permissions().mode() & 0o7777)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_everybody_can_read_is_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, "hush").unwrap();
        let notes = |mode: u32| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let mut reader = Reader::new(Some(folder.path()));
            let read = reader.secret("tls-key", &Source::from("key.pem")).unwrap();
            assert_eq!(&read.bytes[..], b"hush");
            reader.into_notes()
        };
        assert_eq!(notes(0o640), [""; 0]);
        let noted = notes(0o644);
        let at = format!("tls-key: {}: everybody", path.display());
        assert!(
            noted[0].starts_with(&at) && noted[0].ends_with("(mode 644)"),
            "{noted:?}"
        );
        let missing = Reader::new(None).read("tls-key", &Source::from("/no/such"));
        let error = missing.err().unwrap().to_string();
        assert!(error.starts_with("/no/such: "), "{error}");
    }
}
