//! The transport options, by the names of the npm package `faye-websocket`.

use crate::options::number;
use crate::websockets::WebSocketsOptions;
use crate::{CommonOptions, TransportOptionError};

/// What Primus hands to faye-websocket as `transport`. Nothing is set at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FayeOptions {
    message_bytes_max: Option<usize>,
}

const MAX_LENGTH: &str = "maxLength";

impl FayeOptions {
    /// The names of all options.
    pub const NAMES: &[&str] = &[MAX_LENGTH];

    /// Sets the option of that name.
    ///
    /// | name | value | if it is not set |
    /// |---|---|---|
    /// | `maxLength` | bytes of the largest message | Primus's `maxLength` |
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
        self.message_bytes_max = Some(number(MAX_LENGTH, value, "a number of bytes")?);
        Ok(())
    }

    pub(super) fn message_bytes_max(&self, common: &CommonOptions) -> usize {
        self.message_bytes_max.unwrap_or(common.message_bytes_max)
    }

    /// Compression is that of `websockets` with its defaults.
    pub(super) fn websockets() -> WebSocketsOptions {
        WebSocketsOptions::default()
    }
}
