use super::*;

fn rule() -> ReconnectRule {
    ReconnectRule {
        backoff: BackoffOptions {
            max: Duration::from_millis(3_000),
            retries: 4,
            ..BackoffOptions::default()
        },
        tolerance: Duration::ZERO,
    }
}

/// One client that is lost at 10 s and then fails again and again, each attempt so long after
/// the failure of the one before.
fn judged(delays_ms: &[u64]) -> Findings {
    let (mut findings, mut now) = (Findings::default(), Instant::from_ms(10_000));
    let mut reconnects = Reconnects::new(rule(), 1);
    reconnects.attempted(0, (Instant::ZERO, Duration::ZERO), &mut findings);
    reconnects.opened(0);
    for delay_ms in delays_ms {
        reconnects.lost(0, now, &mut findings);
        now = now + Duration::from_millis(*delay_ms);
        reconnects.attempted(0, (now, Duration::ZERO), &mut findings);
    }
    reconnects.opened(0);
    reconnects.finish(now + Duration::from_secs(600), &mut findings);
    findings
}

#[test]
fn attempts_within_the_bounds_are_right() {
    assert_eq!(judged(&[500, 1_000, 2_000, 3_000]).total(), 0);
    assert_eq!(judged(&[500, 2_000, 3_000]).total(), 0);
}

#[test]
fn an_attempt_out_of_bounds_is_found() {
    let early = [&[499][..], &[500, 999], &[500, 1_000, 1_999]];
    for delays_ms in early {
        assert_eq!(
            judged(delays_ms).count(Fault::ReconnectEarly),
            1,
            "{delays_ms:?}"
        );
    }
    let late = [&[501][..], &[500, 2_001], &[500, 1_000, 3_001]];
    for delays_ms in late {
        assert_eq!(
            judged(delays_ms).count(Fault::ReconnectLate),
            1,
            "{delays_ms:?}"
        );
    }
}

#[test]
fn one_attempt_too_many_is_unwanted() {
    let findings = judged(&[500, 1_000, 2_000, 3_000, 3_000]);
    assert_eq!(findings.count(Fault::ReconnectUnwanted), 1);
}

#[test]
fn after_an_intended_end_nobody_connects() {
    let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(rule(), 1));
    reconnects.attempted(0, (Instant::ZERO, Duration::ZERO), &mut findings);
    reconnects.opened(0);
    reconnects.ended(0, Instant::ZERO, &mut findings);
    reconnects.lost(0, Instant::ZERO, &mut findings);
    assert_eq!(findings.total(), 0);
    reconnects.attempted(0, (Instant::from_ms(500), Duration::ZERO), &mut findings);
    assert_eq!(findings.count(Fault::ReconnectUnwanted), 1);
}

#[test]
fn who_connects_without_a_loss_is_early() {
    let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(rule(), 1));
    reconnects.attempted(0, (Instant::ZERO, Duration::ZERO), &mut findings);
    reconnects.opened(0);
    reconnects.attempted(0, (Instant::from_ms(700), Duration::ZERO), &mut findings);
    assert_eq!(findings.count(Fault::ReconnectEarly), 1);
}

#[test]
fn who_never_comes_back_or_gives_up_too_soon_is_late() {
    let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(rule(), 2));
    for client in 0..2 {
        reconnects.attempted(client, (Instant::ZERO, Duration::ZERO), &mut findings);
        reconnects.lost(client, Instant::ZERO, &mut findings);
    }
    reconnects.gave_up(1, &mut findings);
    assert_eq!(findings.count(Fault::ReconnectLate), 1);
    reconnects.finish(Instant::from_ms(501), &mut findings);
    assert_eq!(findings.count(Fault::ReconnectLate), 2);
}
/// What is found if the second attempt ends after so long, by itself or because time is over.
fn given_up_after(ms: u64, is_timeout: bool) -> Findings {
    let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(rule(), 1));
    let begun = Instant::from_ms(500);
    let ended = begun + Duration::from_millis(ms);
    reconnects.attempted(0, (Instant::ZERO, Duration::ZERO), &mut findings);
    reconnects.lost(0, Instant::ZERO, &mut findings);
    reconnects.attempted(0, (begun, Duration::ZERO), &mut findings);
    if is_timeout {
        reconnects.timed_out(0, ended, &mut findings);
    }
    reconnects.lost(0, ended, &mut findings);
    reconnects.finish(ended, &mut findings);
    findings
}

#[test]
fn an_attempt_has_its_time_and_no_more() {
    assert_eq!(given_up_after(30_000, true).total(), 0);
    assert_eq!(given_up_after(10, false).total(), 0, "it was refused");
    assert_eq!(given_up_after(29_999, true).count(Fault::TimeoutEarly), 1);
    for is_timeout in [true, false] {
        let findings = given_up_after(30_001, is_timeout);
        assert_eq!(findings.count(Fault::TimeoutLate), 1);
    }
}

#[test]
fn an_attempt_that_never_ends_is_found() {
    let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(rule(), 1));
    reconnects.attempted(0, (Instant::ZERO, Duration::ZERO), &mut findings);
    reconnects.lost(0, Instant::ZERO, &mut findings);
    reconnects.attempted(0, (Instant::from_ms(500), Duration::ZERO), &mut findings);
    let first = reconnects
        .finish(Instant::from_ms(31_000), &mut findings)
        .first;
    assert_eq!(findings.count(Fault::TimeoutLate), 1);
    assert!(first.is_some_and(|first| first.count == 1 && first.ms_max == 500.0));
}

#[test]
fn lateness_of_others_is_taken_out_of_the_distribution_and_not_of_the_bounds() {
    let tolerant = ReconnectRule {
        tolerance: Duration::from_millis(100),
        ..rule()
    };
    let (mut findings, mut reconnects) = (Findings::default(), Reconnects::new(tolerant, 1));
    let late = Duration::from_millis(70);
    reconnects.attempted(0, (Instant::ZERO, Duration::ZERO), &mut findings);
    reconnects.lost(0, Instant::ZERO, &mut findings);
    for (begun_ms, lost_ms) in [(570, 600), (600 + 1_500 + 70, 2_170)] {
        reconnects.attempted(0, (Instant::from_ms(begun_ms), late), &mut findings);
        reconnects.lost(0, Instant::from_ms(lost_ms), &mut findings);
    }
    reconnects.ended(0, Instant::from_ms(2_170), &mut findings);
    let report = reconnects.finish(Instant::from_ms(2_170), &mut findings);
    assert_eq!(findings.total(), 0, "{:?}", findings.examples());
    assert_eq!(report.first.unwrap().ms_max, 570.0);
    assert_eq!(report.delays[0].ms_min, 1_500);
    assert_eq!(report.observed[0].ms_min, 1_570);
}
