//! What a frame must be like at the point of the connection where it comes.

use super::frame::{Header, Opcode};
use super::{Role, Violation, mask};
use crate::input::{Input, Payload};
use crate::limits::WEBSOCKET_FRAMED_BYTES_MIN;

/// What a connection accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) role: Role,
    pub(super) message_bytes_max: u32,
    /// Whether permessage-deflate has been negotiated, which gives the first reserved bit a
    /// meaning.
    pub(super) inflates: bool,
}

impl Rules {
    /// Checks a header against the connection and against the message under way, of which
    /// `message_bytes` bytes have come.
    #[inline]
    pub(super) fn admit(
        self,
        header: &Header,
        message_bytes: Option<usize>,
    ) -> Result<(), Violation> {
        match (self.role, header.mask) {
            (Role::Server, None) => return Err(Violation::MaskMissing),
            (Role::Client, Some(_)) => return Err(Violation::MaskUnexpected),
            _ => {}
        }
        if header.rsv1 && !(self.inflates && begins_message(header.opcode)) {
            return Err(Violation::ReservedBit);
        }
        if header.opcode.is_control() {
            return Ok(());
        }
        let continues = header.opcode == Opcode::Continuation;
        let before = match (continues, message_bytes) {
            (false, None) => 0,
            (true, Some(bytes)) => bytes as u64,
            (true, None) => return Err(Violation::ContinuationUnexpected),
            (false, Some(_)) => return Err(Violation::ContinuationMissing),
        };
        // Neither of the two has its top bit set, so the sum does not overflow.
        if before + header.payload_bytes > u64::from(self.message_bytes_max) {
            return Err(Violation::MessageTooBig);
        }
        Ok(())
    }

    /// Takes the message at the front of `input`, unmasked, if it lies there whole in one frame,
    /// and is not compressed. Otherwise takes nothing, and does not say why.
    #[inline]
    pub(super) fn whole_message<'i>(
        self,
        input: &mut Input<'i>,
    ) -> Option<(Opcode, WholeFrame<'i>)> {
        let (header, header_bytes) = Header::parse_whole_message(input.peek())?;
        self.admit(&header, None).ok()?;
        let frame = take_whole(&header, header_bytes, input)?;
        Some((header.opcode, frame))
    }

    /// Takes the control frame at the front of `input`, unmasked, if it lies there whole. Otherwise
    /// takes nothing.
    pub(super) fn whole_control_frame<'i>(
        self,
        input: &mut Input<'i>,
    ) -> Result<Option<(Opcode, WholeFrame<'i>)>, Violation> {
        let Some((header, header_bytes)) = Header::parse(input.peek())? else {
            return Ok(None);
        };
        self.admit(&header, None)?;
        if !header.opcode.is_control() {
            return Ok(None);
        }
        Ok(take_whole(&header, header_bytes, input).map(|frame| (header.opcode, frame)))
    }

    /// The same for the frame of a message that is compressed.
    pub(super) fn whole_compressed_frame<'i>(
        self,
        input: &mut Input<'i>,
    ) -> Result<Option<(Opcode, WholeFrame<'i>)>, Violation> {
        let Some((header, header_bytes)) = Header::parse(input.peek())? else {
            return Ok(None);
        };
        self.admit(&header, None)?;
        if !header.rsv1 {
            return Ok(None);
        }
        Ok(take_whole(&header, header_bytes, input).map(|frame| (header.opcode, frame)))
    }
}

/// A frame that lies whole in the input, its payload unmasked.
#[derive(Debug)]
pub(super) struct WholeFrame<'i> {
    bytes: &'i mut [u8],
    header_bytes: usize,
}

impl<'i> WholeFrame<'i> {
    #[inline]
    pub(super) fn payload(&self) -> &[u8] {
        &self.bytes[self.header_bytes..]
    }

    /// Its payload, with the room in front of it if that is worth anything.
    #[inline]
    pub(super) fn into_payload(self) -> Payload<'i> {
        let (bytes, start) = (self.bytes, self.header_bytes);
        if bytes.len() - start >= WEBSOCKET_FRAMED_BYTES_MIN {
            Payload::Framed { bytes, start }
        } else {
            Payload::Borrowed(&mut bytes[start..])
        }
    }
}

/// Whether the first reserved bit can have a meaning in a frame: it stands for the whole message,
/// so only on the first frame of one (RFC 7692, 6.1).
fn begins_message(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::Text | Opcode::Binary)
}

/// Takes the frame with this header and unmasks it, if it lies whole in `input` and nothing
/// continues it.
#[inline]
fn take_whole<'i>(
    header: &Header,
    header_bytes: usize,
    input: &mut Input<'i>,
) -> Option<WholeFrame<'i>> {
    let present_bytes = input.len() - header_bytes;
    if !header.fin || header.payload_bytes > present_bytes as u64 {
        return None;
    }
    let bytes = input.take(header_bytes + header.payload_bytes as usize);
    if let Some(key) = header.mask {
        mask::apply(&mut bytes[header_bytes..], key, 0);
    }
    Some(WholeFrame {
        bytes,
        header_bytes,
    })
}
