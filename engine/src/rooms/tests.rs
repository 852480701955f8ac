//! Rooms against a naive model, and what they cost.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 6] = ["a", "b", "b:c", "*", "b*", "b:*"];

#[derive(Clone, Debug)]
enum Step {
    Join(u32, usize),
    Leave(u32, usize),
    LeaveAll(u32),
    Empty(usize),
    LeaveEmptied,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Sparks of several pages.
    let spark = || prop_oneof![0..6_u32, 250..260_u32, 5_000..5_003_u32];
    let step = prop_oneof![
        6 => (spark(), 0..NAMES.len()).prop_map(|(spark, name)| Step::Join(spark, name)),
        3 => (spark(), 0..NAMES.len()).prop_map(|(spark, name)| Step::Leave(spark, name)),
        1 => spark().prop_map(Step::LeaveAll),
        1 => (0..NAMES.len()).prop_map(Step::Empty),
        2 => Just(Step::LeaveEmptied),
    ];
    proptest::collection::vec(step, 0..120)
}

/// Who is in which room, by name; those who still have to leave one stand apart.
#[derive(Default)]
struct Model {
    rooms: BTreeMap<&'static str, BTreeSet<u32>>,
    emptied: usize,
}

impl Model {
    fn members(&self, name: &str) -> BTreeSet<u32> {
        self.rooms.get(name).cloned().unwrap_or_default()
    }

    fn rooms_of(&self, spark: u32) -> BTreeSet<&str> {
        let rooms = self.rooms.iter();
        let joined = rooms.filter(|(_, members)| members.contains(&spark));
        joined.map(|(name, _)| *name).collect()
    }

    fn targets(&self, names: &[&str]) -> BTreeSet<u32> {
        let is_match = |pattern: &str, name: &str| match pattern.split_once('*') {
            Some((before, after)) => name
                .strip_prefix(before)
                .is_some_and(|rest| rest.ends_with(after)),
            None => pattern == name,
        };
        let rooms = self.rooms.iter();
        let meant = rooms.filter(|(room, _)| names.iter().any(|name| is_match(room, name)));
        meant.flat_map(|(_, members)| members).copied().collect()
    }
}

/// Those whom a walk over these rooms reaches.
fn reached(rooms: &Rooms, found: &[u32]) -> BTreeSet<u32> {
    let mut reached = BTreeSet::new();
    for room in found {
        let mut place = rooms.end(*room);
        while let Some(spark) = rooms.next_member(*room, &mut place) {
            reached.insert(spark);
        }
    }
    reached
}

fn take(rooms: &mut Rooms, model: &mut Model, step: &Step) {
    match *step {
        Step::Join(spark, name) => {
            let name = NAMES[name];
            let is_new = model.rooms.entry(name).or_default().insert(spark);
            let joined = rooms.join(spark, name).expect("these are few");
            assert_eq!(joined.as_deref(), is_new.then_some(name));
        }
        Step::Leave(spark, name) => {
            let name = NAMES[name];
            let was_in = model.rooms.entry(name).or_default().remove(&spark);
            let left = rooms.leave(spark, name);
            assert_eq!(left.as_deref(), was_in.then_some(name));
        }
        Step::LeaveAll(spark) => {
            let expected = model.rooms_of(spark).len();
            assert_eq!(rooms.leave_all(spark).len(), expected);
            model.rooms.values_mut().for_each(|members| {
                members.remove(&spark);
            });
        }
        Step::Empty(name) => {
            rooms.empty(NAMES[name]);
            let members = model.rooms.remove(NAMES[name]).unwrap_or_default();
            model.emptied += members.len();
        }
        Step::LeaveEmptied => {
            if let Some((spark, room)) = rooms.next_to_leave() {
                rooms.leave_emptied(spark, room);
                assert!(model.emptied > 0);
            }
        }
    }
}

fn compare(rooms: &Rooms, model: &Model) {
    let mut found = Vec::new();
    for name in NAMES {
        let members = model.members(name);
        assert_eq!(rooms.named(name).is_some(), !members.is_empty());
        let room = rooms.named(name);
        assert_eq!(room.map_or(0, |room| rooms.len(room)), members.len());
        assert_eq!(reached(rooms, room.as_slice()), members, "{name}");
    }
    for names in [&["a"][..], &["b:c"], &["b:c:d", "a"], &["nobody"]] {
        rooms.find(names.iter().copied(), &mut found);
        let targets = model.targets(names);
        assert_eq!(reached(rooms, &found), targets, "{names:?}");
        for spark in (0..6).chain(250..260).chain(5_000..5_003) {
            assert_eq!(rooms.is_in_one(spark, &found), targets.contains(&spark));
        }
    }
    for spark in (0..6).chain(250..260).chain(5_000..5_003) {
        let names: BTreeSet<&str> = rooms.rooms_of(spark).map(|name| &**name).collect();
        assert_eq!(names, model.rooms_of(spark));
        assert!(names.iter().all(|name| rooms.is_in(spark, name)));
    }
}

proptest! {
    #[test]
    fn agree_with_a_naive_model(steps in steps()) {
        let (mut rooms, mut model) = (Rooms::new(RoomOptions::default()), Model::default());
        for step in &steps {
            take(&mut rooms, &mut model, step);
            compare(&rooms, &model);
        }
        while let Some((spark, room)) = rooms.next_to_leave() {
            rooms.leave_emptied(spark, room);
        }
        compare(&rooms, &model);
        for spark in (0..6).chain(250..260).chain(5_000..5_003) {
            rooms.leave_all(spark);
        }
        prop_assert!(rooms.is_empty() && rooms.names.is_empty());
        prop_assert_eq!(rooms.members.len(), 0);
    }
}

#[test]
fn a_walk_reaches_who_stays_whoever_leaves_and_comes() {
    let mut rooms = Rooms::new(RoomOptions::default());
    for spark in 0..100 {
        rooms.join(spark, "a").unwrap();
    }
    let room = rooms.named("a").unwrap();
    let (mut place, mut reached) = (rooms.end(room), BTreeSet::new());
    let mut step = 0;
    while let Some(spark) = rooms.next_member(room, &mut place) {
        reached.insert(spark);
        if step < 30 {
            // One that was reached, or not, leaves, and another one comes.
            rooms.leave((step * 37) % 100, "a");
            rooms.join(1_000 + step, "a").unwrap();
        }
        step += 1;
    }
    for spark in 0..100 {
        let left = (0..30).any(|step| (step * 37) % 100 == spark);
        assert!(left || reached.contains(&spark), "{spark} was passed over");
    }
}

/// A room that is looked through as a whole, and one that is too large for that.
#[test]
fn a_list_has_who_stays_once_whoever_leaves_and_comes() {
    for looks_max in [1_000, 7] {
        let mut rooms = Rooms::new(RoomOptions::default());
        (0..100).for_each(|spark| drop(rooms.join(spark, "a").unwrap()));
        (0..300).for_each(|spark| drop(rooms.join(spark, "other").unwrap()));
        let room = rooms.named("a").unwrap();
        let (mut listed, mut from, mut step) = (Vec::new(), Some(0), 0);
        while let Some(place) = from {
            let (some, next) = rooms.some_members(room, place, 5, looks_max);
            assert!(some.len() <= 5);
            listed.extend(some);
            from = next;
            rooms.leave((step * 37) % 100, "a");
            rooms.join(1_000 + step, "a").unwrap();
            step += 1;
        }
        let once: BTreeSet<u32> = listed.iter().copied().collect();
        assert_eq!(once.len(), listed.len());
        for spark in 0..100 {
            let left = (0..step).any(|step| (step * 37) % 100 == spark);
            assert!(left || once.contains(&spark), "{spark} was passed over");
        }
        let (none, next) = rooms.some_members(room, 0, 0, looks_max);
        assert!(none.is_empty() && next.is_some());
        assert_eq!(rooms.some_members(7, 0, 5, looks_max), (vec![], None));
    }
}

#[test]
fn names_and_rooms_of_a_spark_are_bounded() {
    let options = RoomOptions {
        per_spark_max: 2,
        name_bytes_max: 4,
        ..RoomOptions::default()
    };
    let mut rooms = Rooms::new(options);
    let too_long = Err(RoomError::NameTooLong { max: 4 });
    assert_eq!(rooms.join(7, "abcde"), too_long);
    assert!(rooms.join(7, "abcd").is_ok() && rooms.join(7, "b").is_ok());
    let too_many = Err(RoomError::TooMany { max: 2 });
    assert_eq!(rooms.join(7, "c"), too_many);
    assert_eq!(rooms.join(7, "b"), Ok(None), "it is in it");
    assert!(rooms.leave(7, "b").is_some() && rooms.join(7, "c").is_ok());
    let names: Vec<&str> = rooms.rooms_of(7).map(|name| &**name).collect();
    assert_eq!(names.len(), 2);
}

#[test]
fn without_wildcards_a_star_is_a_star() {
    let mut rooms = Rooms::new(RoomOptions {
        wildcard: false,
        ..RoomOptions::default()
    });
    rooms.join(1, "a*").unwrap();
    let mut found = Vec::new();
    rooms.find(["ab"], &mut found);
    assert!(found.is_empty());
    rooms.find(["a*"], &mut found);
    assert_eq!(found.len(), 1);
}
