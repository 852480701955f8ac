use super::*;

/// Sends `sent` messages from sender 0 to two clients and lets client 1 receive `order`.
fn judged(sent: u32, order: &[u32]) -> Findings {
    let mut findings = Findings::default();
    let mut deliveries = Deliveries::new(Shape::Everyone, 2, 1);
    for sequence in 0..sent {
        deliveries.sent(0, sequence, 2);
        deliveries.received(0, stamp(0, sequence), &mut findings);
    }
    for &sequence in order {
        deliveries.received(1, stamp(0, sequence), &mut findings);
    }
    deliveries.left(0, Some(&mut findings));
    deliveries.left(1, Some(&mut findings));
    assert_eq!(deliveries.outstanding(), 0);
    assert_eq!(deliveries.gap_count, 0);
    findings
}

fn stamp(from: u32, sequence: u32) -> Stamp {
    Stamp {
        from,
        sequence,
        sent_ns: 0,
    }
}

fn found(findings: &Findings) -> Vec<(&'static str, u64)> {
    findings
        .found()
        .map(|(fault, count)| (fault.name(), count))
        .collect()
}

#[test]
fn order_without_gaps_is_right() {
    assert_eq!(found(&judged(4, &[0, 1, 2, 3])), []);
}

#[test]
fn a_gap_that_stays_is_loss() {
    assert_eq!(found(&judged(6, &[0, 4, 5])), [("lost", 3)]);
    assert_eq!(found(&judged(3, &[0])), [("lost", 2)]);
    assert_eq!(found(&judged(3, &[])), [("lost", 3)]);
}

#[test]
fn a_gap_that_is_filled_is_reordering() {
    assert_eq!(found(&judged(3, &[1, 0, 2])), [("reordered", 1)]);
    assert_eq!(found(&judged(5, &[0, 4, 2, 1, 3])), [("reordered", 3)]);
    let both = judged(5, &[4, 2, 2]);
    assert_eq!(
        found(&both),
        [("lost", 3), ("duplicated", 1), ("reordered", 1)]
    );
}

#[test]
fn what_comes_again_is_duplication() {
    assert_eq!(found(&judged(3, &[0, 1, 1, 2, 0])), [("duplicated", 2)]);
}

#[test]
fn what_was_not_sent_is_invented() {
    assert_eq!(found(&judged(1, &[0, 1])), [("invented", 1)]);
    let mut findings = Findings::default();
    let mut deliveries = Deliveries::new(Shape::Everyone, 1, 1);
    deliveries.received(0, stamp(7, 0), &mut findings);
    assert_eq!(found(&findings), [("invented", 1)]);
}

#[test]
fn an_echo_is_for_its_sender_alone() {
    let mut findings = Findings::default();
    let mut deliveries = Deliveries::new(Shape::Sender, 2, 2);
    deliveries.sent(0, 0, 2);
    assert_eq!(deliveries.outstanding(), 1);
    deliveries.received(1, stamp(0, 0), &mut findings);
    deliveries.received(0, stamp(0, 0), &mut findings);
    assert_eq!(deliveries.outstanding(), 0);
    assert_eq!(found(&findings), [("misdelivered", 1)]);
}

/// What is wrong with an order of arrival, counted in the plainest way.
fn counted(sent: u32, order: &[u32]) -> [u64; 4] {
    let (mut duplicated, mut reordered, mut invented) = (0, 0, 0);
    let mut seen = std::collections::BTreeSet::new();
    for &sequence in order {
        if sequence >= sent {
            invented += 1;
        } else if seen.contains(&sequence) {
            duplicated += 1;
        } else {
            reordered += u64::from(seen.last().is_some_and(|&last| last > sequence));
            seen.insert(sequence);
        }
    }
    let lost = u64::from(sent) - seen.len() as u64;
    [lost, duplicated, reordered, invented]
}

proptest::proptest! {
    #[test]
    fn any_trace_is_counted_right(
        sent in 0..12u32,
        order in proptest::collection::vec(0..14u32, 0..40),
    ) {
        let findings = judged(sent, &order);
        let faults = [Fault::Lost, Fault::Duplicated, Fault::Reordered, Fault::Invented];
        let found = faults.map(|fault| findings.count(fault));
        proptest::prop_assert_eq!(found, counted(sent, &order));
    }
}

#[test]
fn two_senders_are_two_orders() {
    let mut findings = Findings::default();
    let mut deliveries = Deliveries::new(Shape::Everyone, 1, 2);
    for sequence in 0..2 {
        deliveries.sent(0, sequence, 1);
        deliveries.sent(1, sequence, 1);
    }
    for (from, sequence) in [(1, 0), (1, 1), (0, 0), (0, 1)] {
        deliveries.received(0, stamp(from, sequence), &mut findings);
    }
    deliveries.left(0, Some(&mut findings));
    assert_eq!(found(&findings), []);
}
/// Client 2 joins when the publisher has sent four messages, of which two are under way, and
/// gets these; then two more are sent. There is one publisher, sender 0.
fn joined_late(order: &[u32]) -> Findings {
    let mut findings = Findings::default();
    let mut deliveries = Deliveries::new(Shape::Both, 3, 1);
    for sequence in 0..6 {
        let live = if sequence < 4 { 2 } else { 3 };
        if sequence == 4 {
            deliveries.joined(2);
        }
        deliveries.sent(0, sequence, live);
    }
    for &sequence in order {
        deliveries.received(2, stamp(0, sequence), &mut findings);
    }
    deliveries.left(2, Some(&mut findings));
    for client in 0..2 {
        deliveries.left(client, None);
    }
    assert_eq!(deliveries.outstanding(), 0);
    findings
}

#[test]
fn what_was_under_way_may_reach_who_joins() {
    assert_eq!(found(&joined_late(&[4, 5])), []);
    assert_eq!(found(&joined_late(&[2, 3, 4, 5])), []);
    assert_eq!(found(&joined_late(&[2, 4, 5])), [("lost", 1)]);
    assert_eq!(found(&joined_late(&[4, 3, 5])), [("duplicated", 1)]);
    assert_eq!(found(&joined_late(&[])), [("lost", 2)]);
}

#[test]
fn who_parts_may_miss_what_is_under_way_and_nothing_before() {
    for (order, faults) in [(&[0, 1][..], 0), (&[1], 1), (&[], 0)] {
        let mut findings = Findings::default();
        let mut deliveries = Deliveries::new(Shape::Both, 1, 1);
        for sequence in 0..4 {
            deliveries.sent(0, sequence, 1);
        }
        for &sequence in order {
            deliveries.received(0, stamp(0, sequence), &mut findings);
        }
        deliveries.parted(0, &mut findings);
        assert_eq!(findings.count(Fault::Lost), faults, "{order:?}");
        assert_eq!(deliveries.outstanding(), 0);
    }
}

#[test]
fn where_some_publish_the_others_messages_are_their_own() {
    let mut findings = Findings::default();
    let mut deliveries = Deliveries::new(Shape::Both, 2, 1);
    // Client 1 echoes: its number comes after that of the publisher.
    deliveries.sent(2, 0, 2);
    assert!(!deliveries.has_own(1) && deliveries.has_own(0));
    deliveries.received(0, stamp(2, 0), &mut findings);
    deliveries.received(1, stamp(2, 0), &mut findings);
    assert!(deliveries.has_own(1));
    assert_eq!(found(&findings), [("misdelivered", 1)]);
    assert_eq!(deliveries.outstanding(), 0);
}
