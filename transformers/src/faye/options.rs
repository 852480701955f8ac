//! The transport options, by the names of the npm package `faye-websocket`.

use allspark_protocol::options::MaxLength;

use crate::options::max_length;
use crate::websockets::WebSocketsOptions;
use crate::{CommonOptions, TransportOptionError};

/// What Primus hands to faye-websocket as `transport`. Nothing is set at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FayeOptions {
    message_bytes_max: Option<MaxLength>,
}

const MAX_LENGTH: &str = "maxLength";

impl FayeOptions {
    /// The names of all options.
    pub const NAMES: &[&str] = &[MAX_LENGTH];

    /// Sets the option of that name.
    ///
    /// | name | value | if it is not set |
    /// |---|---|---|
    /// | `maxLength` | bytes of the largest message, from 1 to 512 MiB | Primus's `maxLength` |
    ///
    /// # Errors
    /// [`TransportOptionError`] if there is no such option, or it cannot have this value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TransportOptionError> {
        if name != MAX_LENGTH {
            return Err(TransportOptionError::Unknown {
                transformer: "faye",
                name: name.to_owned(),
                known: Self::NAMES.into(),
            });
        }
        self.message_bytes_max = Some(max_length(MAX_LENGTH, value)?);
        Ok(())
    }

    pub(super) fn message_bytes_max(&self, common: &CommonOptions) -> MaxLength {
        self.message_bytes_max.unwrap_or(common.message_bytes_max)
    }

    /// Compression is that of `websockets` with its defaults.
    pub(super) fn websockets() -> WebSocketsOptions {
        WebSocketsOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_message_keeps_to_its_bounds() {
        let mut options = FayeOptions::default();
        for value in ["1", "536870912"] {
            options.set(MAX_LENGTH, value).unwrap();
            let bytes = options.message_bytes_max(&CommonOptions::default());
            assert_eq!(bytes.to_string(), value);
        }
        for value in ["0", "536870913", "-1", "x"] {
            let refusal = options.set(MAX_LENGTH, value).unwrap_err().to_string();
            assert!(refusal.contains("from 1 to 536870912"), "{refusal}");
        }
    }
}
