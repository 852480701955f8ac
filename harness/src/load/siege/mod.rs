//! An honest load that is besieged: attackers of one or several kinds beside it, on the same
//! thread and driver. The honest clients are measured before, under and after the attack, and the
//! server's memory all the time.
//!
//! | module | what it knows |
//! |---|---|
//! | [`plan`] | who attacks, how many, and what a server must keep meanwhile |
//! | [`attack`], [`hello`] | what attackers do and say |
//! | [`troop`], [`force`] | how far they have come, and their connections |
//! | [`foreign`] | connections from an address of one's own choice |
//! | [`watch`] | the server's memory |
//!
//! # Invariants
//! - The auditor judges the honest clients alone, as without attackers. What becomes of attackers
//!   is counted and never a fault.
//! - Everything that is measured under attack is measured once every attacker has had a connection,
//!   or was refused one.

mod attack;
mod force;
mod foreign;
mod hello;
pub(crate) mod plan;
mod troop;
pub(crate) mod watch;

use std::io;
use std::time::Duration;

use allspark_engine::io::{Completion, Driver};
use allspark_protocol::Instant;
use serde::Serialize;

use super::meter::{Latency, Window};
use super::plan::Plan;
use crate::auditor::{Auditor, Fault};
use force::Force;
use plan::SiegePlan;
pub(crate) use troop::TroopReport;
pub(crate) use watch::SiegeMemory;
use watch::Watch;

/// How long attackers may take until each has tried to connect.
const DEPLOY_MAX: Duration = Duration::from_secs(60);

/// How long the driver may take to close their connections.
const WITHDRAW_MAX: Duration = Duration::from_secs(20);

/// Between the last attacker's end and the next measurement: the server hears of it a little later.
const CALM: Duration = Duration::from_millis(500);

/// What a siege has shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SiegeReport {
    pub(crate) attackers: Vec<TroopReport>,
    /// From the first connection of an attacker until each had one, or was refused one.
    pub(crate) deploy_seconds: f64,
    pub(crate) before: Option<Period>,
    pub(crate) during: Option<Period>,
    pub(crate) after: Option<Period>,
    /// The server's, if its process is known.
    pub(crate) memory: Option<SiegeMemory>,
    /// By how much p99 may grow; 0 if that is not judged.
    pub(crate) p99_factor_max: f64,
}

/// What honest clients saw in one of the three periods.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Period {
    pub(crate) window: Window,
    /// Connections that were opened, if they came and went.
    pub(crate) connections: Option<u64>,
    /// From the first attempt to connect to the answer to the handshake.
    pub(crate) opening_us: Option<Latency>,
}

impl SiegeReport {
    /// How many times as long p99 was under attack as before.
    pub(crate) fn p99_factor(&self) -> Option<f64> {
        let p99 = |period: &Option<Period>| {
            let window = &period.as_ref()?.window;
            (window.received > 0).then_some(window.latency_us.p99)
        };
        Some(p99(&self.during)? / p99(&self.before)?.max(1.0))
    }

    /// Tells what the server did not keep.
    pub(super) fn judge(&self, auditor: &mut Auditor) {
        if let Some(factor) = self.p99_factor()
            && self.p99_factor_max > 0.0
            && factor > self.p99_factor_max
        {
            auditor.note(Fault::Slowed, || {
                format!(
                    "p99 was {factor:.1} times as long under attack as before, and may be {} times",
                    self.p99_factor_max
                )
            });
        }
        if let Some(memory) = &self.memory
            && let Some(budget) = memory.budget_bytes
            && memory.peak_rss_anon_bytes > budget
        {
            auditor.note(Fault::Hoarded, || {
                format!(
                    "the server had {} bytes under attack, and may have {budget}",
                    memory.peak_rss_anon_bytes
                )
            });
        }
    }
}

/// How far a siege has come. Each stage but the last is a time that is not measured, then one that
/// is; of a siege that was broken off the rest is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    During,
    After,
}

/// The attackers, and what was seen.
pub(super) struct Siege {
    force: Force,
    watch: Watch,
    stage: Stage,
    /// Whether the period is being measured.
    is_measured: bool,
    began: Instant,
    report: SiegeReport,
}

impl Siege {
    pub(super) fn new(plan: &SiegePlan, load: &Plan) -> Self {
        let limits = (load.clients, load.opening_max);
        Self {
            force: Force::new(&plan.attackers, &load.target, limits),
            watch: Watch::new(load.server_pid, plan),
            stage: Stage::Before,
            is_measured: false,
            began: Instant::ZERO,
            report: SiegeReport {
                attackers: Vec::new(),
                deploy_seconds: 0.0,
                before: None,
                during: None,
                after: None,
                memory: None,
                p99_factor_max: plan.p99_factor,
            },
        }
    }

    /// Whether a completion is one of an attacker.
    pub(super) fn owns(completion: &Completion) -> bool {
        Force::owns(completion)
    }

    pub(super) fn complete(&mut self, completion: Completion, driver: &mut impl Driver) {
        self.force.complete(completion, driver);
    }

    /// Does what is due now.
    pub(super) fn advance(&mut self, now: Instant, driver: &mut impl Driver) {
        self.force.advance(now, driver);
        self.watch.look(now);
        // The time to calm down begins when the last attacker is gone.
        if self.stage == Stage::After && !self.force.is_gone() {
            self.began = now;
        }
    }

    /// Hands the driver what attackers said in this turn.
    pub(super) fn flush(&mut self, driver: &mut impl Driver) {
        self.force.flush(driver);
    }

    pub(super) fn reclaim(&mut self) {
        self.force.reclaim();
    }

    /// When something is due next, besides what completions bring.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let due = [
            self.force.next_due(),
            self.watch.next_due(),
            self.ready_at(),
        ];
        due.into_iter().flatten().min()
    }

    pub(super) fn has_more_to_do(&self) -> bool {
        self.force.has_more_to_do()
    }

    /// Whether the next period may be measured now, though the time for that has not come.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        match self.stage {
            Stage::Before => false,
            Stage::During => self.force.has_tried(),
            Stage::After => self.force.is_gone() && now >= self.began + CALM,
        }
    }

    /// When the next period may be measured, if that is a matter of time alone.
    fn ready_at(&self) -> Option<Instant> {
        let is_calm = self.stage == Stage::After && self.force.is_gone();
        (is_calm && !self.is_measured).then(|| self.began + CALM)
    }

    /// A period begins to be measured.
    pub(super) fn begin_period(&mut self, now: Instant) {
        self.is_measured = true;
        if self.stage == Stage::During {
            self.report.deploy_seconds = (now - self.began).as_secs_f64();
        }
    }

    /// A period is over. Returns how long the time until the next one may take, if there is one.
    pub(super) fn end_period(
        &mut self,
        period: Period,
        now: Instant,
    ) -> io::Result<Option<Duration>> {
        self.began = now;
        self.is_measured = false;
        match self.stage {
            Stage::Before => {
                self.report.before = Some(period);
                self.watch.begin(now)?;
                self.force.begin(now);
                self.stage = Stage::During;
                Ok(Some(DEPLOY_MAX))
            }
            Stage::During => {
                self.report.during = Some(period);
                self.watch.end()?;
                self.force.withdraw();
                self.stage = Stage::After;
                Ok(Some(WITHDRAW_MAX))
            }
            Stage::After => {
                self.report.after = Some(period);
                self.watch.calm()?;
                Ok(None)
            }
        }
    }

    /// What honest clients saw under attack, once that is over.
    pub(super) fn window_under_attack(&self) -> Option<Window> {
        let during = self.report.during.as_ref();
        during.map(|period| period.window.clone())
    }

    /// What is measured now, as the progress line says it.
    pub(super) const fn stage_name(&self) -> &'static str {
        match self.stage {
            Stage::Before => "before",
            Stage::During => "besieged",
            Stage::After => "after",
        }
    }

    pub(super) fn into_report(self) -> SiegeReport {
        let attackers = self.force.report();
        let peers = attackers.iter().map(|troop| match troop.attack {
            // Each has left a session behind.
            "sessions" => troop.connections,
            _ => u64::from(troop.at_once_max),
        });
        SiegeReport {
            memory: self.watch.into_report(peers.sum()),
            attackers,
            ..self.report
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::meter::Meter;
    use crate::system::ProcessMemory;
    use crate::workload::Scenario;
    use crate::workload::senders::Senders;

    /// A period in which every message took so many microseconds.
    fn period(us: u64) -> Period {
        let mut meter = Meter::new(None);
        meter.begin(Instant::ZERO).unwrap();
        for _ in 0..100 {
            meter.received(Some(Duration::from_micros(us)));
        }
        Period {
            window: meter.end(Instant::from_ms(1_000)).unwrap(),
            connections: None,
            opening_us: None,
        }
    }

    fn found(report: &SiegeReport) -> Vec<Fault> {
        let senders = Senders::new(1, 1);
        let mut auditor = Auditor::new(Scenario::Echo, 1, senders, None);
        report.judge(&mut auditor);
        let (findings, _) = auditor.finish(Instant::ZERO);
        findings.found().map(|(fault, _)| fault).collect()
    }

    #[test]
    fn what_a_server_does_not_keep_is_found() {
        let memory = |bytes| ProcessMemory {
            rss_anon_bytes: bytes,
            pss_bytes: bytes,
        };
        let mut report = SiegeReport {
            attackers: Vec::new(),
            deploy_seconds: 0.0,
            before: Some(period(100)),
            during: Some(period(190)),
            after: None,
            memory: Some(SiegeMemory {
                before: memory(1),
                peak_rss_anon_bytes: 100,
                during: memory(90),
                after: None,
                memory_max: Some(50),
                budget_bytes: Some(100),
            }),
            p99_factor_max: plan::P99_FACTOR,
        };
        assert_eq!(found(&report), []);
        report.during = Some(period(210));
        assert_eq!(found(&report), [Fault::Slowed]);
        report.p99_factor_max = 0.0;
        assert_eq!(found(&report), []);
        report.memory.as_mut().unwrap().peak_rss_anon_bytes = 101;
        assert_eq!(found(&report), [Fault::Hoarded]);
    }
}
