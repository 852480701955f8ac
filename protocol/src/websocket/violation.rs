//! Which rule of WebSocket a peer broke.

use super::CloseCode;

/// A rule that the peer broke, or a limit that it exceeded. The connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum Violation {
    /// A reserved bit is set that no extension has given a meaning (RFC 6455, 5.2).
    ReservedBit,
    /// The opcode is one of those that nobody has defined (RFC 6455, 5.2).
    ReservedOpcode,
    /// A close, ping or pong is not in one frame (RFC 6455, 5.5).
    ControlFragmented,
    /// A close, ping or pong announces more than 125 bytes (RFC 6455, 5.5).
    ControlTooLong,
    /// The payload length does not use the fewest bytes possible (RFC 6455, 5.2).
    LengthNotMinimal,
    /// The payload length has its top bit set (RFC 6455, 5.2).
    LengthOver63Bits,
    /// A client sent a frame without a masking key (RFC 6455, 5.1).
    MaskMissing,
    /// A server sent a frame with a masking key (RFC 6455, 5.1).
    MaskUnexpected,
    /// A continuation came while no message was under way (RFC 6455, 5.4).
    ContinuationUnexpected,
    /// A new message came while another one was unfinished (RFC 6455, 5.4).
    ContinuationMissing,
    /// A message is longer than this endpoint accepts.
    MessageTooBig,
    /// A compressed message is no sequence of DEFLATE blocks (RFC 7692, 7.2.2).
    InvalidDeflate,
    /// Text, or the reason of a close, is not UTF-8 (RFC 6455, 8.1).
    InvalidUtf8,
    /// A close frame holds a single byte, which is half a close code (RFC 6455, 5.5.1).
    CloseCodeTruncated,
    /// A close frame holds a code that must not be sent (RFC 6455, 7.4).
    CloseCodeInvalid,
}

impl Violation {
    /// What happened, as a sentence for logs.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ReservedBit => "a reserved bit is set in a frame",
            Self::ReservedOpcode => "the opcode of a frame is reserved",
            Self::ControlFragmented => "a control frame is fragmented",
            Self::ControlTooLong => "a control frame is longer than 125 bytes",
            Self::LengthNotMinimal => "the length of a frame is not encoded minimally",
            Self::LengthOver63Bits => "the length of a frame does not fit in 63 bits",
            Self::MaskMissing => "a frame from a client is not masked",
            Self::MaskUnexpected => "a frame from a server is masked",
            Self::ContinuationUnexpected => "a continuation frame continues nothing",
            Self::ContinuationMissing => "a message begins before the last one is finished",
            Self::MessageTooBig => "a message is longer than allowed",
            Self::InvalidDeflate => "a compressed message can not be inflated",
            Self::InvalidUtf8 => "a text is not UTF-8",
            Self::CloseCodeTruncated => "a close frame holds half a close code",
            Self::CloseCodeInvalid => "a close frame holds an invalid close code",
        }
    }

    /// The code to close the connection with (RFC 6455, 7.4.1). For what can not be inflated the
    /// RFCs name none; it is that of `ws`.
    pub const fn close_code(self) -> CloseCode {
        match self {
            Self::InvalidDeflate | Self::InvalidUtf8 => CloseCode::INVALID_DATA,
            Self::MessageTooBig => CloseCode::MESSAGE_TOO_BIG,
            _ => CloseCode::PROTOCOL_ERROR,
        }
    }
}
