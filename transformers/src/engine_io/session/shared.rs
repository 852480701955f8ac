//! What the sessions of a shard share.

use allspark_protocol::http::RequestHead;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::WindowBits;
use allspark_protocol::websocket::handshake::{Refusal, Upgrade};

use super::super::format::Format;
use super::super::gzipped::Gzipped;
use super::super::options::EngineIoOptions;
use crate::websockets::{self, DeflateOptions};

/// What the sessions of a shard share.
#[derive(Clone, Debug)]
pub(in super::super) struct Shared {
    pub(in super::super) options: EngineIoOptions,
    /// Bytes of the largest body and of the largest WebSocket message.
    pub(in super::super) buffer_bytes_max: usize,
    /// Where bytes are decoded.
    pub(in super::super) scratch: Vec<u8>,
    /// How messages on WebSockets are compressed, if they are.
    pub(in super::super) deflate: Option<DeflateOptions>,
    pub(in super::super) codec: websockets::Shared,
    pub(in super::super) gzipped: Gzipped,
}

/// Bytes up to which scratch space is kept: a rare huge message must not stay in memory.
const SCRATCH_BYTES_KEPT_MAX: usize = 64 * 1024;

impl Shared {
    /// Checks a request for a WebSocket, and agrees on whether messages may be compressed. It
    /// agrees only to the largest window, which no client in use forbids, so that one wire serves
    /// all sessions.
    ///
    /// # Errors
    /// As those of [`Upgrade::check`] and [`Upgrade::with_deflate`].
    pub(in super::super) fn upgrade<'b>(
        &self,
        head: &RequestHead<'b>,
    ) -> Result<Upgrade<'b>, Refusal> {
        let plain = Upgrade::check(head)?;
        let Some(deflate) = &self.deflate else {
            return Ok(plain);
        };
        let compressed = plain.clone().with_deflate(head, &deflate.terms)?;
        let bits = compressed
            .deflate()
            .and_then(|it| it.server_max_window_bits);
        Ok(match bits {
            None | Some(WindowBits::MAX) => compressed,
            Some(_) => plain,
        })
    }

    /// Appends a message as a compressed frame of this format.
    pub(in super::super) fn frame(
        &mut self,
        format: Format,
        deflate: &DeflateOptions,
        kind: Kind,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.scratch.clear();
        let kind = format.packet(kind, payload, &mut self.scratch);
        self.codec
            .frame(deflate, WindowBits::MAX, kind, &self.scratch, out);
        self.trim();
    }

    /// Gives back what a huge message needed.
    pub(in super::super) fn trim(&mut self) {
        self.scratch.truncate(SCRATCH_BYTES_KEPT_MAX);
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT_MAX);
    }
}
