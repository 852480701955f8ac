//! Bytes that come in parts and are one in the end.
//!
//! Memory follows what has come: at most twice as much is held. What is long is held in pieces of
//! one size and becomes one only when all of it is there. A buffer that doubles would leave behind
//! all the sizes that it once had, none of which fits whoever needs the next larger one, and an
//! allocator keeps such memory: thousands of peers that are ended in the middle of long messages,
//! again and again, made a process half as large again as what it held.

use crate::copy;

/// Bytes of a piece. A message that is not longer is never moved into another buffer.
pub const PIECE_BYTES: usize = 64 * 1024;

/// What has come so far.
#[derive(Debug, Default)]
pub struct Collected {
    /// Full pieces.
    pieces: Vec<Vec<u8>>,
    /// What came behind them, a piece at most.
    last: Vec<u8>,
}

impl Collected {
    /// How many bytes have come.
    pub fn len(&self) -> usize {
        self.pieces.len() * PIECE_BYTES + self.last.len()
    }

    /// Whether none have.
    pub fn is_empty(&self) -> bool {
        self.last.is_empty() && self.pieces.is_empty()
    }

    /// Memory that is held for them.
    pub fn held_bytes(&self) -> usize {
        let full = self.pieces.iter().map(Vec::capacity).sum::<usize>();
        full + self.pieces.capacity() * size_of::<Vec<u8>>() + self.last.capacity()
    }

    /// Appends what came. `missing` bytes are known to follow; `None` if that is not known.
    pub fn append(&mut self, mut part: &[u8], missing: Option<usize>) {
        while !part.is_empty() {
            if self.last.len() == PIECE_BYTES {
                self.pieces.push(std::mem::take(&mut self.last));
            }
            let taken = part.len().min(PIECE_BYTES - self.last.len());
            let to_come = missing.map(|missing| missing.saturating_add(part.len()));
            self.make_room(taken, to_come);
            let (now, later) = part.split_at(taken);
            copy::append(&mut self.last, now);
            part = later;
        }
    }

    /// Makes room for so many bytes: in the first piece for twice what has come, but for no more
    /// than is to come, if that is known.
    fn make_room(&mut self, bytes: usize, to_come: Option<usize>) {
        let needed = self.last.len() + bytes;
        if needed <= self.last.capacity() {
            return;
        }
        let wanted = match self.pieces.is_empty() {
            true => (2 * needed).min(PIECE_BYTES),
            false => PIECE_BYTES,
        };
        let whole = to_come.map_or(usize::MAX, |to_come| {
            self.last.len().saturating_add(to_come)
        });
        self.last.reserve_exact(wanted.min(whole) - self.last.len());
    }

    /// All of it as one.
    pub fn take(&mut self) -> Vec<u8> {
        if self.pieces.is_empty() {
            return std::mem::take(&mut self.last);
        }
        let mut whole = Vec::with_capacity(self.len());
        for piece in std::mem::take(&mut self.pieces) {
            copy::append(&mut whole, &piece);
            // The memory of this one may be that of the next part of the whole.
            drop(piece);
        }
        copy::append(&mut whole, &std::mem::take(&mut self.last));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of which none repeats where a piece would begin.
    fn bytes(count: usize) -> Vec<u8> {
        (0..count).map(|index| (index % 251) as u8).collect()
    }

    #[test]
    fn nothing_is_lost_and_twice_what_has_come_is_held() {
        for count in [
            0,
            1,
            1_000,
            PIECE_BYTES,
            PIECE_BYTES + 1,
            5 * PIECE_BYTES + 7,
        ] {
            let whole = bytes(count);
            for part_bytes in [1_000, 16 * 1024, 70_000, 200_000] {
                for is_known in [true, false] {
                    let mut collected = Collected::default();
                    for part in whole.chunks(part_bytes) {
                        let missing = count - collected.len() - part.len();
                        collected.append(part, is_known.then_some(missing));
                        let (held, came) = (collected.held_bytes(), collected.len());
                        assert!(held <= 2 * came + 1_024, "{held} for {came} of {count}");
                    }
                    assert_eq!(collected.len(), count);
                    assert_eq!(collected.take(), whole);
                    assert!(collected.is_empty() && collected.held_bytes() == 0);
                }
            }
        }
    }

    #[test]
    fn what_is_no_longer_than_a_piece_is_not_moved_once_half_of_it_has_come() {
        let whole = bytes(PIECE_BYTES);
        let (half, rest) = whole.split_at(PIECE_BYTES / 2);
        let mut collected = Collected::default();
        collected.append(half, Some(rest.len()));
        let address = collected.last.as_ptr();
        collected.append(rest, Some(0));
        let taken = collected.take();
        assert_eq!((taken.as_ptr(), taken.capacity()), (address, PIECE_BYTES));
    }

    /// However long it becomes, whoever is given up leaves pieces behind that fit everybody.
    #[test]
    fn what_is_long_is_held_in_pieces_of_one_size() {
        let mut collected = Collected::default();
        for part in bytes(10 * PIECE_BYTES + 5).chunks(14_000) {
            collected.append(part, Some(1 << 30));
        }
        let mut pieces = collected.pieces.iter().chain([&collected.last]);
        assert!(pieces.all(|piece| piece.capacity() == PIECE_BYTES));
    }
}
