//! How a load went, second by second.

use std::io;
use std::time::Duration;

use allspark_protocol::Instant;
use serde::Serialize;

use super::meter::{Latency, Tick};
use crate::system::{CpuClock, KernelMemory, ProcessMemory};

/// One second of a load; a little more if the load generator was busy.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Second {
    /// When it ended, since the load began.
    pub(crate) t_ms: u64,
    /// What was going on at its end.
    pub(crate) phase: &'static str,
    /// Clients with an open connection at its end.
    pub(crate) open: u32,
    /// Messages that clients sent.
    pub(crate) sent: u64,
    /// Messages that clients received.
    pub(crate) received: u64,
    /// Of the messages that were received, if there were any.
    pub(crate) latency_us: Option<Latency>,
    /// Pings of Primus that clients received.
    pub(crate) pings: u64,
    /// Processor time of the load generator, in percent of one core.
    pub(crate) client_cpu_percent: f64,
    /// Processor time of the server, in percent of one core, if its process is known and there.
    pub(crate) server_cpu_percent: Option<f64>,
    /// Heap, stacks and buffers of the server, if its process is known and there.
    pub(crate) server_rss_anon_bytes: Option<u64>,
    /// Slab caches of the kernel, for both ends and everything else.
    pub(crate) kernel_slab_bytes: u64,
    /// Data that waits in TCP sockets.
    pub(crate) kernel_tcp_bytes: u64,
}

/// Takes the samples. A server that is not there any more ends no load: its numbers are missing.
#[derive(Debug)]
pub(super) struct Series {
    server_pid: Option<u32>,
    own_cpu: CpuClock,
    server_cpu: Option<CpuClock>,
    last: Option<Mark>,
    seconds: Vec<Second>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    own_cpu: Duration,
    server_cpu: Option<Duration>,
}

impl Series {
    pub(super) fn new(server_pid: Option<u32>) -> Self {
        Self {
            server_pid,
            own_cpu: CpuClock::own(),
            server_cpu: server_pid.map(CpuClock::of),
            last: None,
            seconds: Vec::new(),
        }
    }

    /// The load begins.
    pub(super) fn begin(&mut self, now: Instant) -> io::Result<()> {
        self.last = Some(self.mark(now)?);
        Ok(())
    }

    /// A second is over, in which this happened.
    ///
    /// # Panics
    /// If the load has not begun.
    pub(super) fn tick(
        &mut self,
        (now, since_begin): (Instant, Duration),
        (phase, open): (&'static str, u32),
        tick: Tick,
    ) -> io::Result<()> {
        let mark = self.mark(now)?;
        let last = self.last.replace(mark).expect("a load begins first");
        let elapsed = (mark.at - last.at).as_secs_f64();
        let percent = |used: Duration| 100.0 * used.as_secs_f64() / elapsed;
        let server_cpu = last.server_cpu.zip(mark.server_cpu);
        let kernel = KernelMemory::read()?;
        self.seconds.push(Second {
            t_ms: u64::try_from(since_begin.as_millis()).unwrap_or(u64::MAX),
            phase,
            open,
            sent: tick.sent,
            received: tick.received,
            latency_us: tick.latency_us,
            pings: tick.pings,
            client_cpu_percent: percent(mark.own_cpu.saturating_sub(last.own_cpu)),
            server_cpu_percent: server_cpu.map(|(last, now)| percent(now.saturating_sub(last))),
            server_rss_anon_bytes: self
                .server_pid
                .and_then(|pid| ProcessMemory::rss_anon_bytes_of(pid).ok()),
            kernel_slab_bytes: kernel.slab_bytes,
            kernel_tcp_bytes: kernel.tcp_bytes,
        });
        Ok(())
    }

    pub(super) fn into_seconds(self) -> Vec<Second> {
        self.seconds
    }

    fn mark(&self, at: Instant) -> io::Result<Mark> {
        let server_cpu = self.server_cpu.as_ref();
        Ok(Mark {
            at,
            own_cpu: self.own_cpu.read()?,
            server_cpu: server_cpu.and_then(|clock| clock.read().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_gone_leaves_gaps() {
        let mut series = Series::new(Some(u32::MAX));
        series.begin(Instant::from_ms(500)).unwrap();
        let tick = Tick {
            sent: 1,
            received: 2,
            pings: 3,
            latency_us: None,
        };
        let times = (Instant::from_ms(1500), Duration::from_secs(1));
        series.tick(times, ("measuring", 4), tick).unwrap();
        let [second] = &series.into_seconds()[..] else {
            panic!("there was one tick");
        };
        assert_eq!((second.t_ms, second.open, second.received), (1000, 4, 2));
        assert!(second.server_cpu_percent.is_none() && second.server_rss_anon_bytes.is_none());
        assert!(second.kernel_slab_bytes > 0);
    }
}
