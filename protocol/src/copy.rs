//! Copying that is fast wherever the bytes lie.

/// Bytes that are copied at a time.
///
/// From some 3 KiB on glibc copies with `rep movsb`, and AMD's Zen is 20 times slower at that if
/// the target lies 1 to 31 bytes behind the source, not counting whole pages: which is where a
/// frame's payload comes to lie when allocators give out whole pages. Shorter copies are done by
/// vector instructions, which were as fast for 64 KiB.
const PIECE_BYTES: usize = 2 * 1024;

/// Appends bytes of any number.
#[inline]
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) {
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
