//! What takes a while for a large room is done in portions, so that nobody waits for it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use allspark_engine::limits::{ROOM_MEMBERS_AT_ONCE, SPARKS_PER_TURN, WALK_VISITS_PER_TURN};
use allspark_engine::{Handle, SparkId, Transformed};

use crate::rooms::Crowd;

type Answers = Arc<Mutex<Vec<BTreeSet<String>>>>;

/// Notes who is in these rooms, or nobody if somebody was told twice.
fn ask(primus: &Handle, rooms: &[&str], answers: &Answers) {
    let answers = Arc::clone(answers);
    let room = rooms
        .iter()
        .fold(primus.room(()), |all, name| all.room(name));
    room.clients(move |ids| {
        let each = BTreeSet::from_iter(ids.iter().map(SparkId::to_string));
        let is_each_once = each.len() == ids.len();
        let each = if is_each_once { each } else { BTreeSet::new() };
        answers.lock().unwrap().push(each);
    });
}

/// A transform that makes every message another one for each spark is called for some of them per
/// turn.
#[test]
fn what_differs_from_spark_to_spark_is_written_in_portions() {
    let count = 3_000;
    let calls = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&calls);
    let mut crowd = Crowd::new(count + 1, move |primus| {
        primus.transform_outgoing_per_spark(move |spark, packet| {
            counted.fetch_add(1, Ordering::Relaxed);
            let text: String = packet.data().parse().unwrap_or_default();
            if text.starts_with("news") {
                packet
                    .set(format!("{text} {}", spark.rooms().len()))
                    .unwrap();
            }
            Transformed::Next
        });
    });
    crowd.join("all", 0..count);
    crowd.join("odd", (1..count).step_by(2));
    crowd.stage.turns(3);
    let primus = crowd.stage.primus.clone();
    calls.store(0, Ordering::Relaxed);
    for text in ["news", "news again"] {
        primus.room("all").write(text).unwrap();
    }
    primus
        .room("odd")
        .except([crowd.sparks[1].id()])
        .write("news for some")
        .unwrap();
    // Who leaves gets what was written while it was there, who comes nothing of it.
    crowd.sparks[2].leave("all");
    crowd.join("all", [count]);
    crowd.sparks[3].write("direct").unwrap();
    let (mut called, mut turns) = (0, 0);
    while called < 2 * count + count / 2 {
        crowd.stage.turn();
        let now = calls.load(Ordering::Relaxed);
        // Several walks share a turn, and the last spark of each gets all that is for it.
        assert!(
            now - called <= SPARKS_PER_TURN + 3 * 3,
            "{} in one turn",
            now - called
        );
        (called, turns) = (now, turns + 1);
        assert!(turns < 60, "they are called for some in each turn");
    }
    let heard = crowd.hear();
    assert_eq!(heard[0], ["news 1", "news again 1"]);
    assert_eq!(heard[1], ["news 2", "news again 2"]);
    assert_eq!(heard[2], ["news 1", "news again 1"]);
    assert_eq!(
        heard[3],
        ["news 2", "news again 2", "news for some 2", "direct"]
    );
    assert_eq!(heard[count], [""; 0]);
    assert_eq!(heard[count - 1].len(), 3);
    assert_eq!(
        calls.load(Ordering::Relaxed),
        2 * count + (count / 2 - 1) + 1
    );
}

/// Each is found once, and whoever stays is, whoever leaves and comes meanwhile.
#[test]
fn who_is_in_a_large_room_is_found_out_in_portions() {
    let count = 2 * WALK_VISITS_PER_TURN;
    let mut crowd = Crowd::new(count, |primus| {
        primus.on_connection(|spark| spark.join("all").unwrap());
    });
    let few = ROOM_MEMBERS_AT_ONCE / 2;
    crowd.join("few", 0..few);
    crowd.stage.turns(3);
    let (all, both, small) = (Answers::default(), Answers::default(), Answers::default());
    let primus = crowd.stage.primus.clone();
    ask(&primus, &["all"], &all);
    ask(&primus, &["all", "few", "none"], &both);
    ask(&primus, &["few"], &small);
    let mut turns = 0;
    while both.lock().unwrap().is_empty() {
        crowd.stage.turn();
        turns += 1;
        // Whoever leaves and comes meanwhile: those who stay are found.
        crowd.sparks[7 * turns].leave("all");
        crowd.sparks[count - 5 * turns].leave("all");
        assert!(turns < 20, "it goes on in each turn");
        assert!(
            turns >= 2 || all.lock().unwrap().is_empty(),
            "a part per turn"
        );
    }
    assert!(turns >= 4, "one after the other");
    assert_eq!(small.lock().unwrap()[0].len(), few, "it waited for nobody");
    let ids: Vec<String> = crowd
        .sparks
        .iter()
        .map(|spark| spark.id().to_string())
        .collect();
    for answer in [&all, &both] {
        let answer = &answer.lock().unwrap()[0];
        for (number, id) in ids.iter().enumerate() {
            let may_be_gone = number % 7 == 0 || (count - number).is_multiple_of(5);
            assert!(
                may_be_gone || answer.contains(id),
                "{number} was passed over"
            );
        }
    }
}

/// Rooms that are emptied or left by all while it is asked who is in them.
#[test]
fn a_question_about_a_room_that_is_gone_is_answered() {
    let count = WALK_VISITS_PER_TURN + 1_000;
    let mut crowd = Crowd::new(count, |primus| {
        primus.on_connection(|spark| spark.join("all").unwrap());
    });
    let primus = crowd.stage.primus.clone();
    let answers = Answers::default();
    ask(&primus, &["all"], &answers);
    ask(&primus, &["all", "other"], &answers);
    ask(&primus, &[], &answers);
    crowd.stage.turn();
    primus.room("all").empty();
    crowd.join("new", 0..ROOM_MEMBERS_AT_ONCE + 9);
    crowd.stage.turns(40);
    let answers = answers.lock().unwrap();
    assert_eq!(answers.len(), 3);
    assert!(
        answers[0].len() < count,
        "those who were found before it was gone"
    );
    assert_eq!(answers[1].len(), 0);
    assert!(answers[2].len() >= ROOM_MEMBERS_AT_ONCE + 9);
    assert_eq!(primus.stats().handlers_panicked, 0);
}
