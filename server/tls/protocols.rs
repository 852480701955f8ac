//! Protocols that are offered by ALPN (RFC 7301).

use std::str::FromStr;

use allspark_protocol::options;
use serde::{Deserialize, Deserializer};

/// The longest name of a protocol: its length is one byte.
const NAME_BYTES_MAX: usize = 255;

/// Protocols that a client may choose one of, the first is liked best. A client that knows none of
/// them is refused; one that says nothing is not. Default `http/1.1`; none means that nothing is
/// said about protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocols(Vec<String>);

impl Protocols {
    pub(super) fn names(&self) -> impl Iterator<Item = Vec<u8>> {
        self.0.iter().map(|name| name.clone().into_bytes())
    }
}

impl Default for Protocols {
    fn default() -> Self {
        Self(vec!["http/1.1".to_owned()])
    }
}

impl FromStr for Protocols {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let names = list.split(',').map(|name| name.trim_matches(' '));
        let names = names
            .filter(|name| !name.is_empty())
            .map(|name| match name {
                "h2" | "h3" => Err(format!("{name:?} is not spoken here: write http/1.1")),
                _ if name.len() > NAME_BYTES_MAX || name.contains(char::is_control) => {
                    Err(format!("{name:?} is no name of a protocol"))
                }
                _ => Ok(name.to_owned()),
            });
        names.collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Protocols {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = options::list(deserializer, str::parse::<Self>)?;
        Ok(list.parse().expect("it was checked"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_spoken_is_not_offered() {
        let names = |text: &str| text.parse::<Protocols>().map(|found| found.0);
        assert_eq!(names("http/1.1, a").unwrap(), ["http/1.1", "a"]);
        assert_eq!(names("").unwrap(), [""; 0]);
        assert!(names("h2,http/1.1").unwrap_err().contains("not spoken"));
        assert!(names(&"x".repeat(256)).is_err());
    }
}
