//! The transport options, by the names of the npm package `ws`.

use allspark_protocol::options::MaxLength;
use allspark_protocol::websocket::deflate::{Effort, ServerContext, Terms, Window, WindowBits};

use crate::options::{invalid, max_length, number, switch};
use crate::{CommonOptions, TransportOptionError};

/// What Primus hands to `ws` as `transport`. Nothing is set at first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSocketsOptions {
    message_bytes_max: Option<MaxLength>,
    compression: Option<bool>,
    deflate: DeflateOptions,
}

/// How messages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeflateOptions {
    pub(crate) terms: Terms,
    /// Bytes below which a message is left alone.
    pub(crate) threshold_bytes: usize,
    pub(crate) effort: Effort,
}

impl Default for DeflateOptions {
    fn default() -> Self {
        Self {
            terms: Terms::default(),
            threshold_bytes: THRESHOLD_BYTES_DEFAULT,
            effort: Effort::DEFAULT,
        }
    }
}

impl DeflateOptions {
    /// Sets the option of that name: [`THRESHOLD`], [`LEVEL`] or [`MEMORY_LEVEL`].
    ///
    /// # Errors
    /// [`TransportOptionError`] if it cannot have this value.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), TransportOptionError> {
        match name {
            LEVEL => self.effort = self.effort(LEVEL, value, Effort::with_level)?,
            MEMORY_LEVEL => {
                self.effort = self.effort(MEMORY_LEVEL, value, Effort::with_memory_level)?;
            }
            _ => self.threshold_bytes = bytes(THRESHOLD, value)?,
        }
        Ok(())
    }

    fn effort(
        &self,
        name: &'static str,
        value: &str,
        with: impl FnOnce(Effort, u8) -> Option<Effort>,
    ) -> Result<Effort, TransportOptionError> {
        let expected = "a number from 1 to 9";
        let level = number(name, value, expected)?;
        with(self.effort, level).ok_or_else(|| invalid(name, value, expected))
    }
}

/// Bytes below which `ws` leaves a message alone unless it is told otherwise.
pub(crate) const THRESHOLD_BYTES_DEFAULT: usize = 1024;

const MAX_PAYLOAD: &str = "maxPayload";
pub(crate) const COMPRESSION: &str = "perMessageDeflate";
const SERVER_NO_CONTEXT_TAKEOVER: &str = "perMessageDeflate.serverNoContextTakeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "perMessageDeflate.clientNoContextTakeover";
const SERVER_MAX_WINDOW_BITS: &str = "perMessageDeflate.serverMaxWindowBits";
const CLIENT_MAX_WINDOW_BITS: &str = "perMessageDeflate.clientMaxWindowBits";
pub(crate) const THRESHOLD: &str = "perMessageDeflate.threshold";
pub(crate) const LEVEL: &str = "perMessageDeflate.zlibDeflateOptions.level";
pub(crate) const MEMORY_LEVEL: &str = "perMessageDeflate.zlibDeflateOptions.memLevel";

impl WebSocketsOptions {
    /// The names of all options.
    pub const NAMES: &[&str] = &[
        MAX_PAYLOAD,
        COMPRESSION,
        SERVER_NO_CONTEXT_TAKEOVER,
        CLIENT_NO_CONTEXT_TAKEOVER,
        SERVER_MAX_WINDOW_BITS,
        CLIENT_MAX_WINDOW_BITS,
        THRESHOLD,
        LEVEL,
        MEMORY_LEVEL,
    ];

    /// Sets the option of that name.
    ///
    /// - `maxPayload`: bytes of the largest message, from 1 to 512 MiB. Default: Primus's
    ///   `maxLength`.
    /// - `perMessageDeflate`: whether messages may be compressed. Default: Primus's `compression`.
    ///
    /// The others begin with `perMessageDeflate.`:
    /// - `serverNoContextTakeover`: `true` (default): the server forgets each message; `false`: it
    ///   never does, and a client that demands it is refused; `client`: as the client asks, which
    ///   is what `ws` does by default.
    /// - `clientNoContextTakeover`: whether clients are told to forget each message. Default true
    ///   (`ws`: false).
    /// - `serverMaxWindowBits`: 8 to 15; `true` (default): as the client asks; `false`: a client
    ///   that asks is refused.
    /// - `clientMaxWindowBits`: 8 to 15, and a client that does not offer it is refused; `true`
    ///   (default): as the client offers; `false`: nothing is said about it.
    /// - `threshold`: bytes below which a message is not compressed, unless a context is kept.
    ///   Default 1024.
    /// - `zlibDeflateOptions.level`: 1 (fastest) to 9 (smallest). Default 6.
    /// - `zlibDeflateOptions.memLevel`: 1 to 9. Default 8.
    ///
    /// Where the server keeps a context, each connection costs a compressor of its own (with the
    /// defaults 300 KiB from its first message on) and shares no broadcast. Where a client does,
    /// its connection costs an inflater of its own, 45 KiB.
    ///
    /// # Errors
    /// [`TransportOptionError`] if there is no such option, or it cannot have this value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), TransportOptionError> {
        let terms = &mut self.deflate.terms;
        match name {
            MAX_PAYLOAD => self.message_bytes_max = Some(max_length(MAX_PAYLOAD, value)?),
            COMPRESSION => self.compression = Some(switch(COMPRESSION, value)?),
            SERVER_NO_CONTEXT_TAKEOVER => terms.server_context = server_context(value)?,
            CLIENT_NO_CONTEXT_TAKEOVER => {
                terms.client_no_context_takeover = switch(CLIENT_NO_CONTEXT_TAKEOVER, value)?;
            }
            SERVER_MAX_WINDOW_BITS => terms.server_window = window(SERVER_MAX_WINDOW_BITS, value)?,
            CLIENT_MAX_WINDOW_BITS => terms.client_window = window(CLIENT_MAX_WINDOW_BITS, value)?,
            THRESHOLD | LEVEL | MEMORY_LEVEL => self.deflate.set(name, value)?,
            _ => {
                return Err(TransportOptionError::Unknown {
                    transformer: "websockets",
                    name: name.to_owned(),
                    known: Self::NAMES.into(),
                });
            }
        }
        Ok(())
    }

    /// The same, with messages compressed as fast as possible unless something else is set later.
    pub(crate) fn fast(mut self) -> Self {
        self.deflate.effort = Effort::FAST;
        self
    }

    pub(super) fn message_bytes_max(&self, common: &CommonOptions) -> MaxLength {
        self.message_bytes_max.unwrap_or(common.message_bytes_max)
    }

    /// How messages are compressed, if they are.
    pub(super) fn deflate(&self, common: &CommonOptions) -> Option<DeflateOptions> {
        let is_on = self.compression.unwrap_or(common.compression);
        is_on.then_some(self.deflate)
    }
}

fn bytes(name: &'static str, value: &str) -> Result<usize, TransportOptionError> {
    number(name, value, "a number of bytes")
}

fn server_context(value: &str) -> Result<ServerContext, TransportOptionError> {
    match value {
        "true" => Ok(ServerContext::Forgotten),
        "false" => Ok(ServerContext::Kept),
        "client" => Ok(ServerContext::AsOffered),
        _ => Err(invalid(
            SERVER_NO_CONTEXT_TAKEOVER,
            value,
            "true, false or client",
        )),
    }
}

fn window(name: &'static str, value: &str) -> Result<Window, TransportOptionError> {
    match value {
        "true" => Ok(Window::AsOffered),
        "false" => Ok(Window::Unsaid),
        _ => WindowBits::parse(value)
            .map(Window::Fixed)
            .ok_or_else(|| invalid(name, value, "a number from 8 to 15, true or false")),
    }
}
