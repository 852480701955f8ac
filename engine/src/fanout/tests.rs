//! What a broadcast is to those who are there, without sparks.

use super::*;
use crate::memory::Key;

type Visitors = Fanout<&'static str, ()>;

const TEXT: Wire = Wire(0);
const OTHER: Wire = Wire(1);

fn broadcast(fanout: &mut Visitors, blocks: &mut BlockPool, sparks: &[usize], text: &str) -> usize {
    fanout.broadcast(sparks, blocks, |wire, out| {
        out.push(b'0' + wire.0);
        out.extend_from_slice(text.as_bytes());
    })
}

/// The first piece that is due.
fn next_since(fanout: &Visitors, wire: Wire, seen: u64) -> Option<Slice> {
    let mut part = Part::Log(fanout.due_from(wire, seen)?..fanout.head(wire));
    fanout.take_first(wire, &mut part)
}

fn at(index: u32) -> Option<Key> {
    Some(Key {
        index,
        generation: 0,
    })
}

#[test]
fn nothing_is_framed_for_a_wire_that_nobody_uses() {
    let (mut fanout, mut blocks) = (Visitors::new(2), BlockPool::default());
    assert_eq!(broadcast(&mut fanout, &mut blocks, &[3, 0], "a"), 0);
    assert_eq!((fanout.head(TEXT), fanout.head(OTHER)), (2, 0));
    assert_eq!(&*next_since(&fanout, TEXT, 0).unwrap(), b"0a");
    assert!(next_since(&fanout, OTHER, 0).is_none());
}

#[test]
fn who_was_passed_gets_what_came_meanwhile_on_the_next_walk() {
    let (mut fanout, mut blocks) = (Visitors::new(1), BlockPool::default());
    broadcast(&mut fanout, &mut blocks, &[2], "a");
    let cursor = fanout.walk().expect("a broadcast begins a walk");
    assert_eq!(cursor.advance(at), at(0));
    broadcast(&mut fanout, &mut blocks, &[2], "b");
    fanout.end_walk(&mut blocks);
    assert!(fanout.walk().is_some(), "spark 0 lacks the second one");
    assert_eq!(&*next_since(&fanout, TEXT, 2).unwrap(), b"0b");
    fanout.end_walk(&mut blocks);
    assert!(fanout.walk().is_none() && !fanout.has_work(Instant::ZERO));
}

#[test]
fn is_full_when_walks_do_not_end() {
    let (mut fanout, mut blocks) = (Visitors::new(1), BlockPool::default());
    let large = "x".repeat(LOG_BYTES_MAX / 4);
    for _ in 0..4 {
        assert!(!fanout.is_full());
        broadcast(&mut fanout, &mut blocks, &[1], &large);
    }
    assert!(fanout.is_full());
    fanout.end_walk(&mut blocks);
    fanout.end_walk(&mut blocks);
    assert!(!fanout.is_full(), "everybody has got it");
    for _ in 0..=VISITS_MAX {
        fanout.add_visit("visit", Arc::default());
    }
    assert!(fanout.is_full());
}

/// Of messages that differ from spark to spark one is kept until everybody has it: whoever a
/// broadcast is for, and the members of the rooms of another.
#[test]
fn what_differs_is_kept_until_walks_of_both_kinds_are_done() {
    let (mut fanout, mut blocks) = (Visitors::new(1), BlockPool::default());
    let kept = |fanout: &Visitors| {
        let per_spark = &fanout.per_spark;
        per_spark.head() - per_spark.goes_on(0)
    };
    let post = |fanout: &mut Visitors| {
        let audience = Audience {
            rooms: SmallVec::from_slice(&[3]),
            ..Audience::default()
        };
        let walked = SmallVec::from_slice(&[3]);
        fanout.post_per_spark(audience, walked, Kind::Text, b"a"[..].into());
    };
    assert!(!fanout.heeds_rooms());
    post(&mut fanout);
    fanout.broadcast_per_spark(Kind::Text, b"b"[..].into(), None);
    fanout.end_walk(&mut blocks);
    assert_eq!(kept(&fanout), 2, "the first one is not where it has to be");
    fanout.broadcast_per_spark(Kind::Text, b"c"[..].into(), None);
    let walk = fanout.take_room_walk(|_| 9).unwrap();
    fanout.end_room_walk(&walk, &mut blocks);
    assert_eq!(kept(&fanout), 1, "the last one is on its way");
    post(&mut fanout);
    fanout.end_walk(&mut blocks);
    assert_eq!(kept(&fanout), 1);
    assert!(fanout.heeds_rooms());
    let walk = fanout.take_room_walk(|_| 9).unwrap();
    fanout.end_room_walk(&walk, &mut blocks);
    assert_eq!(kept(&fanout), 0);
    assert!(!fanout.heeds_rooms() && !fanout.has_work(Instant::ZERO));
}

#[test]
fn visits_come_one_after_the_other() {
    let mut fanout = Visitors::new(1);
    for name in ["first", "second"] {
        fanout.add_visit(name, Arc::default());
    }
    assert_eq!(fanout.walks(), 1);
    let mut visit = fanout.take_visit().unwrap();
    assert_eq!(visit.cursor.advance(at), at(0));
    fanout.put_visit(visit);
    let mut visit = fanout.take_visit().unwrap();
    assert_eq!((visit.visitor, visit.cursor.advance(at)), ("first", at(1)));
    assert_eq!(fanout.take_visit().unwrap().visitor, "second");
    assert!(fanout.take_visit().is_none());
}
