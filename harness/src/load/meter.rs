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
    pub(crate) max: f64,
}

/// Counts messages.
pub(crate) struct Meter {
    own_cpu: CpuClock,
    server_cpu: Option<CpuClock>,
    begin: Option<Mark>,
    sent: u64,
    received: u64,
    received_at_last_tick: u64,
    latency_ns: Histogram<u64>,
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
            received_at_last_tick: 0,
            latency_ns: Histogram::new_with_max(LATENCY_NS_MAX, 3)
                .expect("the bounds are constants"),
        }
    }

    /// A client sent a message.
    pub(crate) fn sent(&mut self) {
        self.sent += 1;
    }

    /// A client received a message so long after it was sent.
    pub(crate) fn received(&mut self, latency: Duration) {
        self.received += 1;
        if self.begin.is_some() {
            let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
            self.latency_ns.saturating_record(ns);
        }
    }

    /// Messages that came in since the last call.
    pub(crate) fn tick(&mut self) -> u64 {
        let since = self.received - self.received_at_last_tick;
        self.received_at_last_tick = self.received;
        since
    }

    /// The window opens.
    pub(crate) fn begin(&mut self, now: Instant) -> io::Result<()> {
        self.begin = Some(self.mark(now)?);
        Ok(())
    }

    /// The window closes.
    ///
    /// # Panics
    /// If it was not open.
    pub(crate) fn end(&mut self, now: Instant) -> io::Result<Window> {
        let begin = self.begin.take().expect("a window ends after it began");
        let end = self.mark(now)?;
        let seconds = (end.at - begin.at).as_secs_f64();
        let percent = |used: Duration| 100.0 * used.as_secs_f64() / seconds;
        let server_cpu = begin.server_cpu.zip(end.server_cpu);
        Ok(Window {
            seconds,
            sent: end.sent - begin.sent,
            received: end.received - begin.received,
            received_per_second: (end.received - begin.received) as f64 / seconds,
            latency_us: self.latency(),
            latency_curve: self.latency_curve(),
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

    /// The last point, which nothing was beyond, is where its one message would be one in all.
    fn latency_curve(&self) -> Vec<(f64, f64)> {
        let all = self.latency_ns.len() as f64;
        let steps = self.latency_ns.iter_quantiles(CURVE_POINTS_PER_HALF);
        let points = steps.map(|step| {
            let quantile = step.quantile().min(1.0 - 1.0 / (all + 1.0));
            (quantile, step.value_iterated_to() as f64 / 1000.0)
        });
        points.collect()
    }

    fn latency(&self) -> Latency {
        let us = |ns: u64| ns as f64 / 1000.0;
        let at = |quantile| us(self.latency_ns.value_at_quantile(quantile));
        Latency {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: us(self.latency_ns.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_window_counts() {
        let mut meter = Meter::new(None);
        meter.sent();
        meter.received(Duration::from_secs(9));
        meter.begin(Instant::from_ms(1000)).unwrap();
        for us in 1..=100 {
            meter.sent();
            meter.received(Duration::from_micros(us));
        }
        assert_eq!(meter.tick(), 101);
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
