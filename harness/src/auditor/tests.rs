use super::*;

fn broadcast_of_two() -> Auditor {
    let mut auditor = Auditor::new(Scenario::Broadcast, 2, Senders::new(2, 1), None);
    auditor.opened(0, Instant::ZERO);
    auditor.opened(1, Instant::ZERO);
    auditor
}

fn stamp(sequence: u32) -> Result<Stamp, Corrupt> {
    Ok(Stamp {
        from: 0,
        sequence,
        sent_ns: 0,
    })
}

#[test]
fn a_broken_connection_is_one_finding() {
    let mut auditor = broadcast_of_two();
    for sequence in 0..5 {
        auditor.sent(0, sequence);
        auditor.received(0, stamp(sequence));
    }
    assert_eq!(auditor.outstanding(), 5);
    auditor.broke(1, Fault::Ended, &"reset");
    assert_eq!(auditor.outstanding(), 0);
    auditor.sent(0, 5);
    assert_eq!(auditor.outstanding(), 1, "only the other one is waited for");
    auditor.received(0, stamp(5));
    let (findings, _) = auditor.finish(Instant::ZERO);
    assert_eq!(findings.total(), 1);
    assert_eq!(findings.count(Fault::Ended), 1);
}

#[test]
fn what_was_not_received_before_the_end_is_lost() {
    let mut auditor = broadcast_of_two();
    auditor.sent(0, 0);
    auditor.received(1, stamp(0));
    auditor.closed(0, Instant::ZERO);
    let (findings, _) = auditor.finish(Instant::ZERO);
    assert_eq!((findings.total(), findings.count(Fault::Lost)), (1, 1));
}

#[test]
fn a_late_comer_is_owed_only_what_is_sent_from_then_on() {
    let mut auditor = Auditor::new(Scenario::Broadcast, 2, Senders::new(2, 1), None);
    auditor.opened(0, Instant::ZERO);
    auditor.sent(0, 0);
    auditor.received(0, stamp(0));
    auditor.opened(1, Instant::ZERO);
    auditor.sent(0, 1);
    auditor.received(0, stamp(1));
    auditor.received(1, stamp(1));
    assert_eq!(auditor.outstanding(), 0);
    assert_eq!(auditor.finish(Instant::ZERO).0.total(), 0);
}

#[test]
fn a_corrupted_message_is_found_and_then_missing() {
    let mut auditor = broadcast_of_two();
    auditor.sent(0, 0);
    auditor.received(0, stamp(0));
    auditor.received(1, Err(Corrupt));
    let (findings, _) = auditor.finish(Instant::ZERO);
    assert_eq!(findings.count(Fault::Corrupted), 1);
    assert_eq!(findings.count(Fault::Lost), 1);
}
