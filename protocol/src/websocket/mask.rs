//! The XOR that every payload byte from a client has undergone (RFC 6455, 5.3).

/// Bytes per step of the inner loop: a whole number of vectors on every CPU.
const STEP: usize = 64;

/// Masks or unmasks `bytes` in place, which is the same operation. `offset` is how many bytes of
/// the frame's payload came before `bytes`.
#[inline]
pub fn apply(bytes: &mut [u8], key: [u8; 4], offset: usize) {
    let key = rotated(key, offset);
    if bytes.len() < STEP {
        apply_short(bytes, key);
    } else {
        apply_long(bytes, key);
    }
}

/// The key as the byte at `offset` of the payload meets it.
#[inline]
fn rotated(mut key: [u8; 4], offset: usize) -> [u8; 4] {
    key.rotate_left(offset % 4);
    key
}

#[inline]
fn apply_short(bytes: &mut [u8], key: [u8; 4]) {
    let (words, rest) = bytes.as_chunks_mut::<4>();
    for word in words {
        *word = (u32::from_ne_bytes(*word) ^ u32::from_ne_bytes(key)).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

fn apply_long(bytes: &mut [u8], key: [u8; 4]) {
    let pattern: [u8; STEP] = std::array::from_fn(|index| key[index % 4]);
    let (steps, rest) = bytes.as_chunks_mut::<STEP>();
    for step in steps {
        for (byte, key) in step.iter_mut().zip(pattern) {
            *byte ^= key;
        }
    }
    apply_short(rest, key);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_a_loop_over_bytes_and_touches_no_other() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let original: Vec<u8> = (0..5000_u32)
            .map(|index| (index * 31 % 251) as u8)
            .collect();
        for start in 0..33 {
            for length in (0..300).chain([511, 512, 513, 1023, 2048, 4000]) {
                for offset in 0..4 {
                    let window = &original[..start + length + 3];
                    let mut bytes = window.to_vec();
                    apply(&mut bytes[start..start + length], key, offset);
                    let mut expected = window.to_vec();
                    for (index, byte) in expected[start..start + length].iter_mut().enumerate() {
                        *byte ^= key[(index + offset) % 4];
                    }
                    assert_eq!(bytes, expected, "{start} {length} {offset}");
                }
            }
        }
    }

    #[test]
    fn a_payload_may_be_unmasked_in_parts() {
        let key = [1, 2, 3, 4];
        let mut whole: Vec<u8> = (0..=255).collect();
        let mut parts = whole.clone();
        apply(&mut whole, key, 0);
        for (index, part) in parts.chunks_mut(7).enumerate() {
            apply(part, key, index * 7);
        }
        assert_eq!(parts, whole);
    }
}
