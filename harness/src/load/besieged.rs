//! What a load does that is besieged: it is measured before, under and after the attack.

use std::io;

use allspark_engine::io::Driver;

use super::churn::Churn;
use super::meter::Window;
use super::phase::Phase;
use super::runner::Runner;
use super::siege::{Period, Siege};

impl<D: Driver> Runner<D> {
    /// Lets attackers do what is due, if there are any.
    pub(super) fn attack(&mut self) {
        if let Some(siege) = &mut self.siege {
            siege.advance(self.now, &mut self.driver);
            siege.flush(&mut self.driver);
        }
    }

    /// What is going on, while attackers have their time.
    pub(super) fn siege_phase(&self) -> Option<&'static str> {
        let siege = self.siege.as_ref()?;
        self.phase.has_traffic().then(|| siege.stage_name())
    }

    /// Whether a period may be measured before the time to warm up is over.
    pub(super) fn is_siege_ready(&self) -> bool {
        let siege = self.siege.as_ref();
        siege.is_some_and(|siege| siege.is_ready(self.now))
    }

    /// A period of a siege begins to be measured.
    pub(super) fn begin_siege_period(&mut self) {
        if let Some(siege) = &mut self.siege {
            siege.begin_period(self.now);
        }
    }

    /// A window is over. Returns whether another one follows, as in a siege, until the last.
    pub(super) fn besiege_further(&mut self, window: &Window) -> io::Result<bool> {
        let Some(siege) = &mut self.siege else {
            return Ok(false);
        };
        let churn = self.churn.as_ref();
        let churn = churn.map(|churn: &Churn| churn.end_window(window.seconds));
        let period = Period {
            window: window.clone(),
            connections: churn.as_ref().map(|churn| churn.connections),
            opening_us: churn.map(|churn| churn.opening_us),
        };
        let Some(time) = siege.end_period(period, self.now)? else {
            return Ok(false);
        };
        let until = self.now + time;
        self.phase = Phase::WarmUp { until };
        Ok(true)
    }

    /// The window that stands for the whole: of a siege, that under attack.
    pub(super) fn window_of_all(&self, last: Window) -> Window {
        let siege = self.siege.as_ref();
        siege.and_then(Siege::window_under_attack).unwrap_or(last)
    }
}
