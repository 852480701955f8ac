//! The arrays of the back channel: what a server sends, until the client has it.

use allspark_protocol::limits::{BROWSERCHANNEL_CHUNK_BYTES, MESSAGE_BYTES_MAX_HIGHEST};

use super::json;

/// Bytes of an escape: the most bytes that stand for one byte of a message.
const ESCAPE_BYTES: u64 = 6;

const _: () = assert!(
    MESSAGE_BYTES_MAX_HIGHEST as u64 * ESCAPE_BYTES + 2 * BROWSERCHANNEL_CHUNK_BYTES as u64
        <= u32::MAX as u64
);

/// Bytes in front of each array that is kept, and of each unit: see [`Arrays::push`].
const HEADER_BYTES: usize = 8;

/// Arrays that the client has not acknowledged, in order. The last of them may not have been sent
/// on the present back channel. Lengths fit in 32 bits, because the longest message that there can
/// be does, even if each of its characters is escaped.
#[derive(Debug, Default)]
pub(super) struct Arrays {
    /// Each with its length in bytes and in UTF-16 code units in front.
    kept: Vec<u8>,
    /// The number of the first that is kept.
    first: u64,
    /// How many are kept.
    count: u32,
    /// How many of them, from the first on, have been sent.
    sent: u32,
    /// Where the first begins that has not been sent.
    sent_bytes: u32,
    /// UTF-16 code units of those that have been sent.
    sent_units: u32,
}

impl Arrays {
    /// Bytes of heap memory.
    pub(super) fn held_bytes(&self) -> usize {
        self.kept.capacity()
    }

    /// Takes the next array, which is JSON.
    pub(super) fn push(&mut self, array: &[u8]) {
        self.push_measured(array, json::utf16_len(array));
    }

    /// As [`Arrays::push`], for a unit that [`push_unit`] made.
    pub(super) fn push_unit(&mut self, unit: &[u8]) {
        if let Some((units, array)) = unit.split_first_chunk() {
            self.push_measured(array, u32::from_le_bytes(*units) as usize);
        }
    }

    /// The client has all arrays up to this number.
    pub(super) fn acknowledge(&mut self, last: i64) {
        let Ok(last) = u64::try_from(last) else {
            return;
        };
        // A client can only acknowledge what was sent.
        let confirmed = (last + 1).saturating_sub(self.first).min(self.sent.into());
        let (mut bytes, mut units) = (0, 0);
        for _ in 0..confirmed {
            let array = Array::at(&self.kept[bytes..]);
            bytes += HEADER_BYTES + array.json.len();
            units += array.units;
        }
        self.kept.drain(..bytes);
        self.kept.shrink_to(KEPT_BYTES_MIN);
        self.first += confirmed;
        self.count -= confirmed as u32;
        self.sent -= confirmed as u32;
        self.sent_bytes -= bytes as u32;
        self.sent_units -= units as u32;
    }

    /// A new back channel begins: what was not acknowledged counts as not sent.
    pub(super) fn rewind(&mut self) {
        (self.sent, self.sent_bytes, self.sent_units) = (0, 0, 0);
    }

    /// Whether none was ever pushed.
    pub(super) fn is_unused(&self) -> bool {
        self.first == 0 && self.count == 0
    }

    /// Whether some have not been sent.
    pub(super) fn has_unsent(&self) -> bool {
        self.sent < self.count
    }

    /// Bytes of those that have not been sent.
    pub(super) fn unsent_bytes(&self) -> usize {
        self.kept.len() - self.sent_bytes as usize
    }

    /// The number of the last that was sent; -1 for none.
    pub(super) fn last_sent(&self) -> i64 {
        (self.first + u64::from(self.sent)) as i64 - 1
    }

    /// The length of what was sent and not acknowledged, as the package counts it: that of one
    /// array with all of them.
    pub(super) fn outstanding_units(&self) -> usize {
        match self.sent as usize {
            0 => 0,
            sent => self.sent_units as usize + sent + 1,
        }
    }

    /// The length of the chunk that [`Arrays::write_unsent`] would write, in UTF-16 code units.
    pub(super) fn unsent_units(&self) -> usize {
        let arrays = self.unsent().map(|(number, array)| {
            let brackets_and_comma = 3;
            json::digits(number) + array.units + brackets_and_comma
        });
        let commas = self.count - self.sent - 1;
        let brackets_and_line = 3;
        arrays.sum::<usize>() + commas as usize + brackets_and_line
    }

    /// Appends the chunk with all that have not been sent, which then count as sent:
    /// `[[7,"text"],[8,["noop"]]]` and a line feed.
    pub(super) fn write_unsent(&mut self, out: &mut Vec<u8>) {
        out.reserve(self.unsent_bytes() + 16);
        let mut separator = b'[';
        let mut units = 0;
        for (number, array) in self.unsent() {
            out.extend_from_slice(&[separator, b'[']);
            json::push_number(number, out);
            out.push(b',');
            out.extend_from_slice(array.json);
            out.push(b']');
            separator = b',';
            units += array.units;
        }
        out.extend_from_slice(b"]\n");
        self.sent = self.count;
        self.sent_bytes = self.kept.len() as u32;
        self.sent_units += units as u32;
    }

    fn unsent(&self) -> impl Iterator<Item = (u64, Array<'_>)> {
        let mut rest = &self.kept[self.sent_bytes as usize..];
        let arrays = std::iter::from_fn(move || {
            let array = (!rest.is_empty()).then(|| Array::at(rest))?;
            rest = &rest[HEADER_BYTES + array.json.len()..];
            Some(array)
        });
        (self.first + u64::from(self.sent)..).zip(arrays)
    }

    fn push_measured(&mut self, array: &[u8], units: usize) {
        let length = |length: usize| (length as u32).to_le_bytes();
        self.kept.extend_from_slice(&length(array.len()));
        self.kept.extend_from_slice(&length(units));
        self.kept.extend_from_slice(array);
        self.count += 1;
    }
}

/// Memory that is not given back: an idle session always has a ping or a noop to keep.
const KEPT_BYTES_MIN: usize = 256;

/// An array that is kept.
struct Array<'a> {
    json: &'a [u8],
    units: usize,
}

impl<'a> Array<'a> {
    /// The array at the front of `kept`, which [`Arrays::push`] has put there.
    fn at(kept: &'a [u8]) -> Self {
        let (header, rest) = kept.split_at(HEADER_BYTES);
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | usize::from(*b));
        Self {
            json: &rest[..number(&header[..4])],
            units: number(&header[4..]),
        }
    }
}

/// Appends the unit of an array, which `write` appends: its length in UTF-16 code units, as it is
/// needed for every session that it is sent to, and the array.
pub(super) fn push_unit(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let units = json::utf16_len(&out[start + 4..]) as u32;
    out[start..start + 4].copy_from_slice(&units.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(arrays: &mut Arrays) -> String {
        let units = arrays.unsent_units();
        let mut out = Vec::new();
        arrays.write_unsent(&mut out);
        let chunk = String::from_utf8(out).unwrap();
        assert_eq!(chunk.encode_utf16().count(), units);
        chunk
    }

    #[test]
    fn arrays_are_numbered_and_kept() {
        let mut arrays = Arrays::default();
        assert!(arrays.is_unused());
        assert_eq!((arrays.last_sent(), arrays.outstanding_units()), (-1, 0));
        arrays.push(br#"["c"]"#);
        assert_eq!(chunk(&mut arrays), "[[0,[\"c\"]]]\n");
        arrays.push("\"é😀\"".as_bytes());
        arrays.push(b"1");
        assert_eq!((arrays.last_sent(), arrays.outstanding_units()), (0, 7));
        assert_eq!(chunk(&mut arrays), "[[1,\"é😀\"],[2,1]]\n");
        // JSON.stringify([["c"], "é😀", 1]).length
        assert_eq!((arrays.last_sent(), arrays.outstanding_units()), (2, 15));
        arrays.acknowledge(1);
        assert_eq!((arrays.last_sent(), arrays.outstanding_units()), (2, 3));
        arrays.rewind();
        assert!(arrays.has_unsent());
        assert_eq!(arrays.last_sent(), 1);
        assert_eq!(chunk(&mut arrays), "[[2,1]]\n");
        arrays.acknowledge(2);
        assert!(!arrays.is_unused() && !arrays.has_unsent() && arrays.kept.is_empty());
    }

    #[test]
    fn only_what_was_sent_is_acknowledged() {
        let mut arrays = Arrays::default();
        arrays.push(b"1");
        arrays.acknowledge(-1);
        arrays.acknowledge(i64::MAX);
        assert_eq!(chunk(&mut arrays), "[[0,1]]\n");
        arrays.acknowledge(i64::MAX);
        arrays.acknowledge(0);
        arrays.push(b"2");
        assert_eq!(chunk(&mut arrays), "[[1,2]]\n");
    }

    #[test]
    fn memory_of_what_was_acknowledged_is_given_back() {
        let mut arrays = Arrays::default();
        arrays.push(&[b'1'; 100_000]);
        chunk(&mut arrays);
        arrays.acknowledge(0);
        assert!(arrays.kept.capacity() <= KEPT_BYTES_MIN);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(String),
        Send,
        Acknowledge(i64),
        Rewind,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => ".{0,9}".prop_map(Step::Push),
            2 => Just(Step::Send),
            2 => (-1..20_i64).prop_map(Step::Acknowledge),
            1 => Just(Step::Rewind),
        ]
    }

    proptest! {
        /// Compares it with a plain implementation.
        #[test]
        fn as_a_list_of_strings(steps in prop::collection::vec(step(), 0..40)) {
            let mut arrays = Arrays::default();
            let (mut all, mut first, mut sent) = (Vec::new(), 0, 0);
            for step in steps {
                match step {
                    Step::Push(text) => {
                        let mut unit = Vec::new();
                        push_unit(&mut unit, |out| json::quote(text.as_bytes(), out));
                        arrays.push_unit(&unit);
                        all.push(String::from_utf8(unit[4..].to_vec()).unwrap());
                    }
                    Step::Send if sent < all.len() => {
                        let list: Vec<_> = (sent..all.len())
                            .map(|number| format!("[{number},{}]", all[number]))
                            .collect();
                        prop_assert_eq!(chunk(&mut arrays), format!("[{}]\n", list.join(",")));
                        sent = all.len();
                    }
                    Step::Send => prop_assert!(!arrays.has_unsent()),
                    Step::Acknowledge(last) => {
                        first = first.max(sent.min((last + 1) as usize));
                        arrays.acknowledge(last);
                    }
                    Step::Rewind => {
                        sent = first;
                        arrays.rewind();
                    }
                }
                prop_assert_eq!(arrays.last_sent(), sent as i64 - 1);
                let outstanding = format!("[{}]", all[first..sent].join(","));
                let units = outstanding.encode_utf16().count();
                prop_assert_eq!(arrays.outstanding_units(), if sent > first { units } else { 0 });
            }
        }
    }
}
