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
