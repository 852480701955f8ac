//! A slab in pages, under generational keys.
//!
//! Growing never moves what is there: a plain slab of a million sparks would copy all of them when
//! it doubles, and hold the old and the new memory at once.

use slab::Slab;

/// Entries per page. A power of two, so that an index splits into page and slot by bits.
const PAGE_ENTRIES: usize = 1024;

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
    entries: Slab<T>,
    generations: Vec<u32>,
}

/// Holds entries of one type for one shard.
pub struct Arena<T> {
    pages: Vec<Page<T>>,
    /// Pages with room, the first to be filled last in the list.
    roomy: Vec<u32>,
    len: usize,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            roomy: Vec::new(),
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

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All indexes in use are below this one.
    pub fn index_bound(&self) -> u32 {
        (self.pages.len() * PAGE_ENTRIES) as u32
    }

    /// Adds an entry.
    pub fn insert(&mut self, entry: T) -> Key {
        self.insert_with(|_| entry)
    }

    /// Adds an entry that is made from its own key.
    pub fn insert_with(&mut self, make: impl FnOnce(Key) -> T) -> Key {
        let page_index = self.roomy.last().copied();
        let page_index = page_index.unwrap_or_else(|| self.add_page());
        let page = &mut self.pages[page_index as usize];
        let vacant = page.entries.vacant_entry();
        let slot = vacant.key();
        let index = page_index * PAGE_ENTRIES as u32 + slot as u32;
        let key = Key {
            index,
            generation: page.generations[slot],
        };
        vacant.insert(make(key));
        if page.entries.len() == PAGE_ENTRIES {
            self.roomy.pop();
        }
        self.len += 1;
        key
    }

    fn add_page(&mut self) -> u32 {
        let page_index = u32::try_from(self.pages.len()).expect("fewer than 2^22 pages");
        let entries = Slab::with_capacity(PAGE_ENTRIES);
        self.pages.push(Page {
            entries,
            generations: vec![0; PAGE_ENTRIES],
        });
        self.roomy.push(page_index);
        page_index
    }

    /// Removes an entry, if the key still names one.
    pub fn remove(&mut self, key: Key) -> Option<T> {
        let (page_index, slot) = split(key.index);
        let page = self.pages.get_mut(page_index)?;
        if page.generations[slot] != key.generation {
            return None;
        }
        let entry = page.entries.try_remove(slot)?;
        page.generations[slot] = (key.generation + 1) % Key::GENERATIONS;
        if page.entries.len() == PAGE_ENTRIES - 1 {
            self.roomy.push(page_index as u32);
        }
        self.len -= 1;
        Some(entry)
    }

    /// The entry that the key names.
    pub fn get(&self, key: Key) -> Option<&T> {
        let (page_index, slot) = split(key.index);
        let page = self.pages.get(page_index)?;
        if page.generations[slot] != key.generation {
            return None;
        }
        page.entries.get(slot)
    }

    /// The entry that the key names.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (page_index, slot) = split(key.index);
        let page = self.pages.get_mut(page_index)?;
        if page.generations[slot] != key.generation {
            return None;
        }
        page.entries.get_mut(slot)
    }

    /// The key of the entry in a slot, if the slot is in use.
    pub fn key_at(&self, index: u32) -> Option<Key> {
        let (page_index, slot) = split(index);
        let page = self.pages.get(page_index)?;
        page.entries.contains(slot).then(|| Key {
            index,
            generation: page.generations[slot],
        })
    }
}

fn split(index: u32) -> (usize, usize) {
    (index as usize / PAGE_ENTRIES, index as usize % PAGE_ENTRIES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_names_nothing() {
        let mut arena = Arena::default();
        let first = arena.insert("first");
        assert_eq!(arena.remove(first), Some("first"));
        let second = arena.insert("second");
        assert_eq!(second.index, first.index, "the slot is used again");
        assert_eq!(arena.get(first), None);
        assert_eq!(arena.remove(first), None);
        assert_eq!(arena.get(second), Some(&"second"));
        assert_eq!(arena.key_at(second.index), Some(second));
    }

    #[test]
    fn grows_by_pages_and_fills_gaps_first() {
        let mut arena = Arena::default();
        let keys: Vec<Key> = (0..PAGE_ENTRIES * 2 + 1).map(|n| arena.insert(n)).collect();
        assert_eq!(arena.len(), PAGE_ENTRIES * 2 + 1);
        assert_eq!(
            keys.iter().filter(|key| arena.get(**key).is_some()).count(),
            keys.len()
        );
        assert_eq!(arena.remove(keys[5]), Some(5));
        assert_eq!(arena.key_at(5), None);
        let bound = arena.index_bound();
        arena.insert(0);
        arena.insert(0);
        assert_eq!(arena.index_bound(), bound);
    }
}
