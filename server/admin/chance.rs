//! Random bytes of the kernel's, for keys and names that nobody guesses.

/// Random bytes.
pub(super) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for part in bytes.chunks_mut(8) {
        part.copy_from_slice(&allspark_engine::random().to_le_bytes()[..part.len()]);
    }
    bytes
}
