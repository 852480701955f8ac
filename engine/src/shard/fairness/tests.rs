use super::*;

fn ms(ms: u64) -> Instant {
    Instant::from_ms(ms)
}

/// From when on somebody may be judged after turns that should have begun at the first moment,
/// began at the second, and found everything read or not.
fn judge_from(turns: &[(u64, u64, bool)]) -> u64 {
    let mut fairness = Fairness::new(ms(0));
    for (wanted, now, is_all_read) in turns {
        fairness.expect(ms(0), Wait::Until(ms(*wanted)));
        fairness.begin(ms(*now), *is_all_read);
    }
    fairness.judge_from().as_ms()
}

#[test]
fn a_punctual_shard_judges_at_once() {
    assert_eq!(judge_from(&[(1_000, 1_000, true)]), 0);
    assert_eq!(judge_from(&[(1_000, 1_005, true), (1_100, 1_101, true)]), 0);
    // A turn that something else ended early.
    assert_eq!(judge_from(&[(9_000, 1_000, true)]), 0);
}

#[test]
fn nobody_is_judged_before_everything_is_read() {
    assert_eq!(judge_from(&[(1_000, 1_000, false)]), 1_010);
    let turns = [(1_000, 1_000, false), (1_000, 1_001, true)];
    assert_eq!(judge_from(&turns), 1_010);
}

/// Between the collection and the clock something else may have run.
#[test]
fn a_turn_that_is_a_little_late_looks_again() {
    assert_eq!(judge_from(&[(1_000, 1_300, true)]), 1_310);
}

#[test]
fn everybody_has_time_anew_after_a_late_turn() {
    assert_eq!(judge_from(&[(1_000, 2_500, true)]), 7_500);
    assert_eq!(judge_from(&[(1_000, 21_000, true)]), 41_000);
    assert_eq!(judge_from(&[(1_000, 1_001_000, true)]), 1_061_000);
}

/// What was read first may have come before the shard was away, and there may be more.
#[test]
fn the_time_begins_when_all_is_read() {
    let turns = [
        (1_000, 2_500, true),
        (2_500, 2_501, false),
        (2_501, 2_900, false),
        (2_900, 3_000, true),
        (9_000, 4_000, true),
    ];
    assert_eq!(judge_from(&turns), 8_000);
}

#[test]
fn a_deadline_may_ask_for_more_time() {
    let mut fairness = Fairness::new(ms(0));
    let interval = Duration::from_secs(30);
    fairness.expect(ms(100_000), Wait::No);
    fairness.begin(ms(100_001), true);
    assert!(fairness.judge_from_with(interval) < ms(100_001));
    fairness.expect(ms(100_001), Wait::No);
    fairness.begin(ms(106_001), true);
    assert_eq!(fairness.judge_from_with(interval), ms(136_001));
}

/// Who sends without end keeps nobody else alive.
#[test]
fn a_shard_that_never_has_read_everything_judges_in_the_end() {
    let mut fairness = Fairness::new(ms(0));
    for now in (1_000..20_000).step_by(5) {
        fairness.expect(ms(now - 5), Wait::No);
        fairness.begin(ms(now), false);
    }
    assert!(fairness.judge_from() < ms(20_000));
}

#[test]
fn a_shard_that_waits_for_nothing_is_not_late() {
    let mut fairness = Fairness::new(ms(0));
    fairness.expect(ms(0), Wait::Forever);
    fairness.begin(ms(1_000_000), true);
    assert!(fairness.judge_from() < ms(1_000_000));
}
