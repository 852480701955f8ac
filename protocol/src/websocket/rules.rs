//! What a frame must be like at the point of the connection where it comes.

use super::decoder::Role;
use super::frame::{Header, Opcode};
use super::{Violation, mask};
use crate::input::Input;

/// What a connection accepts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) role: Role,
    pub(super) message_bytes_max: u32,
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
        if header.rsv1 {
            // No extension has been negotiated that would give the bit a meaning.
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

    /// Takes the frame at the front of `input`, unmasked, if it lies there whole and is all of an
    /// item. Otherwise takes nothing.
    #[inline]
    pub(super) fn whole_frame<'i>(
        self,
        input: &mut Input<'i>,
    ) -> Result<Option<(Opcode, &'i mut [u8])>, Violation> {
        let Some((header, header_bytes)) = Header::parse(input.peek())? else {
            return Ok(None);
        };
        self.admit(&header, None)?;
        let present_bytes = input.len() - header_bytes;
        if !header.fin || header.payload_bytes > present_bytes as u64 {
            return Ok(None);
        }
        input.take(header_bytes);
        let payload = input.take(header.payload_bytes as usize);
        if let Some(key) = header.mask {
            mask::apply(payload, key, 0);
        }
        Ok(Some((header.opcode, payload)))
    }
}
