//! The body of a back channel, cut into chunks: each is its length in decimal, a line feed, and so
//! many UTF-16 code units of JSON.

use super::super::json;

/// Collects a body until it is cut.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    bytes: Vec<u8>,
    /// Where the chunk begins that is being read, and its length in UTF-16 code units.
    chunk: Option<(usize, usize)>,
    /// Bytes and UTF-16 code units of the chunk that have been counted.
    counted: (usize, usize),
}

/// The body is not made of chunks, or of one that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadChunk;

/// The digits of the longest length that there can be.
const DIGITS_MAX: usize = 10;

impl Chunks {
    /// Adds what has arrived.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that belong to no chunk that was taken.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a chunk has begun and is not complete.
    pub(super) fn is_partial(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Whether these words are in a body that is not made of chunks.
    pub(super) fn contains(&self, words: &str) -> bool {
        memchr::memmem::find(&self.bytes, words.as_bytes()).is_some()
    }

    /// Takes the next chunk that is complete.
    pub(super) fn next(&mut self, units_max: usize) -> Result<Option<Vec<u8>>, BadChunk> {
        let Some((start, units)) = self.begin(units_max)? else {
            return Ok(None);
        };
        let (mut bytes, mut counted) = self.counted;
        while counted < units {
            let rest = &self.bytes[start + bytes..];
            // A text never has more units than bytes.
            let window = &rest[..rest.len().min(units - counted)];
            let whole = match whole_chars(window) {
                0 => rest.first().map_or(0, |lead| char_bytes(*lead)),
                whole => whole,
            };
            if whole == 0 || whole > rest.len() {
                break;
            }
            bytes += whole;
            counted += json::utf16_len(&rest[..whole]);
        }
        self.counted = (bytes, counted);
        if counted < units {
            return Ok(None);
        }
        let chunk = self.bytes[start..start + bytes].to_vec();
        self.bytes.drain(..start + bytes);
        self.chunk = None;
        self.counted = (0, 0);
        Ok(Some(chunk))
    }

    /// Reads the length of the next chunk.
    fn begin(&mut self, units_max: usize) -> Result<Option<(usize, usize)>, BadChunk> {
        if self.chunk.is_none() {
            let window = &self.bytes[..self.bytes.len().min(DIGITS_MAX + 1)];
            let Some(end) = memchr::memchr(b'\n', window) else {
                return match window.len() > DIGITS_MAX {
                    true => Err(BadChunk),
                    false => Ok(None),
                };
            };
            let digits = str::from_utf8(&window[..end]).map_err(|_| BadChunk)?;
            let units = digits.parse().map_err(|_| BadChunk)?;
            if units > units_max {
                return Err(BadChunk);
            }
            self.chunk = Some((end + 1, units));
        }
        Ok(self.chunk)
    }
}

/// Bytes of the characters that are complete.
fn whole_chars(text: &[u8]) -> usize {
    let tail = text
        .iter()
        .rev()
        .take(4)
        .position(|byte| *byte & 0xc0 != 0x80);
    match tail.map(|tail| (tail + 1, text[text.len() - tail - 1])) {
        Some((tail, lead)) if char_bytes(lead) > tail => text.len() - tail,
        _ => text.len(),
    }
}

/// Bytes of the character that begins with this byte. What is not UTF-8 is found out later.
fn char_bytes(lead: u8) -> usize {
    match lead {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(chunks: &mut Chunks) -> Vec<String> {
        let next = || chunks.next(1000).unwrap();
        let chunks = std::iter::from_fn(next).map(|chunk| String::from_utf8(chunk).unwrap());
        chunks.collect()
    }

    #[test]
    fn lengths_count_as_in_javascript() {
        let mut chunks = Chunks::default();
        chunks.push("5\naé😀\n0\n3\nxyz2\n".as_bytes());
        assert_eq!(all(&mut chunks), ["aé😀\n", "", "xyz"]);
        assert!(chunks.is_partial());
        chunks.push(b"ab");
        assert_eq!(all(&mut chunks), ["ab"]);
        assert!(!chunks.is_partial());
    }

    #[test]
    fn other_lengths_are_refused() {
        for body in ["x\n", "-1\n", "1001\n", "12345678901", "\n", " 1\n"] {
            let mut chunks = Chunks::default();
            chunks.push(body.as_bytes());
            assert_eq!(chunks.next(1000), Err(BadChunk), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_are_found_however_they_arrive(
            texts in prop::collection::vec(".{0,20}", 0..8),
            piece in 1..9_usize,
        ) {
            let body: String = texts
                .iter()
                .map(|text| format!("{}\n{text}", text.encode_utf16().count()))
                .collect();
            let mut chunks = Chunks::default();
            let mut found = Vec::new();
            for piece in body.as_bytes().chunks(piece) {
                chunks.push(piece);
                found.extend(all(&mut chunks));
            }
            prop_assert_eq!(found, texts);
            prop_assert!(!chunks.is_partial());
        }

        #[test]
        fn nothing_panics(body in any::<Vec<u8>>(), length in 0..9_usize) {
            let mut chunks = Chunks::default();
            chunks.push(format!("{length}\n").as_bytes());
            chunks.push(&body);
            while let Ok(Some(_)) = chunks.next(9) {}
        }
    }
}
