//! The PROXY protocol, versions 1 and 2, as the paper "The PROXY protocol" of HAProxy has it: a
//! proxy says in a header before the first byte of a connection whom that comes from.
//!
//! | file | what it does |
//! |---|---|
//! | here | which version it is |
//! | `header` | what a header says |
//! | `text` | version 1, a line of text |
//! | `binary` | version 2, a block of bytes |
//! | `extras` | what version 2 may say beside the addresses |
//!
//! # Invariants
//! - A header is complete or it is not: what is understood of it never depends on how it was split.
//! - No more than [`PROXY_HEADER_BYTES_MAX`] bytes are waited for, and no byte behind a header is
//!   looked at.
//!
//! [`PROXY_HEADER_BYTES_MAX`]: crate::limits::PROXY_HEADER_BYTES_MAX

mod binary;
mod crc32c;
mod error;
mod extras;
mod header;
mod text;

pub use error::Error;
pub use extras::{Extras, Tls};
pub use header::{Addresses, Header, Progress};

/// Looks at all bytes that a connection has brought so far.
///
/// # Errors
/// It begins as a header and is none.
pub fn parse(bytes: &[u8]) -> Result<Progress, Error> {
    if is_beginning(bytes, binary::SIGNATURE) {
        return binary::parse(bytes);
    }
    if is_beginning(bytes, text::PREFIX) {
        return text::parse(bytes);
    }
    Ok(Progress::Absent)
}

/// Whether these bytes begin so, as far as they go.
fn is_beginning(bytes: &[u8], beginning: &[u8]) -> bool {
    let count = bytes.len().min(beginning.len());
    bytes[..count] == beginning[..count]
}

#[cfg(test)]
mod tests;
