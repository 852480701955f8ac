//! What a server accepts of the offers that a client makes, in the words of the npm package `ws`.

use super::params::{Agreement, ClientWindow, NAME, Offer, WindowBits};
use crate::websocket::handshake::extensions::Extension;

/// On which terms a server agrees to permessage-deflate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether the server forgets each message (`serverNoContextTakeover`). Default
    /// [`ServerContext::Forgotten`]: then one compressor serves all connections. (`ws` leaves it
    /// to the client, and pays with a compressor for each connection.)
    pub server_context: ServerContext,
    /// Whether clients are told to forget each message (`clientNoContextTakeover`). Default true:
    /// then one inflater serves all connections.
    pub client_no_context_takeover: bool,
    /// The window of the server (`serverMaxWindowBits`). Default [`Window::AsOffered`].
    pub server_window: Window,
    /// The window of the clients (`clientMaxWindowBits`). Default [`Window::AsOffered`].
    pub client_window: Window,
}

/// Whether a server may compress a message with the help of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerContext {
    /// No message depends on another (`true` in `ws`).
    Forgotten,
    /// It does, and an offer that forbids it is not accepted (`false` in `ws`).
    Kept,
    /// It does unless the client forbids it (what `ws` does unless it is told).
    AsOffered,
}

/// What a server says about a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// What the client says counts.
    AsOffered,
    /// Nothing: of the server's window the client may not say anything either (`false` in `ws`).
    Unsaid,
    /// This one; an offer that does not allow it is not accepted.
    Fixed(WindowBits),
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            server_context: ServerContext::Forgotten,
            client_no_context_takeover: true,
            server_window: Window::AsOffered,
            client_window: Window::AsOffered,
        }
    }
}

impl Terms {
    /// What is agreed on, of all extensions that a client offers. `Ok(None)`: the client does not
    /// offer this one.
    ///
    /// # Errors
    /// [`Unacceptable`] if any of its offers is malformed, or none of them can be accepted. `ws`
    /// then refuses the handshake, where RFC 7692 would let it go on uncompressed.
    pub(in crate::websocket) fn agree(
        &self,
        extensions: &[Extension<'_>],
    ) -> Result<Option<Agreement>, Unacceptable> {
        let ours = extensions.iter().filter(|extension| extension.name == NAME);
        let offers: Option<Vec<Offer>> = ours.map(Offer::parse).collect();
        let offers = offers.ok_or(Unacceptable)?;
        if offers.is_empty() {
            return Ok(None);
        }
        let accepted = offers.iter().find(|offer| self.accepts(offer));
        let offer = accepted.ok_or(Unacceptable)?;
        Ok(Some(self.answer(offer)))
    }

    fn accepts(&self, offer: &Offer) -> bool {
        let context =
            !offer.server_no_context_takeover || self.server_context != ServerContext::Kept;
        let server_window = match (self.server_window, offer.server_max_window_bits) {
            (Window::Unsaid, Some(_)) => false,
            (Window::Fixed(bits), Some(most)) => bits <= most,
            _ => true,
        };
        let client_window = match (self.client_window, offer.client_max_window_bits) {
            (Window::Fixed(_), ClientWindow::Unsaid) => false,
            (Window::Fixed(bits), ClientWindow::AtMost(most)) => bits <= most,
            _ => true,
        };
        context && server_window && client_window
    }

    fn answer(&self, offer: &Offer) -> Agreement {
        Agreement {
            server_no_context_takeover: offer.server_no_context_takeover
                || self.server_context == ServerContext::Forgotten,
            client_no_context_takeover: offer.client_no_context_takeover
                || self.client_no_context_takeover,
            server_max_window_bits: match self.server_window {
                Window::Fixed(bits) => Some(bits),
                Window::AsOffered | Window::Unsaid => offer.server_max_window_bits,
            },
            client_max_window_bits: match (self.client_window, offer.client_max_window_bits) {
                (Window::Fixed(bits), _) => Some(bits),
                (Window::AsOffered, ClientWindow::AtMost(most)) => Some(most),
                _ => None,
            },
        }
    }
}

/// The offers are malformed, or none of them can be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::websocket) struct Unacceptable;
