//! The `Date` of responses (RFC 9110, 6.6.1): a server that has a clock states the time.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

/// A moment as HTTP writes it, to the second. It is made once per second and serves all responses
/// of that second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpDate {
    unix_s: u64,
    text: [u8; HTTP_DATE_CHARS],
}

/// Bytes of a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
const HTTP_DATE_CHARS: usize = 29;

/// The last second that has a year of four digits.
const UNIX_S_MAX: u64 = 253_402_300_799;

impl HttpDate {
    /// The moment so many milliseconds after 1970 began.
    pub fn at(unix_ms: u64) -> Self {
        let unix_s = second_of(unix_ms);
        let date = httpdate::HttpDate::from(UNIX_EPOCH + Duration::from_secs(unix_s));
        let mut text = [0; HTTP_DATE_CHARS];
        write!(&mut text[..], "{date}").expect("a date always has the same length");
        Self { unix_s, text }
    }

    /// Goes to another moment, which may lie before this one.
    pub fn move_to(&mut self, unix_ms: u64) {
        if second_of(unix_ms) != self.unix_s {
            *self = Self::at(unix_ms);
        }
    }

    /// How HTTP writes it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

fn second_of(unix_ms: u64) -> u64 {
    (unix_ms / 1000).min(UNIX_S_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_rfc_9110_does() {
        for (unix_ms, expected) in [
            (784_111_777_999, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_709_164_800_000, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            assert_eq!(HttpDate::at(unix_ms).as_bytes(), expected.as_bytes());
        }
    }

    #[test]
    fn it_goes_to_any_other_moment() {
        let mut date = HttpDate::at(5_000);
        for unix_ms in [5_999, 6_000, 86_400_000, 1_000] {
            date.move_to(unix_ms);
            assert_eq!(date, HttpDate::at(unix_ms));
        }
    }
}
