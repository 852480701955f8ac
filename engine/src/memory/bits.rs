//! Sets of small numbers, a bit for each.

/// Numbers in one word.
pub(super) const WORD: usize = u64::BITS as usize;

/// A set of numbers that grows as it has to.
#[derive(Debug, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    /// No word before this one has a number.
    first_word: usize,
}

impl Bits {
    pub(super) fn set(&mut self, number: usize) {
        let word = number / WORD;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        set(&mut self.words, number);
        self.first_word = self.first_word.min(word);
    }

    /// Takes a number out that may be in the set.
    pub(super) fn clear(&mut self, number: usize) {
        clear(&mut self.words, number);
    }

    /// The lowest number. Words that were found empty are not looked at again.
    pub(super) fn first(&mut self) -> Option<usize> {
        let first = first_from(&self.words, self.first_word * WORD);
        self.first_word = first.map_or(self.words.len(), |number| number / WORD);
        first
    }

    /// The lowest number that is not below this one.
    pub(super) fn first_from(&self, number: usize) -> Option<usize> {
        first_from(&self.words, number)
    }
}

pub(super) fn set(words: &mut [u64], number: usize) {
    words[number / WORD] |= 1 << (number % WORD);
}

pub(super) fn clear(words: &mut [u64], number: usize) {
    words[number / WORD] &= !(1 << (number % WORD));
}

/// The lowest number in the set that is not below this one.
#[inline]
pub(super) fn first_from(words: &[u64], number: usize) -> Option<usize> {
    let first = number / WORD;
    let mut rest = words.get(first)? & (u64::MAX << (number % WORD));
    let mut word = first;
    loop {
        count_look();
        if rest != 0 {
            return Some(word * WORD + rest.trailing_zeros() as usize);
        }
        word += 1;
        rest = *words.get(word)?;
    }
}

/// The lowest number that is not in the set and has a place in its words.
#[inline]
pub(super) fn first_clear(words: &[u64]) -> Option<usize> {
    let (word, bits) = words
        .iter()
        .enumerate()
        .find(|(_, bits)| **bits != u64::MAX)?;
    Some(word * WORD + bits.trailing_ones() as usize)
}

#[cfg(not(test))]
#[inline]
fn count_look() {}

#[cfg(test)]
thread_local! {
    /// Words that searches of this thread looked at.
    pub(super) static LOOKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
fn count_look() {
    LOOKS.set(LOOKS.get() + 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn agrees_with_an_ordered_set(
            steps in proptest::collection::vec((any::<bool>(), 0..300_usize), 1..200),
        ) {
            let mut bits = Bits::default();
            let mut model = BTreeSet::new();
            for (is_set, number) in steps {
                if is_set {
                    bits.set(number);
                    model.insert(number);
                } else if model.remove(&number) {
                    bits.clear(number);
                }
                prop_assert_eq!(bits.first(), model.first().copied());
                let behind = model.range(number..).next().copied();
                prop_assert_eq!(bits.first_from(number), behind);
                let gap = (0..).find(|gap| !model.contains(gap));
                let room = bits.words.len() * WORD;
                prop_assert_eq!(first_clear(&bits.words), gap.filter(|gap| *gap < room));
            }
        }
    }
}
