//! The checksum of headers: CRC-32C (RFC 9260, appendix A). It is made bit by bit, without a table:
//! once for a connection, of 4 KiB at most, and only if the proxy asks for it.

/// The polynomial, the lowest bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The checksum of these bytes, one part after the other.
pub(super) fn crc32c(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    !bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (POLYNOMIAL & (sum & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the catalogue of CRCs, and those of RFC 3720, B.4.
    #[test]
    fn is_that_of_others() {
        assert_eq!(crc32c(&[b"123456789"]), 0xe306_9283);
        assert_eq!(crc32c(&[b"1234", b"", b"56789"]), 0xe306_9283);
        assert_eq!(crc32c(&[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(crc32c(&[&[0xff; 32]]), 0x62a8_ab43);
    }
}
