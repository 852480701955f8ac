//! What rooms cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use allocation_counter::measure;
use allspark::plugins::rooms::{Rooms, RoomsOptions};
use allspark_engine::Flow;
use allspark_engine::io::Wait;

use super::{bytes_per_spark, echo, turn, world};
use crate::puppet::frame;

/// What a membership may cost, both directions counted.
const MEMBERSHIP_BYTES_MAX: i64 = 48;

#[test]
fn a_recipient_of_a_message_to_a_room_costs_no_allocation() {
    let per_message = |sparks: usize, others: usize| {
        let (mut shard, handle, hand) = world(sparks + others, |primus| {
            let count = AtomicUsize::new(0);
            primus.on_connection(move |spark| {
                if count.fetch_add(1, Ordering::Relaxed) < sparks {
                    spark.join("some").unwrap();
                }
            });
        });
        let room = handle.room("some");
        let mut round = || {
            room.write("a message for the room").unwrap();
            (0..4).for_each(|_| turn(&mut shard));
        };
        (0..10).for_each(|_| round());
        let before = hand.borrow().sends;
        let allocated = measure(|| (0..100).for_each(|_| round())).count_total;
        assert_eq!(hand.borrow().sends - before, 100 * sparks as u64);
        allocated / 100
    };
    let (few, some) = (per_message(10, 1), per_message(200, 1));
    let (many, most) = (per_message(500, 1), per_message(2_000, 1));
    let (all, all_of_many) = (per_message(10, 0), per_message(2_000, 0));
    println!("{few}, {some}, {many}, {most}, {all} allocations per message");
    assert_eq!(all, all_of_many, "a room of all is as a broadcast");
    assert!(all <= most);
    assert_eq!(few, some, "members that are written to at once");
    assert_eq!(many, most, "members that a walk reaches");
    assert!(most <= 12, "names, the message, and where it lies");
}

#[test]
fn who_joins_and_leaves_a_room_of_others_costs_no_allocation() {
    let (mut shard, _, hand) = world(100, |primus| {
        primus.on_connection(|spark| spark.join("all").unwrap());
        primus.on_data(|spark, _| {
            spark.leave("all");
            spark.join("all").unwrap();
            assert!(spark.is_in("all"));
        });
    });
    let message = frame("1");
    let mut round = || {
        (0..100).for_each(|socket| hand.borrow_mut().receive(socket, &message));
        turn(&mut shard);
    };
    (0..10).for_each(|_| round());
    assert_eq!(measure(|| (0..100).for_each(|_| round())).count_total, 0);
}

#[test]
fn a_membership_costs_less_than_its_budget() {
    let none = bytes_per_spark(|_| {});
    let one = bytes_per_spark(|primus| {
        primus.on_connection(|spark| spark.join("all").unwrap());
    });
    let many = bytes_per_spark(|primus| {
        primus.on_connection(|spark| (0..20).for_each(|room| spark.join(room).unwrap()));
    });
    let (one, many) = (one - none, (many - none).div_euclid(20));
    println!("{one} bytes for one membership, {many} for each of twenty");
    assert!(one <= MEMBERSHIP_BYTES_MAX && many <= MEMBERSHIP_BYTES_MAX);
}

/// Every spark asks for nothing, while one of a thousand is in rooms.
#[test]
fn who_is_in_no_room_has_no_byte_of_the_rooms_of_others() {
    let none = bytes_per_spark(|_| {});
    let beside = bytes_per_spark(|primus| {
        let count = AtomicUsize::new(0);
        primus.on_connection(move |spark| {
            if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(1_000) {
                spark.join(["all", "some", "mine"]).unwrap();
            }
        });
    });
    assert_eq!(beside, none);
}

/// A message to a room goes by its members, whoever else is there: it takes as many turns, and
/// allocates as much, beside many as beside few. And what is echoed to those costs what it did.
#[test]
fn who_is_in_no_room_costs_no_time_for_the_rooms_of_others() {
    // More than are written to at once, so that a walk reaches them.
    const MEMBERS: usize = 1_000;
    let beside = |others: usize| {
        let (mut shard, handle, hand) = world(MEMBERS + others, |primus| {
            let count = AtomicUsize::new(0);
            primus.on_connection(move |spark| {
                if count.fetch_add(1, Ordering::Relaxed) < MEMBERS {
                    spark.join("some").unwrap();
                }
            });
            primus.on_data(echo);
        });
        let room = handle.room("some");
        let mut round = || {
            room.write("a message for the room").unwrap();
            let mut turns = 1;
            while shard.turn(Wait::No).unwrap() == Flow::Continue(Wait::No) {
                turns += 1;
            }
            turns
        };
        for _ in 0..10 {
            round();
        }
        let before = hand.borrow().sends;
        let mut turns = 0;
        let allocated = measure(|| turns = round()).count_total;
        assert_eq!(hand.borrow().sends - before, MEMBERS as u64);
        let message = frame("1");
        let last = MEMBERS + others - 1;
        let mut echoed = || {
            hand.borrow_mut().receive(last, &message);
            turn(&mut shard);
        };
        echoed();
        assert_eq!(measure(echoed).count_total, 0);
        (turns, allocated)
    };
    assert_eq!(beside(1), beside(20_000));
}

#[test]
fn rooms_that_clients_may_join_cost_nothing_before_they_do() {
    let none = bytes_per_spark(|_| {});
    let open = bytes_per_spark(|primus| {
        let options = RoomsOptions {
            join: vec!["news".into()],
            publish: vec!["news".into()],
            ..RoomsOptions::default()
        };
        let rooms = Rooms::with_options(options);
        primus.plugin(Arc::new(rooms)).unwrap();
    });
    assert_eq!(open, none);
}

#[test]
fn a_room_that_was_left_costs_nothing() {
    let memory_of = |rooms: usize| {
        let mut kept = None;
        let measured = measure(|| {
            let (mut shard, handle, hand) = world(1, |primus| {
                primus.on_data(|spark, data| {
                    let room = data.parse::<u64>().unwrap();
                    spark.join([room, room + 1]).unwrap();
                    spark.leave_all();
                });
            });
            for room in 0..rooms {
                hand.borrow_mut().receive(0, &frame(&room.to_string()));
                turn(&mut shard);
            }
            assert_eq!(handle.stats().handlers_panicked, 0);
            kept = Some((shard, handle, hand));
        });
        drop(kept);
        measured.bytes_current
    };
    assert_eq!(memory_of(10), memory_of(5_000));
}
