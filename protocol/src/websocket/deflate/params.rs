//! The parameters of the extension (RFC 7692, 7.1).

use std::fmt;

use crate::websocket::handshake::extensions::Extension;

/// The name under which the extension is offered.
pub const NAME: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The size of a sliding window as the power of two: 8 (256 bytes) to 15 (32 KiB).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowBits(u8);

impl WindowBits {
    /// The smallest window, 256 bytes.
    pub const MIN: Self = Self(8);
    /// The largest window, 32 KiB, which counts where none is named.
    pub const MAX: Self = Self(15);

    /// A window of that many bits, if there is one.
    pub const fn new(bits: u8) -> Option<Self> {
        match bits {
            8..=15 => Some(Self(bits)),
            _ => None,
        }
    }

    /// The bits, 8 to 15.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Reads the value of a parameter: a number without leading zeros (RFC 7692, 7.1.2).
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [b'0' | b'+', ..] => None,
            _ => text.parse().ok().and_then(Self::new),
        }
    }
}

impl fmt::Display for WindowBits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What a client says about the window that it compresses with (RFC 7692, 7.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientWindow {
    /// Nothing: the server must not say anything about it either.
    Unsaid,
    /// That it obeys whatever the server says.
    Any,
    /// That it will not use a larger one than this.
    AtMost(WindowBits),
}

/// One set of parameters that a client proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offer {
    /// The server shall forget each message before it compresses the next.
    pub server_no_context_takeover: bool,
    /// The client will forget each message before it compresses the next.
    pub client_no_context_takeover: bool,
    /// The largest window that the server may compress with.
    pub server_max_window_bits: Option<WindowBits>,
    /// The largest window that the client will compress with.
    pub client_max_window_bits: ClientWindow,
}

impl Default for Offer {
    /// What the npm package `ws` and browsers offer.
    fn default() -> Self {
        Self {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: None,
            client_max_window_bits: ClientWindow::Any,
        }
    }
}

impl Offer {
    /// Reads the parameters of an offer. `None` if one is unknown, stands twice, or has a value
    /// that it cannot have (RFC 7692, 7.1): `ws` then refuses the whole handshake.
    pub(super) fn parse(extension: &Extension<'_>) -> Option<Self> {
        let parameters = Parameters::parse(extension)?;
        Some(Self {
            server_no_context_takeover: parameters.server_no_context_takeover,
            client_no_context_takeover: parameters.client_no_context_takeover,
            server_max_window_bits: parameters.server_max_window_bits.bits()?,
            client_max_window_bits: match parameters.client_max_window_bits {
                Bits::Absent => ClientWindow::Unsaid,
                Bits::Bare => ClientWindow::Any,
                Bits::Given(bits) => ClientWindow::AtMost(bits),
            },
        })
    }

    /// What a server agreed to of this offer, from its answer.
    ///
    /// As `ws` does, it lets the server keep its contexts or use a large window although the offer
    /// asked otherwise: our inflater always has the largest window. `None` if the answer breaks
    /// the rules of the extension, or demands of the client what the offer did not grant.
    pub(in crate::websocket) fn agree(&self, answer: &Extension<'_>) -> Option<Agreement> {
        let parameters = Parameters::parse(answer)?;
        let demanded = parameters.client_max_window_bits.bits()?;
        let client_max_window_bits = match (self.client_max_window_bits, demanded) {
            (ClientWindow::Unsaid, Some(_)) => return None,
            (ClientWindow::AtMost(most), Some(bits)) if bits > most => return None,
            (ClientWindow::AtMost(most), None) => Some(most),
            (_, demanded) => demanded,
        };
        Some(Agreement {
            server_no_context_takeover: parameters.server_no_context_takeover,
            client_no_context_takeover: parameters.client_no_context_takeover
                || self.client_no_context_takeover,
            server_max_window_bits: parameters.server_max_window_bits.bits()?,
            client_max_window_bits,
        })
    }
}

impl fmt::Display for Offer {
    /// Writes the offer as it stands in the header `Sec-WebSocket-Extensions`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client_window = match self.client_max_window_bits {
            ClientWindow::Unsaid => Bits::Absent,
            ClientWindow::Any => Bits::Bare,
            ClientWindow::AtMost(bits) => Bits::Given(bits),
        };
        Parameters {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: Bits::given(self.server_max_window_bits),
            client_max_window_bits: client_window,
        }
        .fmt(formatter)
    }
}

/// What client and server have agreed on for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Agreement {
    /// The server forgets each message before it compresses the next.
    pub server_no_context_takeover: bool,
    /// The client forgets each message before it compresses the next.
    pub client_no_context_takeover: bool,
    /// The largest window that the server compresses with; `None` stands for the largest there is.
    pub server_max_window_bits: Option<WindowBits>,
    /// The largest window that the client compresses with; `None` stands for the largest there is.
    pub client_max_window_bits: Option<WindowBits>,
}

impl fmt::Display for Agreement {
    /// Writes the answer as it stands in the header `Sec-WebSocket-Extensions`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Parameters {
            server_no_context_takeover: self.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover,
            server_max_window_bits: Bits::given(self.server_max_window_bits),
            client_max_window_bits: Bits::given(self.client_max_window_bits),
        }
        .fmt(formatter)
    }
}

/// The parameters as they stand in the header.
#[derive(Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Bits,
    client_max_window_bits: Bits,
}

/// A parameter that may have a window as its value.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Bits {
    #[default]
    Absent,
    Bare,
    Given(WindowBits),
}

impl Parameters {
    fn parse(extension: &Extension<'_>) -> Option<Self> {
        let mut parsed = Self::default();
        for (name, value) in &extension.parameters {
            let value = value.as_deref();
            let is_new = match *name {
                SERVER_NO_CONTEXT_TAKEOVER => set(&mut parsed.server_no_context_takeover, value),
                CLIENT_NO_CONTEXT_TAKEOVER => set(&mut parsed.client_no_context_takeover, value),
                SERVER_MAX_WINDOW_BITS => parsed.server_max_window_bits.set(value),
                CLIENT_MAX_WINDOW_BITS => parsed.client_max_window_bits.set(value),
                _ => false,
            };
            if !is_new {
                return None;
            }
        }
        Some(parsed)
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(NAME)?;
        for (name, is_set) in [
            (SERVER_NO_CONTEXT_TAKEOVER, self.server_no_context_takeover),
            (CLIENT_NO_CONTEXT_TAKEOVER, self.client_no_context_takeover),
        ] {
            if is_set {
                write!(formatter, "; {name}")?;
            }
        }
        for (name, bits) in [
            (SERVER_MAX_WINDOW_BITS, self.server_max_window_bits),
            (CLIENT_MAX_WINDOW_BITS, self.client_max_window_bits),
        ] {
            match bits {
                Bits::Absent => {}
                Bits::Bare => write!(formatter, "; {name}")?,
                Bits::Given(bits) => write!(formatter, "; {name}={bits}")?,
            }
        }
        Ok(())
    }
}

/// Sets a parameter that has no value. Returns whether that is allowed.
fn set(parameter: &mut bool, value: Option<&str>) -> bool {
    !std::mem::replace(parameter, true) && value.is_none()
}

impl Bits {
    fn given(bits: Option<WindowBits>) -> Self {
        bits.map_or(Self::Absent, Self::Given)
    }

    /// Sets the parameter. Returns whether that is allowed.
    fn set(&mut self, value: Option<&str>) -> bool {
        let is_new = *self == Self::Absent;
        match value.map(WindowBits::parse) {
            None => *self = Self::Bare,
            Some(Some(bits)) => *self = Self::Given(bits),
            Some(None) => return false,
        }
        is_new
    }

    /// The value, if the parameter is there; it must then have one.
    fn bits(self) -> Option<Option<WindowBits>> {
        match self {
            Self::Absent => Some(None),
            Self::Bare => None,
            Self::Given(bits) => Some(Some(bits)),
        }
    }
}
