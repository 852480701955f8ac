//! Rooms whose names stand for many: `*` is anything, or nothing, as in primus-rooms. Every other
//! character is itself.
//!
//! A name that is written to is compared only with patterns whose text before the first `*` it
//! begins with. So users who have a pattern each, `user:7:*`, do not slow each other down, and of
//! patterns that begin alike there may be only so many.

use std::collections::HashMap;
use std::rc::Rc;

use smallvec::SmallVec;

use crate::limits::PATTERNS_PER_PREFIX_MAX;
use crate::memory::kept;

/// The patterns of one shard.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    by_prefix: HashMap<Box<str>, SmallVec<[Pattern; 1]>>,
    /// How many prefixes have so many bytes. Prefixes are as short as names, so these are few.
    lengths: Vec<(usize, usize)>,
}

#[derive(Debug)]
struct Pattern {
    name: Rc<str>,
    room: u32,
}

impl Patterns {
    /// Whether there is room for one more like this.
    pub(super) fn has_room(&self, name: &str) -> bool {
        let alike = self.by_prefix.get(prefix(name));
        alike.is_none_or(|alike| alike.len() < PATTERNS_PER_PREFIX_MAX)
    }

    pub(super) fn insert(&mut self, name: &Rc<str>, room: u32) {
        let prefix = prefix(name);
        let pattern = Pattern {
            name: Rc::clone(name),
            room,
        };
        match self.by_prefix.get_mut(prefix) {
            Some(alike) => {
                assert!(
                    alike.len() < PATTERNS_PER_PREFIX_MAX,
                    "there is room for it"
                );
                alike.push(pattern);
            }
            None => {
                self.by_prefix
                    .insert(prefix.into(), SmallVec::from_iter([pattern]));
                self.count(prefix.len(), 1);
            }
        }
    }

    pub(super) fn remove(&mut self, name: &str, room: u32) {
        let prefix = prefix(name);
        let alike = self.by_prefix.get_mut(prefix);
        let alike = alike.expect("a pattern that has a room is known");
        alike.retain(|pattern| pattern.room != room);
        if alike.is_empty() {
            self.by_prefix.remove(prefix);
            self.count(prefix.len(), -1);
            if let Some(kept) = kept(self.by_prefix.len(), self.by_prefix.capacity()) {
                self.by_prefix.shrink_to(kept);
            }
        }
    }

    /// Calls with the room of each pattern that a name matches.
    pub(super) fn find(&self, name: &str, mut found: impl FnMut(u32)) {
        for &(len, _) in &self.lengths {
            let Some(prefix) = name.get(..len) else {
                continue;
            };
            for pattern in self.by_prefix.get(prefix).into_iter().flatten() {
                if room_matches(&pattern.name, name) {
                    found(pattern.room);
                }
            }
        }
    }

    fn count(&mut self, len: usize, change: isize) {
        match self.lengths.binary_search_by_key(&len, |(len, _)| *len) {
            Ok(place) => {
                let count = &mut self.lengths[place].1;
                *count = count
                    .checked_add_signed(change)
                    .expect("each prefix is counted once");
                if *count == 0 {
                    self.lengths.remove(place);
                }
            }
            Err(place) => self.lengths.insert(place, (len, 1)),
        }
    }
}

/// The text before the first `*`.
fn prefix(pattern: &str) -> &str {
    pattern.split('*').next().unwrap_or_default()
}

/// Whether a room's name matches a pattern, in which each `*` stands for anything or nothing and
/// every other character for itself. It takes time in proportion to the two.
///
/// ```
/// assert!(allspark_engine::room_matches("user:*", "user:7:inbox"));
/// assert!(!allspark_engine::room_matches("user:*", "users"));
/// ```
pub fn room_matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let between = name.strip_prefix(first).and_then(|n| n.strip_suffix(last));
    let Some(mut between) = between else {
        return false;
    };
    for part in middle.split('*') {
        match between.find(part) {
            Some(at) => between = &between[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_anything_and_every_other_character_is_itself() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "a:b"),
            ("user:*", "user:jb:1"),
            ("user:*", "user:"),
            ("user:*", "user:*"),
            ("*:1", "user:jb:1"),
            ("a*b*c", "abc"),
            ("a*b*c", "a-b-b-c-c"),
            ("a.c*", "a.c"),
            ("**", "x"),
        ] {
            assert!(room_matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("user:*", "user"),
            ("a*a", "a"),
            ("a*b*c", "acb"),
            ("a.c*", "abc"),
            ("[a]*", "a"),
            ("*x*", "abc"),
        ] {
            assert!(!room_matches(pattern, name), "{pattern} {name}");
        }
    }

    /// The definition, as slow as it is.
    fn matches_slowly(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|at| matches_slowly(rest, &name[at..])),
            Some((byte, rest)) => name.first() == Some(byte) && matches_slowly(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{0,7}", name in "[ab]{0,8}") {
            let expected = matches_slowly(pattern.as_bytes(), name.as_bytes());
            prop_assert_eq!(room_matches(&pattern, &name), expected);
        }

        #[test]
        fn finds_what_a_search_through_all_would(
            patterns in proptest::collection::btree_set("[abä]{0,2}[*][ab*]{0,2}", 0..20),
            gone in 0_usize..20,
            name in "[abä]{0,4}",
        ) {
            let mut index = Patterns::default();
            let all: Vec<Rc<str>> = patterns.iter().map(|p| p.as_str().into()).collect();
            for (room, pattern) in (0..).zip(&all) {
                index.insert(pattern, room);
            }
            for (room, pattern) in (0..).zip(&all).take(gone) {
                index.remove(pattern, room);
            }
            let mut found = Vec::new();
            index.find(&name, |room| found.push(room as usize));
            found.sort_unstable();
            let expected: Vec<usize> = (0..all.len())
                .skip(gone)
                .filter(|room| room_matches(&all[*room], &name))
                .collect();
            prop_assert_eq!(found, expected);
            if gone >= all.len() {
                prop_assert!(index.lengths.is_empty() && index.by_prefix.is_empty());
            }
        }
    }

    #[test]
    fn of_patterns_that_begin_alike_there_are_only_so_many() {
        let mut patterns = Patterns::default();
        for room in 0..PATTERNS_PER_PREFIX_MAX {
            let name: Rc<str> = format!("a*{room}").into();
            assert!(patterns.has_room(&name));
            patterns.insert(&name, room as u32);
        }
        assert!(!patterns.has_room("a*"));
        assert!(patterns.has_room("b*"));
        patterns.remove("a*0", 0);
        assert!(patterns.has_room("a*"));
    }
}
