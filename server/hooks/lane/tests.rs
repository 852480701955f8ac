//! What a lane holds, and who waits for room in it.

use std::sync::Arc;
use std::thread;

use super::*;
use crate::hooks::event::About;
use crate::hooks::kind::Kind;

fn event(kind: Kind, bytes: usize) -> Event {
    Event {
        kind,
        about: About::Spark("AAAAAAAAAAAAAAAAAAAAA".parse().unwrap()),
        members: vec![b'x'; bytes].into(),
        part: None,
    }
}

const MOST: Most = Most {
    events: 3,
    bytes: 1_000,
};

fn take(lane: &Lane<u32>) -> Vec<Queued> {
    lane.take(MOST, |first, other| first.kind == other.kind)
        .unwrap()
}

fn numbers(batch: &[Queued]) -> Vec<u64> {
    batch.iter().map(|queued| queued.number).collect()
}

#[test]
fn a_request_has_what_goes_together_in_its_order() {
    let lane = Lane::<u32>::new(1 << 20);
    for bytes in [10, 10, 10, 10, 2_000, 999, 2, 1] {
        lane.push(event(Kind::Message, bytes));
    }
    lane.push(event(Kind::Connect, 1));
    lane.push(event(Kind::Message, 1));
    let expected: [&[u64]; 6] = [&[1, 2, 3], &[4], &[5], &[6], &[7, 8], &[9]];
    for numbers_of in expected {
        assert_eq!(numbers(&take(&lane)), numbers_of);
    }
    let last = take(&lane);
    lane.put_back(last.into_iter());
    lane.push(event(Kind::Message, 1));
    assert_eq!(
        numbers(&take(&lane)),
        [10, 11],
        "what is put back comes first"
    );
    drop(lane.end(Instant::now()));
    assert!(lane.take(MOST, |_, _| true).is_none());
}

#[test]
fn who_waits_for_room_gets_it_in_order_once_half_of_it_is_free() {
    let lane = Lane::<u32>::new(10_000);
    assert!(matches!(lane.wait(0, 10), Room::Now(0)));
    while !lane.is_full() {
        lane.push(event(Kind::Message, 300));
    }
    assert!(!lane.push_if_room(event(Kind::Error, 1)));
    assert!(matches!(lane.wait(1, 2_000), Room::Later));
    assert!(matches!(lane.wait(2, 2_000), Room::Later));
    assert!(matches!(lane.wait(3, 2_000), Room::Later));
    assert!(
        matches!(lane.wait(4, 9_000), Room::Never(4)),
        "that is too much"
    );
    let mut let_go = Vec::new();
    while let_go.is_empty() {
        assert!(lane.is_full());
        let_go = lane.done(&take(&lane));
    }
    assert_eq!(let_go, [1, 2]);
    assert!((3_500..5_000).contains(&lane.bytes()), "{}", lane.bytes());
    assert!(lane.is_full(), "3 is before whoever comes now");
    assert!(matches!(lane.wait(5, 10), Room::Later));
    let mut rest = Vec::new();
    while lane.bytes() > 0 {
        rest.extend(lane.done(&take(&lane)));
    }
    assert_eq!(rest, [3, 5]);
    assert!(!lane.is_full() && lane.push_if_room(event(Kind::Error, 1)));
}

#[test]
fn one_message_that_is_longer_than_the_bound_waits_alone_and_goes() {
    let lane = Lane::<u32>::new(1_000);
    lane.push(event(Kind::Message, 2_000));
    assert!(matches!(lane.wait(1, 1 << 30), Room::Later));
    assert!(matches!(lane.wait(2, 0), Room::Never(2)));
    assert_eq!(lane.done(&take(&lane)), [1]);
}

#[test]
fn whoever_sleeps_hears_of_what_comes_and_of_the_end() {
    let lane = Arc::new(Lane::<u32>::new(1 << 20));
    let taker = Arc::clone(&lane);
    let taken = thread::spawn(move || {
        let mut taken = Vec::new();
        while let Some(batch) = taker.take(MOST, |_, _| true) {
            taken.extend(numbers(&batch));
            taker.done(&batch);
        }
        taken
    });
    for _ in 0..1_000 {
        lane.push(event(Kind::Message, 1));
    }
    lane.end(Instant::now() + Duration::from_secs(60));
    assert_eq!(taken.join().unwrap(), (1..=1_000).collect::<Vec<u64>>());
    assert_eq!(lane.bytes(), 0);
}

#[test]
fn a_sleep_ends_with_the_lane() {
    let lane = Arc::new(Lane::<u32>::new(1));
    let sleeper = Arc::clone(&lane);
    let slept = thread::spawn(move || sleeper.sleep(Duration::from_secs(3600)));
    lane.push(event(Kind::Message, 1));
    lane.end(Instant::now());
    slept.join().unwrap();
}

#[test]
fn it_begins_to_fail_once_and_fails_until_it_succeeds_or_nothing_is_left() {
    let lane = Lane::<u32>::new(1 << 20);
    lane.push(event(Kind::Connect, 1));
    assert!(lane.begin_failing() && !lane.begin_failing());
    lane.each_waiting(|event| assert_eq!(event.kind, Kind::Connect));
    lane.has_given_up();
    assert!(lane.is_failing(), "something is left that may fail as well");
    lane.done(&take(&lane));
    lane.has_given_up();
    assert!(!lane.is_failing() && lane.begin_failing());
    lane.end_failing();
    assert!(!lane.is_failing());
}
