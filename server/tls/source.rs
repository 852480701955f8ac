//! Where a key, a certificate or another thing for TLS is to be had.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use allspark_protocol::options;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A file, or the bytes that would stand in one. A file is read anew when it has changed.
#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Its content. It is never shown.
    Bytes(Arc<[u8]>),
}

impl Source {
    /// What it is that a text names: the file of this name.
    ///
    /// # Errors
    /// It names none, or is the content itself, which everybody would see where texts are.
    fn named(text: &str) -> Result<Self, &'static str> {
        match text {
            _ if text.contains("-----BEGIN") => {
                Err("it is not the name of a file, but what stands in one: write its name")
            }
            _ if text.is_empty() || text.contains(char::is_control) => Err("it names no file"),
            _ => Ok(Self::File(PathBuf::from(text))),
        }
    }

    /// Its file, if it has one, in the folder in which relative ones lie.
    pub(super) fn path(&self, root: Option<&Path>) -> Option<PathBuf> {
        match (self, root) {
            (Self::File(path), root) => Some(in_root(root, path)),
            (Self::Bytes(_), _) => None,
        }
    }
}

/// A path as seen from the folder of relative ones.
pub(super) fn in_root(root: Option<&Path>, path: &Path) -> PathBuf {
    root.map_or_else(|| path.to_owned(), |root| root.join(path))
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            Self::Bytes(_) => f.write_str("Bytes(..)"),
        }
    }
}

impl From<&str> for Source {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

impl From<String> for Source {
    fn from(path: String) -> Self {
        Self::File(path.into())
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        options::read(deserializer, Self::named)
    }
}

/// A list of files.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Source>, D::Error> {
    let list = options::list(deserializer, |_| Ok::<_, String>(()))?;
    let names = list.split(',').map(|name| name.trim_matches(' '));
    let sources = names.filter(|name| !name.is_empty()).map(Source::named);
    sources.collect::<Result<_, _>>().map_err(D::Error::custom)
}

/// A file that can't be given in another way.
pub(super) fn path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let source = Source::deserialize(deserializer)?;
    Ok(source.path(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_file_and_is_never_a_key() {
        let source: Source = serde_json::from_str("\"tls/key.pem\"").unwrap();
        assert_eq!(source, Source::from("tls/key.pem"));
        let (root, path) = (Path::new("/etc"), Path::new("/etc/tls/key.pem"));
        assert_eq!(source.path(Some(root)).as_deref(), Some(path));
        for wrong in ["", "-----BEGIN PRIVATE KEY-----"] {
            let text = serde_json::to_string(wrong).unwrap();
            let error = serde_json::from_str::<Source>(&text).unwrap_err();
            assert!(error.to_string().contains("file"), "{error}");
        }
    }

    #[test]
    fn bytes_are_not_shown() {
        let source = Source::from(b"hush".to_vec());
        assert_eq!(format!("{source:?}"), "Bytes(..)");
        assert_eq!(source.path(None), None);
    }
}
