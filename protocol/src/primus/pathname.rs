//! The pathname: which of a server's paths belong to Primus.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::limits::PATHNAME_BYTES_MAX;
use crate::options;

/// Which paths belong to Primus: those that begin with it. It begins with one slash and ends with
/// none. Default `/primus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pathname(String);

/// Why a text is no pathname, and how it should be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathnameError {
    /// It holds what a path can't hold as it is, or what would end it.
    #[error("{0:?} is not a path such as /primus")]
    Malformed(String),
    /// Every path begins with this text.
    #[error("with {0:?} every path belongs to Primus: write a path such as /primus")]
    Everything(String),
    /// As a link this text leads to another host.
    #[error("browsers take what follows the // of {0:?} for a host: write one slash")]
    OtherHost(String),
    /// Browsers ask for another path in place of this text.
    #[error("{0:?} has a part of dots alone, which browsers resolve before they ask")]
    Dots(String),
    /// It leaves too little room for what follows it in a request.
    #[error("it is longer than {PATHNAME_BYTES_MAX} bytes")]
    TooLong,
}

impl Pathname {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Pathname {
    fn default() -> Self {
        Self("/primus".to_owned())
    }
}

impl FromStr for Pathname {
    type Err = PathnameError;

    /// Reads a pathname. As in Primus a slash that is missing in front is added; slashes at the end
    /// mean nothing, as what belongs to Primus is found behind the pathname and a slash.
    ///
    /// # Errors
    /// If no client could reach what lies behind the pathname, or if everything would lie behind
    /// it.
    fn from_str(text: &str) -> Result<Self, PathnameError> {
        const PUNCTUATION: &[u8] = b"/-._~!$&'()*+,;=:@%";
        let is_path_byte = |byte: u8| byte.is_ascii_alphanumeric() || PUNCTUATION.contains(&byte);
        if text.is_empty() || !text.bytes().all(is_path_byte) {
            return Err(PathnameError::Malformed(text.to_owned()));
        }
        let path = text.trim_end_matches('/');
        if path.is_empty() {
            return Err(PathnameError::Everything(text.to_owned()));
        }
        if path.starts_with("//") {
            return Err(PathnameError::OtherHost(text.to_owned()));
        }
        if path.split('/').any(is_dots) {
            return Err(PathnameError::Dots(text.to_owned()));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        if slash.len() + path.len() > PATHNAME_BYTES_MAX {
            return Err(PathnameError::TooLong);
        }
        Ok(Self(format!("{slash}{path}")))
    }
}

impl TryFrom<&str> for Pathname {
    type Error = PathnameError;

    fn try_from(text: &str) -> Result<Self, PathnameError> {
        text.parse()
    }
}

impl Deref for Pathname {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pathname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Pathname {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        options::deserialize(deserializer)
    }
}

/// Whether browsers take this part of a path for its parent or for nothing (URL standard,
/// "single-dot" and "double-dot URL path segment").
fn is_dots(part: &str) -> bool {
    let plain = part.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_with_one_slash_and_ends_with_none() {
        for (text, expected) in [
            ("primus", "/primus"),
            ("/primus", "/primus"),
            ("/primus/", "/primus"),
            ("/primus//", "/primus"),
            ("/a/b%20c", "/a/b%20c"),
            ("/a.b", "/a.b"),
            ("/...", "/..."),
            ("engine.io", "/engine.io"),
        ] {
            assert_eq!(Pathname::try_from(text).as_deref(), Ok(expected), "{text}");
        }
        let of_bytes = |bytes| "a".repeat(bytes).parse::<Pathname>();
        assert!(of_bytes(PATHNAME_BYTES_MAX - 1).is_ok());
        assert_eq!(of_bytes(PATHNAME_BYTES_MAX), Err(PathnameError::TooLong));
    }

    #[test]
    fn what_would_not_be_found_or_would_hide_everything_else_is_refused() {
        for (text, expected) in [
            ("", "\"\" is not a path such as /primus"),
            ("/a b", "is not a path"),
            ("/a?b", "is not a path"),
            ("/a#b", "is not a path"),
            ("/a\r\n", "\"/a\\r\\n\" is not a path"),
            ("/\u{e4}", "is not a path"),
            ("/<script>", "is not a path"),
            ("/", "every path belongs to Primus"),
            ("//", "every path belongs to Primus"),
            ("//x", "for a host: write one slash"),
            ("//x/y", "for a host: write one slash"),
            ("/a/../b", "dots alone"),
            ("./a", "dots alone"),
            ("/a/.", "dots alone"),
            ("/a/%2E%2e/b", "dots alone"),
            ("/.%2e", "dots alone"),
        ] {
            let reason = Pathname::try_from(text).unwrap_err().to_string();
            assert!(reason.contains(expected), "{text}: {reason}");
        }
    }
}
