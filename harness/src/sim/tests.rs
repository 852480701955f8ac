use allspark_protocol::parser::ParserKind;
use clap::ValueEnum;

use super::plan::Sabotage;
use super::*;
use crate::auditor::DelayReport;
use crate::workload::wording::Wording;

const CLIENTS: u32 = 200;

fn simulated(plan: SimPlan) -> Outcome {
    run(plan, || None)
}

fn assert_right(outcome: &Outcome) {
    let findings = &outcome.findings;
    assert_eq!(findings.total(), 0, "{:#?}", findings.examples());
}

fn short(scenario: SimScenario, seed: u64) -> SimPlan {
    let mut plan = SimPlan::new(scenario, CLIENTS, seed);
    if scenario == SimScenario::Heartbeat {
        plan.duration = Duration::from_secs(200);
    }
    plan
}

#[test]
fn nothing_is_wrong_in_any_scenario() {
    for scenario in [
        SimScenario::Heartbeat,
        SimScenario::Outage,
        SimScenario::RollingRestart,
        SimScenario::Storm,
        SimScenario::Rooms,
        SimScenario::Faults,
    ] {
        let outcome = simulated(short(scenario, 3));
        assert_right(&outcome);
        let opened = outcome.sparks.map_or(0, |sparks| sparks.opened);
        assert!(opened >= u64::from(CLIENTS), "{scenario:?}");
    }
}

/// Messages of each parser are judged: nothing is wrong with them, or what is wrong is found.
#[test]
fn every_parser_is_judged() {
    for parser in ParserKind::ALL {
        let simulated = |scenario, sabotage| {
            let mut plan = SimPlan::new(scenario, 20, 3);
            plan.wording = Wording::new(parser);
            plan.sabotage = sabotage;
            simulated(plan)
        };
        assert_right(&simulated(SimScenario::Outage, None));
        assert_right(&simulated(SimScenario::Storm, None));
        let findings = simulated(SimScenario::Outage, Some(Sabotage::Corrupts)).findings;
        let found: Vec<_> = findings.found().map(|(fault, _)| fault).collect();
        assert_eq!(found, [Fault::Lost, Fault::Corrupted], "{parser}");
    }
}

#[test]
fn the_silent_are_ended_and_come_back() {
    let outcome = simulated(short(SimScenario::Heartbeat, 4));
    assert_right(&outcome);
    let sparks = outcome.sparks.unwrap();
    assert!(sparks.silenced > 0);
    assert_eq!(sparks.opened, u64::from(CLIENTS) + sparks.silenced);
}

#[test]
fn an_outage_makes_everybody_come_back_by_the_algorithm() {
    let outcome = simulated(short(SimScenario::Outage, 5));
    assert_right(&outcome);
    assert!(outcome.seconds.iter().any(|second| second.live == 0));
    let attempts: Vec<_> = outcome.delays.iter().map(|delay| delay.attempt).collect();
    assert!(attempts.starts_with(&[2, 3, 4, 5, 6]), "{attempts:?}");
}

/// A few seeds together do everything to somebody, else nothing is shown by their passing.
#[test]
fn every_kind_of_fault_happens() {
    let outcomes = (20..27).map(|seed| simulated(short(SimScenario::Faults, seed)));
    let tallies: Vec<Tally> = outcomes
        .map(|outcome| {
            assert_right(&outcome);
            outcome.tally
        })
        .collect();
    type Count = fn(&Tally) -> u32;
    let kinds: [(&str, Count); 17] = [
        ("reset", |tally| tally.resets),
        ("vanish", |tally| tally.vanished),
        ("sleep", |tally| tally.sleeps),
        ("latency", |tally| tally.latencies),
        ("window", |tally| tally.windows),
        ("segment", |tally| tally.segments),
        ("refuse", |tally| tally.refused),
        ("crash", |tally| tally.stops),
        ("drain", |tally| tally.drains),
        ("accept", |tally| tally.accept_pauses),
        ("clock", |tally| tally.clock_jumps),
        ("villains", |tally| tally.villains),
        ("slow drain", |tally| tally.slow_drains),
        ("bound", |tally| tally.bounded),
        ("flood", |tally| tally.flooded),
        ("handshake", |tally| tally.handshakes),
        ("failed handshake", |tally| tally.handshakes_failed),
    ];
    for (name, count) in kinds {
        assert!(tallies.iter().map(count).sum::<u32>() > 0, "no {name}");
    }
}

/// Whoever has to leave is back elsewhere after the first delay, and no server is stormed.
#[test]
fn restarts_are_no_storm() {
    let outcome = simulated(SimPlan::new(SimScenario::RollingRestart, 1_000, 8));
    assert_right(&outcome);
    let restarts = outcome.restarts.unwrap();
    assert_eq!(restarts.refused, 0);
    assert!(restarts.absences >= 1_000, "each server was restarted");
    assert!(restarts.away_p50_ms >= 500 && restarts.away_max_ms <= 1_000);
    assert!(restarts.arrivals_per_s_max <= restarts.accept_rate);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let trace = |seed| simulated(short(SimScenario::Faults, seed)).trace;
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

#[test]
fn schedules_are_distributed_by_the_algorithm() {
    let outcome = simulated(SimPlan::new(SimScenario::Backoff, 20_000, 6));
    assert_right(&outcome);
    let attempts: Vec<_> = outcome.delays.iter().map(|delay| delay.attempt).collect();
    assert_eq!(attempts, [2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let fits = |delay: &DelayReport| delay.tests.is_some_and(|tests| tests.fits);
    assert!(outcome.delays.iter().all(fits));
}

/// Whatever is broken on purpose is found and called by its name, and nothing else is found but
/// what follows from it.
#[test]
fn every_sabotage_is_caught_for_its_own_reason() {
    let mut wrong = Vec::new();
    for &sabotage in Sabotage::value_variants() {
        let (scenario, faults) = expected(sabotage);
        // Strangers who can be seen to hoard come to some worlds only.
        let seeds = match sabotage {
            Sabotage::Hoards => 20..40,
            _ => 7..8,
        };
        let mut last = None;
        for seed in seeds {
            let mut plan = short(scenario, seed);
            plan.sabotage = Some(sabotage);
            plan.clients = match sabotage {
                // Fewer are no storm.
                Sabotage::IsNotRandom | Sabotage::DrainsAtOnce => 1_000,
                _ => plan.clients,
            };
            let findings = simulated(plan).findings;
            let found: Vec<_> = findings.found().map(|(fault, _)| fault).collect();
            let is_right = faults.iter().all(|fault| found.contains(fault));
            let is_over = !found.is_empty();
            last = (!is_right || found.len() != faults.len())
                .then(|| (sabotage, found, findings.examples().to_vec()));
            if is_over {
                break;
            }
        }
        wrong.extend(last);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where it shows, and as what: first what it is, then what follows from it.
fn expected(sabotage: Sabotage) -> (SimScenario, &'static [Fault]) {
    use Fault::*;
    use SimScenario::{Backoff, Faults, Heartbeat, Outage, RollingRestart, Rooms, Storm};
    match sabotage {
        Sabotage::PingsTooOften => (Heartbeat, &[PingEarly]),
        Sabotage::PingsTooRarely => (Heartbeat, &[PingLate, SilentKept]),
        Sabotage::KeepsSilent => (Heartbeat, &[SilentKept, Ended, Leaked]),
        Sabotage::KeepsSilence => (Heartbeat, &[Ended]),
        Sabotage::Loses => (Outage, &[Lost]),
        Sabotage::Duplicates => (Outage, &[Duplicated]),
        Sabotage::Reorders => (Outage, &[Reordered]),
        Sabotage::Corrupts => (Outage, &[Corrupted, Lost]),
        Sabotage::Invents => (Outage, &[Invented]),
        Sabotage::Misdelivers => (Outage, &[Misdelivered]),
        Sabotage::EndsTheLiving => (Outage, &[Ended]),
        Sabotage::StaysAway => (Outage, &[ReconnectLate]),
        Sabotage::GivesUp => (Outage, &[ReconnectLate]),
        Sabotage::HurriesBack => (Backoff, &[ReconnectEarly]),
        Sabotage::IsNotRandom => (Backoff, &[DelaysSkewed]),
        Sabotage::ComesBackUnasked => (Storm, &[ReconnectUnwanted, Leaked]),
        Sabotage::TellsTwice => (Storm, &[Miscounted]),
        Sabotage::Leaks => (Storm, &[Leaked]),
        Sabotage::Hoards => (Faults, &[Hoarded]),
        Sabotage::WritesToMembersTwice => (Rooms, &[Duplicated]),
        Sabotage::ForgetsAMember => (Rooms, &[Lost]),
        Sabotage::WritesToStrangers => (Rooms, &[Misdelivered]),
        Sabotage::KeepsMembers => (Rooms, &[Misdelivered]),
        Sabotage::GoesBackwards => (Rooms, &[Backwards]),
        Sabotage::Overtakes => (Rooms, &[Reordered]),
        Sabotage::AnswersTwice => (Rooms, &[AckTwice]),
        Sabotage::LosesPatience => (Rooms, &[AckHasty]),
        Sabotage::WaitsForEver => (Rooms, &[AckMissing]),
        Sabotage::DrainsAtOnce => (RollingRestart, &[Stormed]),
    }
}
