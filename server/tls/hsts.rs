//! What browsers are told about https (RFC 6797).

use std::fmt;
use std::str::FromStr;

use allspark_protocol::options;
use serde::{Deserialize, Deserializer};

/// The header `Strict-Transport-Security`: for how many seconds a browser comes to this name by
/// https only, and whether to all names below it, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hsts(String);

impl Hsts {
    /// The value of the header.
    pub fn header(&self) -> &str {
        &self.0
    }
}

/// What is right, for the end of a refusal.
const FORM: &str = "write seconds, such as 31536000, and if it is to be so for all names below \
                    this one \"31536000; includeSubDomains\", with \"; preload\" behind it to be \
                    put into the list of the browsers";

impl FromStr for Hsts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(';').map(str::trim);
        let wrong = || format!("{text:?} is no such time: {FORM}");
        let seconds = parts.next().unwrap_or_default();
        let seconds = seconds.strip_prefix("max-age=").unwrap_or(seconds);
        let seconds: u32 = seconds.parse().map_err(|_| wrong())?;
        let mut header = format!("max-age={seconds}");
        for part in parts {
            let known = ["includeSubDomains", "preload"];
            let known = known.iter().find(|known| known.eq_ignore_ascii_case(part));
            header += &format!("; {}", known.ok_or_else(wrong)?);
        }
        Ok(Self(header))
    }
}

impl fmt::Display for Hsts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Hsts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        options::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_a_header() {
        let header = |text: &str| text.parse::<Hsts>().map(|hsts| hsts.header().to_owned());
        assert_eq!(header("60").unwrap(), "max-age=60");
        let all = "max-age=60; includeSubDomains; preload";
        assert_eq!(header("60;includesubdomains; preload").unwrap(), all);
        assert_eq!(header(all).unwrap(), all);
        for wrong in ["", "a year", "-1", "60; always", "60\r\nSet-Cookie: a"] {
            assert!(
                header(wrong).unwrap_err().contains("write seconds"),
                "{wrong}"
            );
        }
    }
}
