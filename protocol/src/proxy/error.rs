//! What can be wrong with a header.

use crate::limits::PROXY_HEADER_BYTES_MAX;

/// Why a header of the PROXY protocol means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line of version 1 that does not end within 107 bytes.
    #[error("a header of the PROXY protocol has no end")]
    Endless,
    /// A line of version 1 that is none.
    #[error("a header of the PROXY protocol is no line of version 1")]
    Line,
    /// A version that nobody knows.
    #[error("a header of the PROXY protocol has another version than 1 and 2")]
    Version,
    /// A command, family or transport that the paper does not know.
    #[error("a header of the PROXY protocol has a command or a family that does not exist")]
    Kind,
    /// It is longer than what is waited for.
    #[error("a header of the PROXY protocol is longer than {PROXY_HEADER_BYTES_MAX} bytes")]
    TooLong,
    /// There is less room than addresses of its family take.
    #[error("a header of the PROXY protocol is too short for its addresses")]
    TooShort,
    /// What it says beside the addresses is cut off, or is no text where it has to be.
    #[error("a header of the PROXY protocol has extras that mean nothing")]
    Extra,
    /// It was changed on its way.
    #[error("a header of the PROXY protocol has a wrong checksum")]
    Checksum,
}
