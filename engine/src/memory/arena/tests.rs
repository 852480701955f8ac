use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::bits::LOOKS;
use super::*;

/// All keys, as whoever looks at all entries finds them.
fn walk<T>(arena: &Arena<T>) -> Vec<Key> {
    let mut index = 0;
    std::iter::from_fn(|| {
        let key = arena.next_from(index)?;
        index = key.index + 1;
        Some(key)
    })
    .collect()
}

fn remove_all<T>(arena: &mut Arena<T>, keys: &[Key]) {
    assert!(keys.iter().all(|key| arena.remove(*key).is_some()));
}

fn pages_with_memory<T>(arena: &Arena<T>) -> usize {
    let pages = arena.pages.iter();
    pages.filter(|page| page.tags.is_some()).count()
}

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
    assert_eq!(walk(&arena), keys);
    assert_eq!(arena.remove(keys[5]), Some(5));
    assert_eq!(arena.remove(keys[PAGE_ENTRIES + 3]), Some(PAGE_ENTRIES + 3));
    assert_eq!(arena.key_at(5), None);
    assert_eq!(arena.insert(0).index, 5);
    assert_eq!(arena.insert(0).index as usize, PAGE_ENTRIES + 3);
    assert_eq!(arena.insert(0).index as usize, PAGE_ENTRIES * 2 + 1);
}

/// What a walk costs follows who is there, not who was there once.
#[test]
fn a_walk_after_a_million_looks_at_few() {
    let mut arena = Arena::default();
    let keys: Vec<Key> = (0..1_000_000).map(|n| arena.insert(n)).collect();
    for key in &keys[..keys.len() - 1] {
        arena.remove(*key);
    }
    LOOKS.set(0);
    assert_eq!(walk(&arena), keys[keys.len() - 1..]);
    assert!(LOOKS.get() < 100, "{} words", LOOKS.get());
}

#[test]
fn the_memory_of_a_peak_is_given_back() {
    let mut arena = Arena::default();
    let keys: Vec<Key> = (0..100_000).map(|n| arena.insert(n)).collect();
    for (number, key) in keys.iter().enumerate() {
        if number != 70_000 {
            arena.remove(*key);
        }
    }
    assert_eq!(pages_with_memory(&arena), 2, "one is used, one is kept");
    arena.remove(keys[70_000]);
    assert_eq!(pages_with_memory(&arena), 1);
    for key in keys {
        assert_eq!(arena.get(key), None);
    }
}

/// A page that got its memory anew must not give out a key that it gave out before.
#[test]
fn an_old_key_of_a_page_without_memory_names_nothing() {
    let mut arena = Arena::default();
    let mut old = Vec::new();
    for _ in 0..3 {
        let keys: Vec<Key> = (0..PAGE_ENTRIES * 3).map(|n| arena.insert(n)).collect();
        // Some slots are used more often than others.
        for _ in 0..4 {
            let key = arena.insert(0);
            arena.remove(key);
            old.push(key);
        }
        assert!(keys.iter().all(|key| !old.contains(key)));
        assert!(old.iter().all(|key| arena.get(*key).is_none()));
        for key in &keys {
            arena.remove(*key);
        }
        assert_eq!(pages_with_memory(&arena), 1);
        old.extend(keys);
    }
}

#[test]
fn generations_wrap_in_a_page_without_memory_too() {
    let mut arena = Arena::default();
    let keys: Vec<Key> = (0..PAGE_ENTRIES * 2).map(|n| arena.insert(n)).collect();
    remove_all(&mut arena, &keys);
    arena.pages[1].floor = Key::GENERATIONS - 1;
    let keys: Vec<Key> = (0..PAGE_ENTRIES * 2).map(|n| arena.insert(n)).collect();
    assert_eq!(keys[PAGE_ENTRIES].generation, Key::GENERATIONS - 1);
    remove_all(&mut arena, &keys);
    assert_eq!(arena.pages[1].floor, 0);
}

/// Whoever comes and goes where a page begins does not cost an allocation each time.
#[test]
fn the_border_of_a_page_costs_no_allocation() {
    let mut arena = Arena::default();
    let first: Vec<Key> = (0..PAGE_ENTRIES).map(|n| arena.insert(n)).collect();
    assert_eq!(first.len(), arena.len());
    let mut memory = None;
    for _ in 0..3 {
        let key = arena.insert(0);
        let entries = arena.pages[1].entries.as_ptr();
        assert_eq!(*memory.get_or_insert(entries), entries);
        arena.remove(key);
        assert_eq!(arena.pages[1].entries.as_ptr(), entries);
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map(
        steps in proptest::collection::vec((0..4_u8, 0..2_000_usize), 1..60),
    ) {
        let mut arena = Arena::default();
        let mut model: BTreeMap<u32, (Key, usize)> = BTreeMap::new();
        let mut gone = Vec::new();
        for (action, amount) in steps {
            if action < 2 {
                for number in 0..amount {
                    let key = arena.insert_with(|key| (key, number));
                    prop_assert!(key.index as usize <= model.len(), "a lower slot is free");
                    prop_assert!(model.insert(key.index, (key, number)).is_none());
                }
            } else {
                let stride = amount % 7 + 1;
                let keys: Vec<Key> = model.values().map(|(key, _)| *key).collect();
                for key in keys.into_iter().step_by(stride) {
                    let removed = model.remove(&key.index);
                    prop_assert_eq!(arena.remove(key), removed);
                    gone.push(key);
                }
            }
            prop_assert_eq!(arena.len(), model.len());
            let keys: Vec<Key> = model.values().map(|(key, _)| *key).collect();
            prop_assert_eq!(walk(&arena), keys);
            prop_assert!(gone.iter().all(|key| arena.get(*key).is_none()));
            let pages = model.keys().map(|index| split(*index).0);
            let used = pages.collect::<std::collections::BTreeSet<_>>().len();
            prop_assert!(pages_with_memory(&arena) <= used + 1);
        }
    }
}
