//! A path that a Unix socket can have.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Bytes of such a path. The kernel takes 107; beside it stands a file with the number of the
/// process behind its name.
const BYTES_MAX: usize = 96;

/// See above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SocketPath(PathBuf);

impl SocketPath {
    pub(crate) fn as_path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for SocketPath {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, String> {
        match path {
            "" => Err("it has to be a path".to_owned()),
            _ if path.contains(char::is_control) => {
                Err(format!("{path:?} is no path that anybody could write"))
            }
            _ if path.len() > BYTES_MAX => Err(format!(
                "{path:?} is too long for a socket, which may have {BYTES_MAX} bytes"
            )),
            _ => Ok(Self(path.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_into_an_address() {
        let wrong = |path: &str| path.parse::<SocketPath>().unwrap_err();
        assert!(wrong("").contains("has to be a path"));
        assert!(wrong("/a\0b").contains("is no path"));
        assert!(wrong(&"x".repeat(97)).contains("too long"));
        let path: SocketPath = "/run/allspark/handover".parse().unwrap();
        assert_eq!(path.as_path(), Path::new("/run/allspark/handover"));
    }
}
