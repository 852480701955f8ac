use super::*;

const CLIENTS: u32 = 3;

/// What happens in a world of three clients who are all live.
#[derive(Clone, Copy, Debug)]
enum Event<'a> {
    /// Sender 0 sends its next message to these.
    Sent(&'a [u32]),
    /// A value of this key, the same way.
    Value(u32, &'a [u32]),
    /// A client gets a message of sender 0.
    Got(u32, u32),
    /// A client's connection is over for a reason of its own.
    Excused(u32),
}
use Event::{Excused, Got, Sent, Value};

fn judged(events: &[Event<'_>]) -> (Vec<(&'static str, u64)>, u64) {
    let (mut audiences, mut findings) = (Audiences::new(CLIENTS), Findings::default());
    let mut next = 0;
    for event in events {
        match *event {
            Sent(to) => send(&mut audiences, &mut next, (to, None), &mut findings),
            Value(key, to) => {
                let key = Some(ValueKey(key));
                send(&mut audiences, &mut next, (to, key), &mut findings);
            }
            Got(client, sequence) => audiences.received(client, stamp(sequence), &mut findings),
            Excused(client) => audiences.left(client, None),
        }
    }
    for client in 0..CLIENTS {
        audiences.left(client, Some(&mut findings));
    }
    assert_eq!(audiences.outstanding(), 0);
    let found = findings.found().map(|(fault, count)| (fault.name(), count));
    (found.collect(), audiences.replaced())
}

fn send(
    audiences: &mut Audiences,
    next: &mut u32,
    (to, key): (&[u32], Option<ValueKey>),
    findings: &mut Findings,
) {
    let live = [true; CLIENTS as usize];
    audiences.sent((0, *next), (&to.into(), key), &live, findings);
    *next += 1;
}

fn stamp(sequence: u32) -> Stamp {
    Stamp {
        from: 0,
        sequence,
        sent_ns: 0,
    }
}

#[track_caller]
fn found(events: &[Event<'_>], expected: &[(&'static str, u64)]) {
    assert_eq!(judged(events).0, expected, "{events:?}");
}

#[test]
fn a_message_is_for_those_who_were_named() {
    found(&[Sent(&[0, 2]), Got(0, 0), Got(2, 0)], &[]);
    found(&[Sent(&[0, 2]), Got(0, 0)], &[("lost", 1)]);
    found(&[Sent(&[0]), Got(0, 0), Got(1, 0)], &[("misdelivered", 1)]);
    found(&[Sent(&[0]), Got(0, 0), Got(0, 0)], &[("duplicated", 1)]);
    found(&[Sent(&[]), Got(1, 1)], &[("invented", 1)]);
    found(&[Sent(&[0]), Excused(0)], &[]);
}

#[test]
fn order_is_that_of_the_sender_whatever_the_receivers() {
    let sent = [Sent(&[0, 1]), Sent(&[0]), Sent(&[0, 1, 2])];
    let with = |got: &[Event<'static>]| [&sent[..], got].concat();
    let others = [Got(1, 0), Got(1, 2), Got(2, 2)];
    let with = |got: &[Event<'static>]| with(&[&others[..], got].concat());
    found(&with(&[Got(0, 0), Got(0, 1), Got(0, 2)]), &[]);
    found(
        &with(&[Got(0, 1), Got(0, 0), Got(0, 2)]),
        &[("reordered", 1)],
    );
    found(
        &with(&[Got(0, 2), Got(0, 1), Got(0, 0)]),
        &[("reordered", 2)],
    );
    found(
        &with(&[Got(0, 2), Got(0, 1)]),
        &[("lost", 1), ("reordered", 1)],
    );
}

#[test]
fn of_values_the_newest_must_arrive() {
    let values = [Value(7, &[0]), Value(7, &[0]), Value(7, &[0])];
    let with = |got: &[Event<'static>]| [&values[..], got].concat();
    for all in [
        &[Got(0, 0), Got(0, 1), Got(0, 2)][..],
        &[Got(0, 1), Got(0, 2)],
        &[Got(0, 2)],
    ] {
        let (found, replaced) = judged(&with(all));
        assert_eq!((found.len(), replaced), (0, 3 - all.len() as u64));
    }
    found(&with(&[]), &[("lost", 1)]);
    found(&with(&[Got(0, 1)]), &[("lost", 1)]);
}

#[test]
fn no_older_value_arrives_behind_a_newer_one() {
    let values = [Value(7, &[0]), Value(7, &[0])];
    let with = |got: &[Event<'static>]| [&values[..], got].concat();
    found(&with(&[Got(0, 1), Got(0, 0)]), &[("backwards", 1)]);
    found(
        &with(&[Got(0, 0), Got(0, 1), Got(0, 0)]),
        &[("backwards", 1)],
    );
    found(&with(&[Got(0, 1), Got(0, 1)]), &[("duplicated", 1)]);
    // Of another key it may.
    found(
        &[Value(7, &[0]), Value(8, &[0]), Got(0, 1), Got(0, 0)],
        &[("reordered", 1)],
    );
}

/// A value may come in the place of an older one, and so before what was written in between.
#[test]
fn a_value_overtakes_only_from_the_place_of_an_older_one() {
    let first = [Value(7, &[0]), Sent(&[0]), Value(7, &[0])];
    let with = |got: &[Event<'static>]| [&first[..], got].concat();
    found(&with(&[Got(0, 2), Got(0, 1)]), &[]);
    found(&with(&[Got(0, 0), Got(0, 1), Got(0, 2)]), &[]);
    found(&with(&[Got(0, 1), Got(0, 2)]), &[]);
    // Its older value was there already: it has no place to take.
    found(
        &with(&[Got(0, 0), Got(0, 2), Got(0, 1)]),
        &[("reordered", 1)],
    );
    found(
        &[Sent(&[0]), Value(7, &[0]), Got(0, 1), Got(0, 0)],
        &[("reordered", 1)],
    );
    // Nothing newer could have taken its place when it was passed.
    let passed = [
        Value(7, &[0]),
        Sent(&[0]),
        Got(0, 1),
        Value(7, &[0]),
        Got(0, 2),
    ];
    found(&passed, &[("lost", 1)]);
}

/// Who got the older value only, because the newer one was not for it, waits for it.
#[test]
fn a_newer_value_for_others_replaces_nothing() {
    found(
        &[Value(7, &[0, 1]), Value(7, &[1]), Got(1, 1)],
        &[("lost", 1)],
    );
    found(
        &[Value(7, &[0, 1]), Value(7, &[1]), Got(1, 1), Got(0, 0)],
        &[],
    );
}

#[test]
fn what_is_remembered_is_bounded() {
    let (mut audiences, mut findings) = (Audiences::new(1), Findings::default());
    let one: Receivers = Rc::new([0]);
    for sequence in 0..OWED_MAX as u32 + 10 {
        audiences.sent((0, sequence), (&one, None), &[true], &mut findings);
    }
    assert_eq!(findings.count(Fault::Lost), 10);
    assert_eq!(audiences.outstanding(), OWED_MAX as u64);
    assert_eq!(audiences.senders[0].recent.len(), RECENT_MAX);
    audiences.received(0, stamp(3), &mut findings);
    assert_eq!(findings.count(Fault::Duplicated), 1, "it is forgotten");
    audiences.sent((0, 1 << 30), (&one, None), &[true], &mut findings);
    assert_eq!(audiences.senders[0].recent.len(), RECENT_MAX);
    assert_eq!(audiences.senders[0].recall(1 << 30).unwrap().0.len(), 1);
    assert_eq!(
        audiences.senders[0].recall((1 << 30) - 1).unwrap().0.len(),
        0
    );
}
