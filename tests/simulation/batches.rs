//! What is asked for together is done in one turn, or in as few as may be, and in its order.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use allspark_engine::limits::{BATCH_WORK_PER_TURN, ROOM_MEMBERS_AT_ONCE};
use allspark_engine::{EndOptions, SparkId};

use crate::rooms::Crowd;

#[test]
fn all_but_some_hear_a_message_in_its_order() {
    for count in [12, 3 * ROOM_MEMBERS_AT_ONCE] {
        let mut crowd = Crowd::new(count, |_| {});
        crowd.join("even", (0..count).step_by(2));
        let primus = crowd.stage.primus.clone();
        let except = [0, 5, 6].map(|number| crowd.sparks[number].id());
        primus.write("a").unwrap();
        primus.write_except(except, "b").unwrap();
        primus.room("even").write("c").unwrap();
        primus.write_except(except, "d").unwrap();
        crowd.sparks[5].write("e").unwrap();
        primus.write_except([], "f").unwrap();
        // Who has ended, or was never here, is nobody's harm.
        primus
            .write_except(["abcdefghijklmnopqrstu".parse().unwrap()], "g")
            .unwrap();
        for (number, heard) in crowd.hear().into_iter().enumerate() {
            let mut expected = vec!["a", "b", "c", "d", "e", "f", "g"];
            expected.retain(|text| match *text {
                "b" | "d" => ![0, 5, 6].contains(&number),
                "c" => number % 2 == 0,
                "e" => number == 5,
                _ => true,
            });
            assert_eq!(heard, expected, "client {number} of {count}");
        }
    }
}

#[test]
fn a_thousand_publishes_are_one_turn() {
    let mut crowd = Crowd::new(3, |_| {});
    crowd.join("room", [1]);
    crowd.stage.turn();
    let primus = crowd.stage.primus.clone();
    let mut batch = primus.batch();
    for number in 0..1000 {
        match number % 2 {
            0 => batch.write(number).unwrap(),
            _ => batch.write_in(&primus.room("room"), number).unwrap(),
        }
    }
    batch.send();
    crowd.stage.turn();
    let stats = primus.stats();
    assert_eq!((stats.broadcasts, stats.room_broadcasts), (500, 500));
    let heard = crowd.hear();
    let all: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    assert_eq!(heard[1], all);
    let even: Vec<String> = all.into_iter().step_by(2).collect();
    assert_eq!((&heard[0], &heard[2]), (&even, &even));
}

#[test]
fn one_that_takes_longer_goes_on_before_what_came_behind_it() {
    const MEMBERS: usize = 200;
    const EACH: usize = BATCH_WORK_PER_TURN / MEMBERS;
    // One is not in the room: to one of all a message is a single piece of work.
    let mut crowd = Crowd::new(MEMBERS + 1, |_| {});
    crowd.join("room", 0..MEMBERS);
    crowd.stage.turn();
    let primus = crowd.stage.primus.clone();
    let members = &crowd.sparks[..MEMBERS];
    let ids: Vec<SparkId> = members.iter().map(|spark| spark.id()).collect();
    let mut batch = primus.batch();
    for number in 0..EACH + 10 {
        batch.write_in(&primus.room("room"), number).unwrap();
    }
    for number in 0..EACH {
        batch
            .write_to(ids.iter().copied(), format!("to {number}"))
            .unwrap();
    }
    batch.send();
    primus.write("behind").unwrap();
    let written = |crowd: &Crowd| crowd.stage.primus.stats().room_broadcasts as usize;
    crowd.stage.turn();
    let first = written(&crowd);
    assert!((EACH..EACH + 3).contains(&first), "{first} of {EACH}");
    assert_eq!(primus.stats().broadcasts, 0);
    crowd.stage.turn();
    assert_eq!((written(&crowd), primus.stats().broadcasts), (EACH + 10, 0));
    let in_room = (0..EACH + 10).map(|number| number.to_string());
    let to = (0..EACH).map(|number| format!("to {number}"));
    let mut expected: Vec<String> = in_room.chain(to).collect();
    expected.push("behind".to_owned());
    let mut heard = crowd.hear();
    assert_eq!(heard.pop(), Some(vec!["behind".to_owned()]));
    for (number, heard) in heard.into_iter().enumerate() {
        assert_eq!(heard, expected, "client {number}");
    }
}

#[test]
fn sparks_join_leave_and_end_together() {
    let mut crowd = Crowd::new(6, |_| {});
    let primus = crowd.stage.primus.clone();
    let id = |number: usize| crowd.sparks[number].id();
    let mut batch = primus.batch();
    assert!(batch.is_empty());
    batch.join([id(0), id(1), id(2)], ["a", "b"]);
    batch.write_in(&primus.room("a"), "1").unwrap();
    batch.leave([id(0)], "a");
    batch.leave_all([id(1)]);
    batch.write_in(&primus.room("a b"), "2").unwrap();
    batch.end([id(2), id(2), id(3)], EndOptions { reconnect: true });
    batch.write_to([id(2), id(4), id(4)], "3").unwrap();
    batch.write_to([], "nobody").unwrap();
    batch.send();
    let heard = crowd.hear();
    let expected: [&[&str]; 6] = [&["1", "2"], &["1"], &["1", "2"], &[], &["3", "3"], &[]];
    for (number, (heard, expected)) in heard.iter().zip(expected).enumerate() {
        assert_eq!(heard, expected, "client {number}");
    }
    assert_eq!(primus.stats().sparks_ended, 2);
    primus.batch().send();
    drop(primus.batch());
}

/// A handler asks for it, and goes on writing: everything keeps its order.
#[test]
fn a_handler_asks_for_a_batch() {
    let mut crowd = Crowd::new(2, |primus| {
        primus.on_data(|spark, _| {
            let primus = spark.primus().handle();
            let mut batch = primus.batch();
            batch.write("1").unwrap();
            batch.write_to([spark.id()], "2").unwrap();
            batch.send();
            spark.write("3");
        });
    });
    crowd.clients[0].say(b"\x81\x83\0\0\0\0\"a\"");
    assert_eq!(crowd.hear(), [vec!["1", "2", "3"], vec!["1"]]);
}

/// The sparks of a list, portion by portion; `between` is called after each.
fn listed(
    crowd: &mut Crowd,
    room: Option<&str>,
    max: usize,
    mut between: impl FnMut(&mut Crowd),
) -> Vec<Vec<SparkId>> {
    let (mut portions, mut from) = (Vec::new(), None);
    loop {
        let told = Arc::new(Mutex::new(None));
        let tell = Arc::clone(&told);
        let primus = crowd.stage.primus.clone();
        let answer = move |ids: Vec<SparkId>, next| *tell.lock().unwrap() = Some((ids, next));
        match room {
            None => primus.list_sparks(from, max, |spark| spark.id(), answer),
            Some(room) => primus.list_members(room, from, max, |spark| spark.id(), answer),
        }
        crowd.stage.turn();
        let (ids, next) = told.lock().unwrap().take().expect("one turn is enough");
        assert!(ids.len() <= max.min(1000));
        portions.push(ids);
        from = next;
        if from.is_none() {
            return portions;
        }
        between(crowd);
    }
}

#[test]
fn a_list_has_everybody_once_a_portion_at_a_time() {
    let mut crowd = Crowd::new(2500, |_| {});
    let ids: Vec<SparkId> = crowd.sparks.iter().map(|spark| spark.id()).collect();
    for (max, least) in [(usize::MAX, 3), (1000, 3), (7, 358)] {
        let portions = listed(&mut crowd, None, max, |_| {});
        assert!(portions.len() >= least);
        let mut all: Vec<SparkId> = portions.concat();
        all.sort_unstable();
        let mut expected = ids.clone();
        expected.sort_unstable();
        assert_eq!(all, expected, "{max}");
    }
    // Those who leave meanwhile keep nobody from being listed.
    let mut left = 0;
    let portions = listed(&mut crowd, None, 100, |crowd| {
        for spark in &crowd.sparks[left..left + 50] {
            spark.end();
        }
        left += 50;
        crowd.stage.turn();
    });
    let all = portions.concat();
    let stayed = ids[left..].iter().filter(|id| !all.contains(id));
    assert_eq!(stayed.count(), 0);
    let none = listed(&mut Crowd::new(0, |_| {}), None, 10, |_| {});
    assert_eq!(none, [vec![]]);
}

#[test]
fn the_members_of_a_room_are_listed_whoever_leaves() {
    let mut crowd = Crowd::new(1500, |_| {});
    crowd.join("room", 0..1500);
    crowd.stage.turns(3);
    let ids: Vec<SparkId> = crowd.sparks.iter().map(|spark| spark.id()).collect();
    let mut left = 0;
    let portions = listed(&mut crowd, Some("room"), 100, |crowd| {
        for spark in &crowd.sparks[left..left + 20] {
            spark.leave("room");
        }
        left += 20;
        crowd.stage.turn();
    });
    let all = portions.concat();
    let missed = ids[left..].iter().filter(|id| !all.contains(id));
    assert_eq!(missed.count(), 0);
    let once: BTreeSet<SparkId> = all.iter().copied().collect();
    assert_eq!(once.len(), all.len(), "nobody is named twice");
    assert_eq!(listed(&mut crowd, Some("nobody"), 10, |_| {}), [vec![]]);
}

#[test]
fn rooms_are_listed_with_how_many_are_in_them() {
    let mut crowd = Crowd::new(30, |_| {});
    for spark in 0..30 {
        crowd.join(&format!("r{} all", spark % 10), [spark]);
    }
    crowd.stage.turns(2);
    let primus = crowd.stage.primus.clone();
    let (mut rooms, mut from) = (Vec::new(), None);
    loop {
        let told = Arc::new(Mutex::new(None));
        let tell = Arc::clone(&told);
        primus.list_rooms(from, 4, move |rooms, next| {
            *tell.lock().unwrap() = Some((rooms, next));
        });
        crowd.stage.turns(2);
        let (portion, next) = told.lock().unwrap().take().unwrap();
        assert!(portion.len() <= 4);
        rooms.extend(portion.into_iter().map(|room| (room.name, room.sparks)));
        from = next;
        if from.is_none() {
            break;
        }
    }
    rooms.sort();
    let mut expected: Vec<(String, usize)> = (0..10).map(|n| (format!("r{n}"), 3)).collect();
    expected.insert(0, ("all".to_owned(), 30));
    assert_eq!(rooms, expected);
    let counted = Arc::new(Mutex::new(Vec::new()));
    let count = Arc::clone(&counted);
    primus.count_rooms(["r1", "nobody", "all"], move |rooms| {
        *count.lock().unwrap() = rooms.into_iter().map(|room| room.sparks).collect();
    });
    crowd.stage.turn();
    assert_eq!(*counted.lock().unwrap(), [3, 0, 30]);
}
