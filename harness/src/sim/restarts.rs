//! What restarts do to the servers that stay, and to the clients: how many connections come to one
//! server in a second, and how long each client is away.
//!
//! In the scenario `rolling-restart` each server takes only so many connections per second, as one
//! with a limit does, and refuses further ones. Whoever is refused, or away for longer than one
//! delay of the algorithm and the way there and back, is a finding: clients were sent elsewhere too
//! fast.

use std::time::Duration;

use allspark_engine::Drain;
use allspark_protocol::Instant;
use serde::Serialize;

use super::plan::SimPlan;
use crate::auditor::{Auditor, Fault};

/// How long a client may be away beside its first delay: four ways there and back of the slowest.
const AWAY_SLACK: Duration = Duration::from_millis(500);

/// How long it takes until the next server is restarted.
pub(super) fn turn(plan: &SimPlan) -> Duration {
    plan.duration.mul_f64(0.8) / u32::from(plan.nodes.max(1))
}

/// How far a restart is from all at once: the sparks of a server go over a quarter of its turn.
pub(super) fn drain(plan: &SimPlan) -> Drain {
    let seconds = turn(plan).as_secs() / 4;
    Drain {
        seconds: u32::try_from(seconds).unwrap_or(u32::MAX).max(1),
        // However few they are.
        sparks_per_s: std::num::NonZeroU32::MIN,
        ..Drain::default()
    }
}

/// What was seen, where servers are restarted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RestartTally {
    /// Connections per second that each server takes.
    pub(crate) accept_rate: u32,
    /// The most that came to one server in a second, those included that it refused.
    pub(crate) arrivals_per_s_max: u32,
    /// Attempts that a server refused because there were too many.
    pub(crate) refused: u64,
    /// How often a client was away.
    pub(crate) absences: u64,
    /// Milliseconds for which they were: half of them at most this, 99 of 100, and the longest.
    pub(crate) away_p50_ms: u32,
    pub(crate) away_p99_ms: u32,
    pub(crate) away_max_ms: u32,
}

/// See above.
pub(super) struct Restarts {
    /// Connections per second that a server takes; none if there is no limit.
    accept_rate: Option<u32>,
    away_max: Duration,
    /// From then on it counts.
    from: Instant,
    second: u64,
    /// Connections that came to each server in this second.
    arrivals: Vec<u32>,
    arrivals_max: u32,
    refused: u64,
    /// Since when each client is away.
    left: Vec<Option<Instant>>,
    away_ms: Vec<u32>,
}

impl Restarts {
    /// Judges nothing.
    pub(super) fn none() -> Self {
        Self {
            accept_rate: None,
            away_max: Duration::MAX,
            from: Instant::ZERO,
            second: 0,
            arrivals: Vec::new(),
            arrivals_max: 0,
            refused: 0,
            left: Vec::new(),
            away_ms: Vec::new(),
        }
    }

    /// Those of a plan, from then on.
    pub(super) fn of(plan: &SimPlan, from: Instant) -> Self {
        Self {
            accept_rate: Some(accept_rate(plan)),
            away_max: plan.backoff.min + AWAY_SLACK,
            from,
            arrivals: vec![0; usize::from(plan.nodes)],
            left: vec![None; plan.clients as usize],
            ..Self::none()
        }
    }

    /// A client comes to a server. Returns whether that takes it.
    pub(super) fn admits(
        &mut self,
        node: u16,
        client: u32,
        now: Instant,
        to: &mut Auditor,
    ) -> bool {
        let Some(accept_rate) = self.accept_rate.filter(|_| now >= self.from) else {
            return true;
        };
        let second = now.as_ms() / 1000;
        if second != self.second {
            self.second = second;
            self.arrivals.fill(0);
        }
        let arrivals = &mut self.arrivals[usize::from(node)];
        *arrivals += 1;
        self.arrivals_max = self.arrivals_max.max(*arrivals);
        let is_admitted = *arrivals <= accept_rate;
        if !is_admitted {
            self.refused += 1;
            to.note(Fault::Stormed, || {
                format!("server {node} takes {accept_rate} per second and refused client {client}")
            });
        }
        is_admitted
    }

    /// A client has lost its connection.
    pub(super) fn left(&mut self, client: u32, now: Instant) {
        if now >= self.from
            && let Some(left) = self.left.get_mut(client as usize)
        {
            left.get_or_insert(now);
        }
    }

    /// It has one again.
    pub(super) fn opened(&mut self, client: u32, now: Instant, to: &mut Auditor) {
        let left = self.left.get_mut(client as usize);
        let Some(since) = left.and_then(Option::take) else {
            return;
        };
        let away = now - since;
        let away_ms = u32::try_from(away.as_millis()).unwrap_or(u32::MAX);
        self.away_ms.push(away_ms);
        if away > self.away_max {
            to.note(Fault::Stormed, || {
                format!("client {client} was away for {away_ms} ms")
            });
        }
    }

    /// What was seen, if anything was looked at.
    pub(super) fn tally(&mut self) -> Option<RestartTally> {
        let accept_rate = self.accept_rate?;
        self.away_ms.sort_unstable();
        let part = |hundredths: usize| {
            let place = (self.away_ms.len() * hundredths / 100).min(self.away_ms.len() - 1);
            self.away_ms[place]
        };
        let has_some = !self.away_ms.is_empty();
        let [p50, p99, max] = match has_some {
            true => [part(50), part(99), part(100)],
            false => [0; 3],
        };
        Some(RestartTally {
            accept_rate,
            arrivals_per_s_max: self.arrivals_max,
            refused: self.refused,
            absences: self.away_ms.len() as u64,
            away_p50_ms: p50,
            away_p99_ms: p99,
            away_max_ms: max,
        })
    }
}

/// What each of the others gets of one that drains, on the average, and what chance adds to that
/// at most: where N come on the average, six times the root of N more hardly ever do. All at once
/// would be four times as many and more.
///
/// A server that was not restarted yet has the clients of those that were: with each of them it
/// gets one more part of as many as there are others, which makes it up to e times as many in the
/// end.
fn accept_rate(plan: &SimPlan) -> u32 {
    let others = f64::from(plan.nodes.max(2) - 1);
    let of_each = f64::from(plan.clients) / f64::from(plan.nodes.max(1));
    let mean = std::f64::consts::E * of_each / f64::from(drain(plan).seconds) / others;
    (mean + 6.0 * mean.sqrt() + 3.0).ceil() as u32
}
