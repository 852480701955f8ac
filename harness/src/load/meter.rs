//! Counts and times what the clients see, inside the measured window and outside of it.

use std::io;
use std::time::Duration;

use allspark_protocol::Instant;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::system::CpuClock;

/// The longest latency that is told from a longer one. More than a run lasts.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;

/// Points of a latency curve for each halving of what is left: fine enough for a smooth line.
const CURVE_POINTS_PER_HALF: u32 = 4;

/// The shortest window that numbers per second are made of. A broadcast to one client may take
/// less than a reading of the clock.
const WINDOW_MIN: Duration = Duration::from_micros(1);

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Window {
    pub(crate) seconds: f64,
    /// Messages that clients sent.
    pub(crate) sent: u64,
    /// Messages that clients received.
    pub(crate) received: u64,
    pub(crate) received_per_second: f64,
    pub(crate) latency_us: Latency,
    /// Quantiles from 0 to 1, each with the microseconds that it was within.
    pub(crate) latency_curve: Vec<(f64, f64)>,
    /// Processor time of the load generator, in percent of one core.
    pub(crate) client_cpu_percent: f64,
    /// Processor time of the server, in percent of one core, if its process is known.
    pub(crate) server_cpu_percent: Option<f64>,
}

/// From the moment when a message was written, or was due at a fixed rate, to its arrival.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) p9999: f64,
    pub(crate) max: f64,
}

impl Latency {
    pub(super) fn of(latency_ns: &Histogram<u64>) -> Self {
        let us = |ns: u64| ns as f64 / 1000.0;
        let at = |quantile| us(latency_ns.value_at_quantile(quantile));
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: us(latency_ns.max()),
        }
    }
}

/// What happened since the last tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) pings: u64,
    /// Of what was received, if anything was.
    pub(crate) latency_us: Option<Latency>,
}

/// Counts messages. Each is recorded in one histogram only, which is added to the others when a
/// tick or a window ends.
pub(crate) struct Meter {
    own_cpu: CpuClock,
    server_cpu: Option<CpuClock>,
    begin: Option<Mark>,
    sent: u64,
    received: u64,
    pings: u64,
    at_last_tick: Counts,
    /// Since the last tick, beginning or end of a window.
    fresh_ns: Histogram<u64>,
    /// Since the last tick, up to the last beginning or end of a window.
    tick_ns: Histogram<u64>,
    /// In the window, but for what is fresh.
    window_ns: Histogram<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    sent: u64,
    received: u64,
    pings: u64,
}

struct Mark {
    at: Instant,
    own_cpu: Duration,
    server_cpu: Option<Duration>,
    sent: u64,
    received: u64,
}

impl Meter {
    pub(crate) fn new(server_pid: Option<u32>) -> Self {
        Self {
            own_cpu: CpuClock::own(),
            server_cpu: server_pid.map(CpuClock::of),
            begin: None,
            sent: 0,
            received: 0,
            pings: 0,
            at_last_tick: Counts::default(),
            fresh_ns: histogram(),
            tick_ns: histogram(),
            window_ns: histogram(),
        }
    }

    /// A client sent a message.
    pub(crate) fn sent(&mut self) {
        self.sent += 1;
    }

    /// A client received a message; so long after it was sent, if that says something.
    pub(crate) fn received(&mut self, latency: Option<Duration>) {
        self.received += 1;
        let Some(latency) = latency else { return };
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.fresh_ns.saturating_record(ns);
    }

    /// A client was pinged.
    pub(crate) fn pinged(&mut self) {
        self.pings += 1;
    }

    /// What happened since the last call.
    pub(crate) fn tick(&mut self) -> Tick {
        self.settle();
        let now = Counts {
            sent: self.sent,
            received: self.received,
            pings: self.pings,
        };
        let before = std::mem::replace(&mut self.at_last_tick, now);
        let tick = Tick {
            sent: now.sent - before.sent,
            received: now.received - before.received,
            pings: now.pings - before.pings,
            latency_us: (!self.tick_ns.is_empty()).then(|| Latency::of(&self.tick_ns)),
        };
        self.tick_ns.reset();
        tick
    }

    /// A window opens.
    pub(crate) fn begin(&mut self, now: Instant) -> io::Result<()> {
        self.settle();
        self.window_ns.reset();
        self.begin = Some(self.mark(now)?);
        Ok(())
    }

    /// The window closes.
    ///
    /// # Panics
    /// If it was not open.
    pub(crate) fn end(&mut self, now: Instant) -> io::Result<Window> {
        self.settle();
        let begin = self.begin.take().expect("a window ends after it began");
        let end = self.mark(now)?;
        let seconds = (end.at - begin.at).max(WINDOW_MIN).as_secs_f64();
        let percent = |used: Duration| 100.0 * used.as_secs_f64() / seconds;
        let server_cpu = begin.server_cpu.zip(end.server_cpu);
        Ok(Window {
            seconds,
            sent: end.sent - begin.sent,
            received: end.received - begin.received,
            received_per_second: (end.received - begin.received) as f64 / seconds,
            latency_us: Latency::of(&self.window_ns),
            latency_curve: curve(&self.window_ns),
            client_cpu_percent: percent(end.own_cpu.saturating_sub(begin.own_cpu)),
            server_cpu_percent: server_cpu.map(|(begin, end)| percent(end.saturating_sub(begin))),
        })
    }

    fn mark(&self, now: Instant) -> io::Result<Mark> {
        Ok(Mark {
            at: now,
            own_cpu: self.own_cpu.read()?,
            server_cpu: self.server_cpu.as_ref().map(CpuClock::read).transpose()?,
            sent: self.sent,
            received: self.received,
        })
    }

    /// What is fresh is added to where it belongs.
    fn settle(&mut self) {
        let added = "all histograms have the same bounds";
        self.tick_ns.add(&self.fresh_ns).expect(added);
        if self.begin.is_some() {
            self.window_ns.add(&self.fresh_ns).expect(added);
        }
        self.fresh_ns.reset();
    }
}

/// The last point, which nothing was beyond, is where its one message would be one in all.
fn curve(latency_ns: &Histogram<u64>) -> Vec<(f64, f64)> {
    let all = latency_ns.len() as f64;
    let steps = latency_ns.iter_quantiles(CURVE_POINTS_PER_HALF);
    let points = steps.map(|step| {
        let quantile = step.quantile().min(1.0 - 1.0 / (all + 1.0));
        (quantile, step.value_iterated_to() as f64 / 1000.0)
    });
    points.collect()
}

/// An empty histogram of latencies.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(LATENCY_NS_MAX, 3).expect("the bounds are constants")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_window_counts() {
        let mut meter = Meter::new(None);
        meter.sent();
        meter.received(Some(Duration::from_secs(9)));
        meter.begin(Instant::from_ms(1000)).unwrap();
        for us in 1..=100 {
            meter.sent();
            meter.received(Some(Duration::from_micros(us)));
        }
        let tick = meter.tick();
        assert_eq!((tick.sent, tick.received, tick.pings), (101, 101, 0));
        assert!(tick.latency_us.unwrap().max > 8e6, "a tick is not a window");
        meter.pinged();
        let tick = meter.tick();
        assert_eq!((tick.received, tick.pings), (0, 1));
        assert!(tick.latency_us.is_none());
        let window = meter.end(Instant::from_ms(3000)).unwrap();
        assert_eq!((window.sent, window.received), (100, 100));
        assert!((window.received_per_second - 50.0).abs() < 1e-9);
        assert!((window.latency_us.p50 - 50.0).abs() < 0.1, "{window:?}");
        assert!(window.latency_us.max < 101.0);
        let curve = &window.latency_curve;
        let rises = |pair: &[(f64, f64)]| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1;
        assert!(curve.windows(2).all(rises), "{curve:?}");
        let &(quantile, us) = curve.last().unwrap();
        assert!((0.99..1.0).contains(&quantile) && us > 99.0, "{curve:?}");
        assert!(window.server_cpu_percent.is_none());
    }
}
