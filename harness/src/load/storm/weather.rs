//! How far a storm has come. Each part of it ends by itself, whatever the server does.

use std::io;
use std::time::Duration;

use allspark_engine::io::Driver;
use allspark_protocol::Instant;

use super::Storm;
use super::member::Stage;
use super::plan::StormSabotage;
use crate::auditor::Fault;
use crate::load::phase::{GOODBYE_MAX, OPENING_STALL, SETTLE};

/// How long it is watched at the end that nobody comes back: longer than the first delay, after
/// which a client that did not take its end for one would.
const WATCH: Duration = Duration::from_secs(1);

/// Between two looks whether the server is running.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Clients that say goodbye in one turn.
const GOODBYES_PER_TURN: u32 = 512;

/// What is going on, and until when at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    /// Clients connect.
    Opening { give_up: Instant },
    /// Everybody is connected.
    Calm { until: Instant },
    /// There is no server.
    Down { until: Instant },
    /// The server was started again, and is looked after.
    Up { since: Instant, look: Instant },
    /// Clients say goodbye, from the first to the last.
    Leaving { next: u32, until: Instant },
    /// Nobody may come back.
    Watching { until: Instant },
    /// Nothing is left to do.
    Over,
}

impl Weather {
    pub(super) fn begin(now: Instant) -> Self {
        let give_up = now + OPENING_STALL;
        Self::Opening { give_up }
    }

    /// What the progress line says.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Opening { .. } => "connecting",
            Self::Calm { .. } => "calm",
            Self::Down { .. } => "no server",
            Self::Up { .. } => "coming back",
            Self::Leaving { .. } => "leaving",
            Self::Watching { .. } | Self::Over => "watching",
        }
    }

    /// When it is over at the latest, but for the time that there is for all strikes.
    pub(super) const fn deadline(self) -> Option<Instant> {
        match self {
            Self::Opening { give_up: until }
            | Self::Calm { until }
            | Self::Down { until }
            | Self::Up { look: until, .. }
            | Self::Leaving { until, .. }
            | Self::Watching { until } => Some(until),
            Self::Over => None,
        }
    }

    /// Whether the server is being killed and started again.
    const fn is_stormy(self) -> bool {
        matches!(
            self,
            Self::Calm { .. } | Self::Down { .. } | Self::Up { .. }
        )
    }
}

impl<D: Driver> Storm<D> {
    /// Does what is due, and goes on to what comes next.
    pub(super) fn advance(&mut self) -> io::Result<()> {
        let now = self.now;
        let is_past = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        if self.weather.is_stormy() && is_past(self.deadline) {
            self.give_up()?;
        }
        let is_due = is_past(self.weather.deadline());
        match self.weather {
            Weather::Opening { .. } => self.open(is_due),
            Weather::Calm { .. } if is_due => self.strike()?,
            Weather::Down { .. } if is_due => {
                self.server.start_again()?;
                self.servers += 1;
                self.back = 0;
                self.progress.follow(self.server.pid());
                self.weather = Weather::Up {
                    since: self.now,
                    look: self.now + LOOK_INTERVAL,
                };
            }
            Weather::Up { .. } if self.is_everybody_back() => {
                self.progress.follow(self.server.pid());
                let until = self.now + SETTLE;
                self.weather = Weather::Calm { until };
            }
            Weather::Up { since, .. } if is_due => {
                self.server.keep_running()?;
                let look = self.now + LOOK_INTERVAL;
                self.weather = Weather::Up { since, look };
            }
            Weather::Leaving { next, .. } => self.leave(next, is_due),
            Weather::Watching { .. } if is_due => self.weather = Weather::Over,
            _ => {}
        }
        Ok(())
    }

    /// Whether something is left to do that waits for nothing.
    pub(super) fn has_more_to_do(&self) -> bool {
        match self.weather {
            Weather::Opening { .. } => self.can_open_more() || self.is_opened(),
            Weather::Up { .. } => self.is_everybody_back(),
            Weather::Leaving { next, .. } => next < self.plan.clients || self.is_gone(),
            Weather::Over => true,
            _ => false,
        }
    }

    /// A client has got its first connection: the next ones have all the time again.
    pub(super) fn opening_progressed(&mut self) {
        if let Weather::Opening { give_up } = &mut self.weather {
            *give_up = self.now + OPENING_STALL;
        }
    }

    fn open(&mut self, gave_up: bool) {
        while self.can_open_more() {
            let number = self.begun;
            self.begun += 1;
            self.opening_count += 1;
            self.call(number, |machine, now, out| machine.open(now, out));
        }
        if self.is_opened() {
            self.opening.seconds = (self.now - self.begin).as_secs_f64();
            let until = self.now + SETTLE;
            self.weather = Weather::Calm { until };
        } else if gave_up {
            self.stop_opening();
        }
    }

    fn can_open_more(&self) -> bool {
        self.begun < self.plan.clients && self.opening_count < self.plan.opening_max
    }

    fn is_opened(&self) -> bool {
        self.begun == self.plan.clients && self.opening_count == 0
    }

    /// Nobody gets through any more: a storm with less than all clients is none.
    fn stop_opening(&mut self) {
        self.opening.seconds = (self.now - self.begin).as_secs_f64();
        self.opening
            .stop(self.opening_count, self.plan.clients - self.begun);
        self.note_absent();
        self.begin_leaving();
    }

    /// Kills the server, or, if that was done often enough, lets everybody leave.
    fn strike(&mut self) -> io::Result<()> {
        if self.window.is_none() && self.strikes_left == self.storm.strikes {
            self.meter.begin(self.now)?;
            self.deadline = Some(self.now + self.plan.duration);
        }
        if self.strikes_left == 0 {
            self.window = Some(self.meter.end(self.now)?);
            self.begin_leaving();
            return Ok(());
        }
        self.strikes_left -= 1;
        self.server.kill()?;
        self.tally.struck += u64::from(self.auditor.live_count());
        let until = self.now + self.storm.outage;
        self.weather = Weather::Down { until };
        Ok(())
    }

    fn is_everybody_back(&self) -> bool {
        self.back == self.plan.clients
    }

    /// The time is over, and the server not often enough.
    fn give_up(&mut self) -> io::Result<()> {
        self.window = Some(self.meter.end(self.now)?);
        self.note_absent();
        if self.strikes_left > 0 {
            let left = self.strikes_left;
            self.auditor.note(Fault::Absent, || {
                format!("the time was over {left} strikes too early: give it a longer --duration")
            });
        }
        self.begin_leaving();
        Ok(())
    }

    fn note_absent(&mut self) {
        for (number, member) in self.members.iter().enumerate() {
            if member.stage != Stage::Open {
                let attempts = member.attempts;
                self.auditor.note(Fault::Absent, || {
                    format!("client {number} has no connection after {attempts} attempts")
                });
            }
        }
    }

    fn begin_leaving(&mut self) {
        // Whatever the weather was: there is no limit but that of the goodbyes.
        self.deadline = None;
        let until = self.now + GOODBYE_MAX;
        self.weather = Weather::Leaving { next: 0, until };
    }

    /// Lets the next clients end, and waits until none has a cable any more.
    fn leave(&mut self, next: u32, is_due: bool) {
        let end = (next + GOODBYES_PER_TURN).min(self.plan.clients);
        for number in next..end {
            self.say_farewell(number);
        }
        let until = match self.weather {
            Weather::Leaving { until, .. } if next == end => until,
            _ => self.now + GOODBYE_MAX,
        };
        self.weather = Weather::Leaving { next: end, until };
        if end < self.plan.clients || !(self.is_gone() || is_due) {
            return;
        }
        for (number, member) in self.members.iter().enumerate() {
            if member.cables > 0 {
                self.auditor.note(Fault::Unanswered, || {
                    format!("client {number}: the server did not answer the goodbye")
                });
            }
        }
        let until = self.now + WATCH.max(2 * self.storm.backoff.min);
        self.weather = Weather::Watching { until };
    }

    fn say_farewell(&mut self, number: u32) {
        self.members[number as usize].said_farewell = true;
        self.auditor.reconnects().ended(number, self.now);
        self.call(number, |machine, now, out| machine.end(now, out));
        if self.storm.sabotage == Some(StormSabotage::ComesBackUnasked) {
            self.call(number, |machine, now, out| machine.open(now, out));
        }
    }

    fn is_gone(&self) -> bool {
        self.cables_open == 0
    }
}
