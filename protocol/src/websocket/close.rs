//! Close codes: why a connection was closed, as a number (RFC 6455, 7.4).

use std::fmt;

/// A close code that may stand in a close frame.
///
/// Codes that only describe a connection locally (1005, 1006, 1015) and codes that are not defined
/// cannot be made: they cannot be sent, and a peer that sends one breaks a rule. The set is that
/// of the npm package `ws`: 1000-1003, 1007-1014 and 3000-4999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke a rule of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The peer sent a kind of data that is not accepted here, for instance binary.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// Text was not UTF-8, or a message was otherwise not what its kind promises.
    pub const INVALID_DATA: Self = Self(1007);
    /// The peer broke a rule of this endpoint that has no code of its own.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// The message is larger than this endpoint accepts.
    pub const MESSAGE_TOO_BIG: Self = Self(1009);
    /// The server did not grant an extension that the client needs.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// The server met an unexpected condition.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The server restarts; the client may come back.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The server is overloaded; the client should come back later or elsewhere.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// A gateway got an invalid answer from the server behind it.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The close code of that number, if it may stand in a close frame.
    pub const fn new(number: u16) -> Option<Self> {
        match number {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number, as it stands in the frame.
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_codes_that_ws_accepts_can_be_made() {
        let sendable = (0..=u16::MAX).filter(|&number| CloseCode::new(number).is_some());
        let expected = (1000..=1003).chain(1007..=1014).chain(3000..=4999);
        assert!(sendable.eq(expected));
        assert_eq!(CloseCode::new(1009), Some(CloseCode::MESSAGE_TOO_BIG));
        assert_eq!(CloseCode::MESSAGE_TOO_BIG.to_string(), "1009");
    }
}
