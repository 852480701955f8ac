//! Has clients read slowly.

use allspark_engine::io::Driver;

use super::ConflationReport;
use crate::auditor::Arrivals;
use crate::load::alarms::Alarms;
use crate::load::client::State;
use crate::load::runner::Runner;

/// Clients that stop reading, or read again, in one turn.
const CLIENTS_PER_TURN: usize = 512;

impl<D: Driver> Runner<D> {
    /// Those whose time it is stop reading, or read again.
    pub(in crate::load) fn slow_down(&mut self) {
        for _ in 0..CLIENTS_PER_TURN {
            let now = self.now;
            let Some(conflation) = &mut self.conflation else {
                return;
            };
            let Some(client) = conflation.alarms.take_one(now) else {
                return;
            };
            conflation.alarms.set(now + conflation.plan.stall, client);
            if let Some(cables) = conflation.unread.0.remove(&client) {
                self.receive_again(client, &cables);
            } else if self.fleet.client(client).state == State::Open {
                let cables = self.stop_receiving(client);
                if let Some(conflation) = &mut self.conflation {
                    conflation.stalls += 1;
                    conflation.unread.0.insert(client, cables);
                }
            }
        }
    }

    /// Traffic is over: everybody reads.
    pub(in crate::load) fn speed_up(&mut self) {
        let Some(conflation) = &mut self.conflation else {
            return;
        };
        conflation.alarms = Alarms::default();
        for (client, cables) in std::mem::take(&mut conflation.unread.0) {
            self.receive_again(client, &cables);
        }
    }

    pub(in crate::load) fn conflation_report(&self) -> Option<ConflationReport> {
        let conflation = self.conflation.as_ref()?;
        let (mut slow, mut others) = (Arrivals::default(), Arrivals::default());
        for (client, arrivals) in (0..).zip(self.auditor.arrivals()) {
            match conflation.is_slow(client) {
                true => slow.add(*arrivals),
                false => others.add(*arrivals),
            }
        }
        let plan = &conflation.plan;
        Some(ConflationReport {
            keys: u64::from(plan.keys) * u64::from(self.plan.publishers),
            slow_clients: plan.slow,
            stall_ms: u64::try_from(plan.stall.as_millis()).unwrap_or(u64::MAX),
            stalls: conflation.stalls,
            owed: slow.owed + others.owed,
            arrived: slow.arrived + others.arrived,
            replaced_slow: slow.replaced(),
            replaced_others: others.replaced(),
        })
    }
}
