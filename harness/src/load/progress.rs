//! Says once per second how a load goes, on the error stream and for the report.

use std::io;
use std::time::Duration;

use allspark_protocol::Instant;

use super::meter::Meter;
use super::series::{Second, Series};
use crate::console::tell;

/// Between two lines.
const INTERVAL: Duration = Duration::from_secs(1);

/// The lines of one load.
#[derive(Debug)]
pub(super) struct Progress {
    begin: Instant,
    next: Instant,
    clients: u32,
    is_shown: bool,
    series: Series,
}

impl Progress {
    /// For a load of so many clients that begins now.
    pub(super) fn new(
        now: Instant,
        clients: u32,
        is_shown: bool,
        server_pid: Option<u32>,
    ) -> io::Result<Self> {
        let mut series = Series::new(server_pid);
        series.begin(now)?;
        Ok(Self {
            begin: now,
            next: now + INTERVAL,
            clients,
            is_shown,
            series,
        })
    }

    /// When the next line is due.
    pub(super) fn next_due(&self) -> Instant {
        self.next
    }

    /// From now on this is the server's process.
    pub(super) fn follow(&mut self, server_pid: u32) {
        self.series.follow(server_pid);
    }

    /// Says how it goes, if a line is due: what is going on, and how many clients are connected.
    pub(super) fn report(
        &mut self,
        now: Instant,
        (phase, open): (&'static str, u32),
        meter: &mut Meter,
    ) -> io::Result<()> {
        if now < self.next {
            return Ok(());
        }
        self.next = now + INTERVAL;
        let tick = meter.tick();
        let since_begin = now - self.begin;
        self.series.tick((now, since_begin), (phase, open), tick)?;
        if self.is_shown {
            tell!(
                "{:>6.1} s  {phase:<12}  {open} of {} connected, {} messages received",
                since_begin.as_secs_f64(),
                self.clients,
                tick.received,
            );
        }
        Ok(())
    }

    pub(super) fn into_seconds(self) -> Vec<Second> {
        self.series.into_seconds()
    }
}
