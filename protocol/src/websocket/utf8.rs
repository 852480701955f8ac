//! Whether text is UTF-8, also if it arrives in parts (RFC 6455, 8.1).

use crate::ascii::is_ascii;

/// Below this length, to look whether the text is ASCII takes less time than a full check.
const SHORT_BYTES: usize = 256;

/// Whether a whole text is UTF-8.
#[inline]
pub fn is_valid(text: &[u8]) -> bool {
    (text.len() < SHORT_BYTES && is_ascii(text)) || simdutf8::basic::from_utf8(text).is_ok()
}

/// Checks text whose parts may be cut anywhere, also within a character.
///
/// It agrees with [`std::str::from_utf8`] on the whole, whatever the cuts, and refuses a part as
/// soon as nothing that could follow would make the text valid.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utf8 {
    /// The begin of a character whose end has not come yet; its first `carried` bytes count.
    carry: [u8; 3],
    carried: u8,
}

/// Text that is not UTF-8, and that cannot become so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is not UTF-8")]
pub struct InvalidUtf8;

impl Utf8 {
    /// Takes the next part of the text.
    ///
    /// # Errors
    /// [`InvalidUtf8`] if the text cannot become valid any more. The checker must not be used after
    /// that.
    pub fn push(&mut self, part: &[u8]) -> Result<(), InvalidUtf8> {
        let part = self.complete_carry(part)?;
        match simdutf8::compat::from_utf8(part) {
            Ok(_) => Ok(()),
            Err(error) if error.error_len().is_some() => Err(InvalidUtf8),
            Err(error) => {
                let cut = &part[error.valid_up_to()..];
                self.carry[..cut.len()].copy_from_slice(cut);
                self.carried = cut.len() as u8;
                Ok(())
            }
        }
    }

    /// Ends the text. The checker is ready for another one.
    ///
    /// # Errors
    /// [`InvalidUtf8`] if the text ends within a character.
    pub fn finish(&mut self) -> Result<(), InvalidUtf8> {
        match std::mem::take(&mut self.carried) {
            0 => Ok(()),
            _ => Err(InvalidUtf8),
        }
    }

    /// Ends the character that the last part left unfinished, as far as `part` goes, and returns
    /// what comes after it.
    fn complete_carry<'p>(&mut self, part: &'p [u8]) -> Result<&'p [u8], InvalidUtf8> {
        if self.carried == 0 {
            return Ok(part);
        }
        let mut rest = part;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            let mut character = [0; 4];
            let before = usize::from(self.carried);
            character[..before].copy_from_slice(&self.carry[..before]);
            character[before] = byte;
            match std::str::from_utf8(&character[..=before]) {
                Ok(_) => {
                    self.carried = 0;
                    break;
                }
                Err(error) if error.error_len().is_some() => return Err(InvalidUtf8),
                Err(_) => {
                    self.carry[before] = byte;
                    self.carried += 1;
                }
            }
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the standard library says about a text that may go on.
    fn can_become_valid(bytes: &[u8]) -> bool {
        std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
    }

    /// Feeds the parts and checks every verdict on the way against the standard library.
    fn agrees(parts: &[&[u8]]) {
        let mut utf8 = Utf8::default();
        let mut whole = Vec::new();
        for part in parts {
            whole.extend_from_slice(part);
            let verdict = utf8.push(part);
            assert_eq!(verdict.is_ok(), can_become_valid(&whole), "{parts:?}");
            if verdict.is_err() {
                return;
            }
        }
        let valid = std::str::from_utf8(&whole).is_ok();
        assert_eq!(is_valid(&whole), valid, "{parts:?}");
        assert_eq!(utf8.finish().is_ok(), valid, "{parts:?}");
    }

    fn agrees_at_every_cut(bytes: &[u8]) {
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                agrees(&[&bytes[..first], &bytes[first..second], &bytes[second..]]);
            }
        }
        agrees(&bytes.chunks(1).collect::<Vec<_>>());
    }

    #[test]
    fn every_pair_and_many_longer_sequences_of_bytes_are_judged_as_the_standard_library_does() {
        for first in 0..=u8::MAX {
            for second in 0..=u8::MAX {
                agrees(&[&[first], &[second]]);
            }
        }
        // The bytes at which the rules for the second byte of a character change.
        const EDGES: [u8; 10] = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
        for lead in 0xc0..=u8::MAX {
            for second in EDGES {
                for third in EDGES {
                    let bytes = [lead, second, third, 0x80];
                    agrees(&[&bytes[..1], &bytes[1..2], &bytes[2..3], &bytes[3..]]);
                    agrees(&[&bytes[..2], &bytes[2..]]);
                }
            }
        }
    }

    #[test]
    fn real_text_is_accepted_at_every_cut() {
        agrees_at_every_cut("κόσμε, 世界, 🦀🦀 and more than sixty-four bytes of it, é".as_bytes());
        agrees_at_every_cut(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80edited");
    }

    #[test]
    fn a_checker_can_be_used_again() {
        let mut utf8 = Utf8::default();
        assert_eq!(utf8.push(b"\xf0\x9f\xa6"), Ok(()));
        assert_eq!(utf8.finish(), Err(InvalidUtf8));
        assert_eq!(utf8.push(b"ok"), Ok(()));
        assert_eq!(utf8.finish(), Ok(()));
    }
}
