//! Ids of questions: UUIDs of version 4, as the npm plugin makes them.

use allspark_engine::random;

/// An id that nobody can foresee, so that a client answers no question that it was not asked.
pub(super) fn uuid() -> String {
    format(random(), random())
}

fn format(high: u64, low: u64) -> String {
    // The version and the variant stand in fixed places.
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_its_version() {
        assert_eq!(format(0, 0), "00000000-0000-4000-8000-000000000000");
        let ones = "ffffffff-ffff-4fff-bfff-ffffffffffff";
        assert_eq!(format(u64::MAX, u64::MAX), ones);
        assert_ne!(uuid(), uuid());
    }
}
