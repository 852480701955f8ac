//! The server is killed and started again, and every client comes back as a client of Primus
//! does: after the delays of [`Backoff`], which the client library goes by, too.
//!
//! # Invariants
//! - While the storm lasts, a connection that breaks or is refused is no fault. A client that has
//!   not come back when the window ends, or has used up its attempts, is one.
//! - An attempt that is not answered is given up when the window ends, not after the 30 s of
//!   `reconnect timeout`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::time::Duration;

use allspark_engine::io::Driver;
use allspark_protocol::Instant;
use allspark_protocol::primus::{Backoff, BackoffOptions};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::client::State;
use super::meter::{Latency, histogram};
use super::phase::Phase;
use super::plan::Plan;
use super::runner::Runner;
use super::server::ServerProcess;
use crate::auditor::Fault;

/// Attempts that begin in one turn.
const ATTEMPTS_PER_TURN: u32 = 512;

/// Until a client is looked at again whose last connection the driver has not closed yet.
const CLOSING_DELAY: Duration = Duration::from_millis(1);

/// What a storm showed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StormReport {
    /// From the server's end to its new beginning.
    pub(crate) outage_ms: u64,
    /// Clients that were connected when the server was killed.
    pub(crate) struck: u32,
    /// Connections that were opened after that.
    pub(crate) returned: u64,
    /// Attempts to connect, the failed ones included.
    pub(crate) attempts: u64,
    /// The most attempts that a client needed.
    pub(crate) attempts_max: u32,
    /// From the server's new beginning to the return of each client.
    pub(crate) return_us: Latency,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    /// The server has not been killed yet.
    Calm,
    /// There is no server.
    Down { until: Instant },
    /// The server was started again.
    Up { since: Instant },
}

/// The server, and who wants to come back when.
#[derive(Debug)]
pub(super) struct Storm {
    server: ServerProcess,
    weather: Weather,
    outage: Duration,
    struck: u32,
    backoffs: Vec<Backoff>,
    /// The next attempt of each client that waits for one.
    alarms: BinaryHeap<Reverse<(Instant, u32)>>,
    attempts: u64,
    attempts_max: u32,
    return_ns: Histogram<u64>,
}

impl Storm {
    pub(super) fn new(plan: &Plan, server: ServerProcess) -> Self {
        let backoff = Backoff::new(BackoffOptions::default());
        Self {
            server,
            weather: Weather::Calm,
            outage: plan.outage,
            struck: 0,
            backoffs: vec![backoff; plan.clients as usize],
            alarms: BinaryHeap::new(),
            attempts: 0,
            attempts_max: 0,
            return_ns: histogram(),
        }
    }

    /// The number of the server's process.
    pub(super) fn server_pid(&self) -> u32 {
        self.server.pid()
    }

    /// When there is something to do next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
        match self.weather {
            Weather::Down { until } => Some(alarm.map_or(until, |at| at.min(until))),
            Weather::Calm | Weather::Up { .. } => alarm,
        }
    }

    /// Whether the server is back and so are all that it had.
    fn is_over(&self, live: u32) -> bool {
        matches!(self.weather, Weather::Up { .. }) && live == self.struck
    }

    /// A client is back.
    fn returned(&mut self, client: u32, now: Instant) {
        let backoff = &mut self.backoffs[client as usize];
        self.attempts_max = self.attempts_max.max(backoff.attempt());
        backoff.reset();
        if let Weather::Up { since } = self.weather {
            let ns = u64::try_from((now - since).as_nanos()).unwrap_or(u64::MAX);
            self.return_ns.saturating_record(ns);
        }
    }

    fn report(&self) -> StormReport {
        StormReport {
            outage_ms: u64::try_from(self.outage.as_millis()).unwrap_or(u64::MAX),
            struck: self.struck,
            returned: self.return_ns.len(),
            attempts: self.attempts,
            attempts_max: self.attempts_max,
            return_us: Latency::of(&self.return_ns),
        }
    }
}

impl<D: Driver> Runner<D> {
    /// The server is killed, if this is a storm.
    pub(super) fn strike(&mut self) -> io::Result<()> {
        let Some(storm) = &mut self.storm else {
            return Ok(());
        };
        storm.server.kill()?;
        storm.struck = self.auditor.live_count();
        let until = self.now + storm.outage;
        storm.weather = Weather::Down { until };
        Ok(())
    }

    /// Starts the server again when that is due, and the attempts that are due.
    pub(super) fn weather_storm(&mut self) -> io::Result<()> {
        let Some(storm) = &mut self.storm else {
            return Ok(());
        };
        if let Weather::Down { until } = storm.weather
            && until <= self.now
        {
            storm.server.start_again()?;
            storm.weather = Weather::Up { since: self.now };
            self.series.follow(storm.server_pid());
        }
        for _ in 0..ATTEMPTS_PER_TURN {
            let Some(index) = self.take_attempt() else {
                break;
            };
            self.attempt(index);
        }
        Ok(())
    }

    /// Whether everybody is back.
    pub(super) fn storm_is_over(&self) -> bool {
        let live = self.auditor.live_count();
        self.storm.as_ref().is_some_and(|storm| storm.is_over(live))
    }

    /// The window ends. Who waits for another attempt has not come back in time.
    pub(super) fn end_storm(&mut self) -> Option<StormReport> {
        let storm = self.storm.as_mut()?;
        for Reverse((_, index)) in std::mem::take(&mut storm.alarms) {
            let why = "it did not come back before the end";
            self.auditor.broke(index, Fault::Refused, &why);
        }
        Some(storm.report())
    }

    /// A connection broke. Returns whether that is no fault, because the client comes back.
    pub(super) fn is_blown_away(&mut self, index: u32) -> bool {
        if !self.is_stormy() || self.fleet.client(index).state >= State::Ended {
            return false;
        }
        self.auditor.closed(index, self.now);
        self.try_again_later(index);
        self.close(index);
        true
    }

    /// A connection could not be opened. Returns whether that is no fault, as above.
    pub(super) fn is_turned_away(&mut self, index: u32) -> bool {
        let is_stormy = self.is_stormy();
        if is_stormy {
            self.try_again_later(index);
            self.fleet.advance(index, State::Gone);
        }
        is_stormy
    }

    /// A client is connected: if the storm had taken it, it is back.
    pub(super) fn came_back(&mut self, index: u32) {
        if self.is_stormy()
            && let Some(storm) = &mut self.storm
        {
            storm.returned(index, self.now);
        }
    }

    fn is_stormy(&self) -> bool {
        let weather = self.storm.as_ref().map(|storm| storm.weather);
        let is_measuring = matches!(self.phase, Phase::Measuring { .. });
        is_measuring && weather.is_some_and(|weather| weather != Weather::Calm)
    }

    fn try_again_later(&mut self, index: u32) {
        let random = self.traffic.unit_random();
        let Some(storm) = &mut self.storm else { return };
        match storm.backoffs[index as usize].next(random) {
            Some(delay) => storm.alarms.push(Reverse((self.now + delay, index))),
            None => {
                let why = "it has used up all attempts to come back";
                self.auditor.broke(index, Fault::Refused, &why);
            }
        }
    }

    fn take_attempt(&mut self) -> Option<u32> {
        let alarms = &mut self.storm.as_mut()?.alarms;
        let Reverse((at, _)) = alarms.peek()?;
        if *at > self.now {
            return None;
        }
        alarms.pop().map(|Reverse((_, index))| index)
    }

    fn attempt(&mut self, index: u32) {
        let Some(storm) = &mut self.storm else { return };
        if self.fleet.client(index).state != State::Gone {
            storm
                .alarms
                .push(Reverse((self.now + CLOSING_DELAY, index)));
            return;
        }
        storm.attempts += 1;
        let was_open = storm.backoffs[index as usize].attempt() == 1;
        self.fleet.begin_again(index, was_open);
        self.connect(index);
    }
}
