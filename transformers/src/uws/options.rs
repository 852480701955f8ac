//! The transport options, by the names of Primus's transformer `uws`.

use crate::TransportOptionError;
use crate::options::switch;
use crate::websockets::WebSocketsOptions;

/// What Primus handed to uws as `transport`. Nothing is set at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UwsOptions(pub(super) WebSocketsOptions);

impl Default for UwsOptions {
    fn default() -> Self {
        Self(WebSocketsOptions::default().fast())
    }
}

const SERVER_NO_CONTEXT_TAKEOVER: &str = "perMessageDeflate.serverNoContextTakeover";

impl UwsOptions {
    /// The names of all options.
    pub const NAMES: &[&str] = &[
        "maxPayload",
        "perMessageDeflate",
        SERVER_NO_CONTEXT_TAKEOVER,
    ];

    /// Sets the option of that name.
    ///
    /// - `maxPayload`: bytes of the largest message, from 1 to 512 MiB. Default: Primus's
    ///   `maxLength`.
    /// - `perMessageDeflate`: whether messages may be compressed. Default: Primus's `compression`.
    /// - `perMessageDeflate.serverNoContextTakeover`: `true` (default): the server forgets each
    ///   message; `false`: it does not, unless the client demands it.
    ///
    /// # Errors
    /// [`TransportOptionError`] if there is no such option, or it cannot have this value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TransportOptionError> {
        if !Self::NAMES.contains(&name) {
            return Err(TransportOptionError::Unknown {
                transformer: "uws",
                name: name.to_owned(),
                known: Self::NAMES.into(),
            });
        }
        if name == SERVER_NO_CONTEXT_TAKEOVER {
            let forgets = switch(SERVER_NO_CONTEXT_TAKEOVER, value)?;
            return self.0.set(name, if forgets { "true" } else { "client" });
        }
        self.0.set(name, value)
    }
}
