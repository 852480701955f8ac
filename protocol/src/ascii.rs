//! Whether short text is ASCII. The standard library's function is not inlined, and costs more
//! than the rest of what is asked of a short message.

const BLOCK_BYTES: usize = 16;

/// The top bit of each byte.
const TOPS: u64 = 0x80 * (u64::MAX / 255);

/// Looks at sixteen bytes at a time. What is left is looked at in words that overlap those before.
#[inline]
pub(crate) fn is_ascii(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks();
    let mut all = blocks.iter().fold(0, |all, block| all | both_words(block));
    all |= match text.last_chunk() {
        Some(block) => both_words(block),
        None => few(rest),
    };
    all & TOPS == 0
}

#[inline]
fn both_words(block: &[u8; BLOCK_BYTES]) -> u64 {
    let [first, second]: [u64; 2] = bytemuck::cast(*block);
    first | second
}

/// All bits that are set in one of less than sixteen bytes.
#[inline]
fn few(bytes: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from_ne_bytes(*first) | u64::from_ne_bytes(*last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last))
    } else {
        bytes.iter().fold(0, |all, byte| all | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_not_ascii_is_found_at_every_place() {
        for len in 0..100 {
            let mut text = vec![0x7f; len];
            assert!(is_ascii(&text), "{len}");
            for at in 0..len {
                text[at] = 0x80;
                assert!(!is_ascii(&text), "{at} of {len}");
                text[at] = 0x7f;
            }
        }
    }
}
