//! A slab in pages, under generational keys.
//!
//! Growing never moves what is there: a plain slab of a million sparks would copy all of them when
//! it doubles, and hold the old and the new memory at once. A page in which nothing is left gives
//! its memory back, and a walk over all entries passes over such a page in one step. So the cost of
//! a peak ends with the peak.
//!
//! # Invariants
//! - A key names one entry, ever: a page that lost its memory remembers a generation above all that
//!   were used in it. (Generations wrap after [`Key::GENERATIONS`] uses.)
//! - A new entry takes the lowest free index. So every index is below the largest number of entries
//!   that there were at once, and entries that stay after a peak keep few pages.
//! - One empty page keeps its memory, or an entry that comes and goes at the border of a page would
//!   cost an allocation each time.

use super::bits::{self, Bits};

/// Entries per page. A power of two, so that an index splits into page and slot by bits; small, so
/// that a few who stay hold little.
const PAGE_ENTRIES: usize = 256;

const PAGE_WORDS: usize = PAGE_ENTRIES / bits::WORD;

/// The name of an entry. After the entry is removed the key names nothing, even when the slot is
/// used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which slot.
    pub index: u32,
    /// Which use of the slot; below [`Key::GENERATIONS`].
    pub generation: u32,
}

impl Key {
    /// Generations wrap after this many uses of one slot, the same as in a driver's token.
    pub const GENERATIONS: u32 = crate::io::Token::GENERATIONS;
}

struct Page<T> {
    /// By slot. It grows up to the capacity of a page. Memory that was never written to costs
    /// nothing.
    entries: Vec<Option<T>>,
    /// Nothing while the page has no memory.
    tags: Option<Box<Tags>>,
    /// The generation of every slot when the page got its memory.
    floor: u32,
}

/// What is known of the slots of a page.
struct Tags {
    /// Of the entry, or of the next one.
    generations: [u32; PAGE_ENTRIES],
    occupied: [u64; PAGE_WORDS],
    len: usize,
}

impl<T> Page<T> {
    const NEW: Self = Self {
        entries: Vec::new(),
        tags: None,
        floor: 0,
    };

    /// What is known of the slots, in memory that the page has from now on.
    fn take_memory(&mut self) -> &mut Tags {
        if self.entries.capacity() == 0 {
            self.entries.reserve_exact(PAGE_ENTRIES);
        }
        self.tags.get_or_insert_with(|| {
            Box::new(Tags {
                generations: [self.floor; PAGE_ENTRIES],
                occupied: [0; PAGE_WORDS],
                len: 0,
            })
        })
    }

    /// Gives the memory of an empty page back.
    fn give_back(&mut self) {
        self.entries = Vec::new();
        let Some(tags) = self.tags.take() else {
            return;
        };
        assert!(tags.len == 0);
        let uses_of = |generation: &u32| generation.wrapping_sub(self.floor) % Key::GENERATIONS;
        let uses_max = tags.generations.iter().map(uses_of).max().unwrap_or(0);
        self.floor = (self.floor + uses_max) % Key::GENERATIONS;
    }

    fn is_named(&self, slot: usize, generation: u32) -> bool {
        let tags = self.tags.as_deref();
        tags.is_some_and(|tags| tags.generations[slot] == generation)
    }

    /// The first entry in this slot or behind it, and its generation.
    fn next_from(&self, slot: usize) -> Option<(usize, u32)> {
        let tags = self.tags.as_deref()?;
        let slot = bits::first_from(&tags.occupied, slot)?;
        Some((slot, tags.generations[slot]))
    }
}

/// Holds entries of one type for one shard.
pub struct Arena<T> {
    pages: Vec<Page<T>>,
    /// Pages with a free slot.
    roomy: Bits,
    /// Pages with an entry.
    occupied: Bits,
    /// The empty page that keeps its memory.
    spare: Option<usize>,
    len: usize,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            roomy: Bits::default(),
            occupied: Bits::default(),
            spare: None,
            len: 0,
        }
    }
}

impl<T> std::fmt::Debug for Arena<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arena")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<T> Arena<T> {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Every entry has an index below this.
    pub fn places(&self) -> u32 {
        (self.pages.len() * PAGE_ENTRIES) as u32
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry.
    pub fn insert(&mut self, entry: T) -> Key {
        self.insert_with(|_| entry)
    }

    /// Adds an entry that is made from its own key.
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        let number = self.roomy.first().unwrap_or_else(|| self.add_page());
        let page = &mut self.pages[number];
        let tags = page.take_memory();
        let slot = bits::first_clear(&tags.occupied).expect("the page has room");
        let key = Key {
            index: (number * PAGE_ENTRIES + slot) as u32,
            generation: tags.generations[slot],
        };
        let entry = Some(make(key));
        bits::set(&mut tags.occupied, slot);
        tags.len += 1;
        if tags.len == 1 {
            self.occupied.set(number);
            self.spare.take_if(|spare| *spare == number);
        }
        if tags.len == PAGE_ENTRIES {
            self.roomy.clear(number);
        }
        match page.entries.get_mut(slot) {
            Some(free) => *free = entry,
            // The lowest free slot is at most the first that was never used.
            None => page.entries.push(entry),
        }
        self.len += 1;
        key
    }

    fn add_page(&mut self) -> usize {
        let number = self.pages.len();
        assert!(number < 1 << 24, "an index has 32 bits");
        self.pages.push(Page::NEW);
        self.roomy.set(number);
        number
    }

    /// Removes an entry, if the key still names one.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let (number, slot) = split(key.index);
        let page = self.pages.get_mut(number)?;
        let tags = page.tags.as_deref_mut()?;
        if tags.generations[slot] != key.generation {
            return None;
        }
        let entry = page.entries.get_mut(slot)?.take()?;
        tags.generations[slot] = (key.generation + 1) % Key::GENERATIONS;
        bits::clear(&mut tags.occupied, slot);
        tags.len -= 1;
        let is_empty = tags.len == 0;
        self.roomy.set(number);
        self.len -= 1;
        if is_empty {
            self.occupied.clear(number);
            self.emptied(number);
        }
        Some(entry)
    }

    /// Of two empty pages the lower one keeps its memory, as it is filled first.
    fn emptied(&mut self, number: usize) {
        let spare = *self.spare.get_or_insert(number);
        if spare != number {
            self.pages[spare.max(number)].give_back();
            self.spare = Some(spare.min(number));
        }
    }

    /// The entry that the key names.
    #[inline]
    pub fn get(&self, key: Key) -> Option<&T> {
        let (number, slot) = split(key.index);
        let page = self.pages.get(number)?;
        if !page.is_named(slot, key.generation) {
            return None;
        }
        page.entries.get(slot)?.as_ref()
    }

    /// The entry that the key names.
    #[inline]
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (number, slot) = split(key.index);
        let page = self.pages.get_mut(number)?;
        if !page.is_named(slot, key.generation) {
            return None;
        }
        page.entries.get_mut(slot)?.as_mut()
    }

    /// The entry in a slot, whichever use of it this is.
    #[inline]
    pub fn at_mut(&mut self, index: u32) -> Option<&mut T> {
        let (number, slot) = split(index);
        self.pages.get_mut(number)?.entries.get_mut(slot)?.as_mut()
    }

    /// The key of the entry in a slot, if the slot is in use.
    #[inline]
    pub fn key_at(&self, index: u32) -> Option<Key> {
        let (number, slot) = split(index);
        let page = self.pages.get(number)?;
        page.entries.get(slot)?.as_ref()?;
        let generation = page.tags.as_deref()?.generations[slot];
        Some(Key { index, generation })
    }

    /// The key of the first entry whose index is this one or a higher one. Whoever looks at all of
    /// them goes on behind the last: entries may come and go meanwhile.
    #[inline]
    pub fn next_from(&self, index: u32) -> Option<Key> {
        let (mut number, slot) = split(index);
        let page = self.pages.get(number)?;
        let found = page.next_from(slot).or_else(|| {
            number = self.occupied.first_from(number + 1)?;
            self.pages[number].next_from(0)
        });
        let (slot, generation) = found?;
        let index = (number * PAGE_ENTRIES + slot) as u32;
        Some(Key { index, generation })
    }
}

fn split(index: u32) -> (usize, usize) {
    (index as usize / PAGE_ENTRIES, index as usize % PAGE_ENTRIES)
}

#[cfg(test)]
mod tests;
