//! The HTTP request that opens a connection, and the answer to it (RFC 6455, 4).
//!
//! The rules for servers are those of the npm package `ws` where the RFC leaves a choice; where
//! `ws` relies on Node.js to check something, it is checked here. The only extension is
//! permessage-deflate ([`deflate`](super::deflate)), and only if it is asked for: otherwise what a
//! client offers is ignored, and a server that insists is refused.

mod client;
pub mod extensions;
mod server;

pub use client::{Opening, Rejection};
pub use server::{Refusal, Upgrade};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// Proves that a server has read the key of the request and knows WebSocket (RFC 6455, 1.3).
fn accept_of(key: &str) -> String {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_value_is_that_of_the_rfc() {
        assert_eq!(
            accept_of("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
