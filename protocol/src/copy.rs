//! Copying that is fast wherever the bytes lie.

/// Bytes that are copied at a time.
///
/// From about 3 KiB on glibc copies with `rep movsb`. On AMD's Zen that is 20 times slower if the
/// target lies 1 to 31 bytes behind the source, not counting whole pages. A frame's payload lies
/// there when the allocator gives out whole pages. glibc copies shorter parts with vector
/// instructions, which measured as fast for 64 KiB in all.
const PIECE_BYTES: usize = 2 * 1024;

/// Appends bytes of any number.
#[inline]
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= PIECE_BYTES {
        return out.extend_from_slice(bytes);
    }
    out.reserve(bytes.len());
    for piece in bytes.chunks(PIECE_BYTES) {
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_between_two_pieces() {
        let bytes: Vec<u8> = (0..3 * PIECE_BYTES + 1).map(|i| (i % 251) as u8).collect();
        for count in [
            0,
            1,
            PIECE_BYTES - 1,
            PIECE_BYTES,
            PIECE_BYTES + 1,
            bytes.len(),
        ] {
            let mut out = b"before".to_vec();
            append(&mut out, &bytes[..count]);
            assert_eq!(out, [b"before", &bytes[..count]].concat());
        }
    }
}
