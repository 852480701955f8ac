//! What the kernel says of the process, under the names that all exporters of Prometheus have for
//! it, and of the threads of shards.

use std::fmt;
use std::fs;
use std::io;

use allspark::Handle;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::metric::Metric;
use super::readings::{Labels, describe};

const CPU: Metric = Metric::counter(
    "process_cpu_seconds_total",
    "Seconds for which the process has had a processor, in user space and in the kernel",
);
const RESIDENT: Metric = Metric::gauge(
    "process_resident_memory_bytes",
    "Memory that the process has, as far as it lies in the machine's",
);
const VIRTUAL: Metric = Metric::gauge(
    "process_virtual_memory_bytes",
    "Addresses that the process has; most of them stand for nothing",
);
const START: Metric = Metric::gauge(
    "process_start_time_seconds",
    "When the process was started, in seconds since 1970",
);
const THREADS: Metric = Metric::gauge("process_threads", "Threads of the process");
const OPEN: Metric = Metric::gauge(
    "process_open_fds",
    "Descriptors that are open; with io_uring connections need none",
);
const OPEN_MAX: Metric = Metric::gauge(
    "process_max_fds",
    "Descriptors that there may be (RLIMIT_NOFILE)",
);
const SHARD_CPU: Metric = Metric::counter(
    "allspark_shard_cpu_seconds_total",
    "Seconds for which the thread of a shard has had a processor: it has one at most",
)
.by(&["shard"]);

/// All of them.
pub(super) const METRICS: &[Metric] = &[
    CPU, RESIDENT, VIRTUAL, START, THREADS, OPEN, OPEN_MAX, SHARD_CPU,
];

/// Descriptors that are counted one by one where the kernel does not say how many there are (before
/// Linux 6.2): with more there is no end to it.
const COUNTED_MAX: usize = 65_536;

/// Reads it.
#[derive(Debug)]
pub(super) struct Process {
    server: Handle,
    /// The moment that the kernel counts from, in seconds since 1970.
    booted_s: Option<f64>,
}

impl Process {
    pub(super) fn new(server: Handle) -> Self {
        let booted_s = fs::read_to_string("/proc/stat").ok().and_then(|text| {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
        });
        Self { server, booted_s }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut tell = |metric: &Metric, number: Option<f64>| match number {
            // What cannot be read is left out.
            None => Ok(()),
            Some(number) => describe(&mut encoder, metric, |values| {
                values.number(&Labels::new(), number)
            }),
        };
        let stat = Stat::read("/proc/self/stat").ok();
        let stat = stat.as_ref();
        tell(&CPU, stat.map(Stat::cpu_s))?;
        tell(&RESIDENT, stat.map(|stat| stat.resident_bytes))?;
        tell(&VIRTUAL, stat.map(|stat| stat.virtual_bytes))?;
        let since_boot = stat.map(|stat| stat.started_s);
        let started = self
            .booted_s
            .zip(since_boot)
            .map(|(boot, since)| boot + since);
        tell(&START, started)?;
        tell(&THREADS, stat.map(|stat| stat.threads))?;
        tell(&OPEN, open_descriptors().ok())?;
        let limit = getrlimit(Resource::Nofile).current;
        tell(
            &OPEN_MAX,
            Some(limit.map_or(f64::INFINITY, |limit| limit as f64)),
        )?;
        describe(&mut encoder, &SHARD_CPU, |values| {
            for (shard, thread) in self.server.threads().into_iter().enumerate() {
                let path = thread.map(|thread| format!("/proc/self/task/{thread}/stat"));
                if let Some(Ok(stat)) = path.map(|path| Stat::read(&path)) {
                    values.number(&vec![("shard", shard.to_string())], stat.cpu_s())?;
                }
            }
            Ok(())
        })
    }
}

/// How many descriptors there are.
fn open_descriptors() -> io::Result<f64> {
    const FOLDER: &str = "/proc/self/fd";
    let said = fs::metadata(FOLDER)?.len();
    if said > 0 {
        return Ok(said as f64);
    }
    Ok(fs::read_dir(FOLDER)?.take(COUNTED_MAX).count() as f64)
}

/// What `stat` says of a process or a thread (proc_pid_stat(5)).
#[derive(Debug, PartialEq)]
struct Stat {
    user_s: f64,
    system_s: f64,
    threads: f64,
    started_s: f64,
    virtual_bytes: f64,
    resident_bytes: f64,
}

impl Stat {
    fn read(path: &str) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let ticks_per_s = clock_ticks_per_second() as f64;
        Self::parse(&text, ticks_per_s, page_size() as f64).ok_or(io::ErrorKind::InvalidData.into())
    }

    /// The name stands in parentheses and may have some itself.
    fn parse(text: &str, ticks_per_s: f64, page_bytes: f64) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        // The state, right behind the name, is the third field.
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| -> Option<f64> { fields.get(number - 3)?.parse().ok() };
        Some(Self {
            user_s: field(14)? / ticks_per_s,
            system_s: field(15)? / ticks_per_s,
            threads: field(20)?,
            started_s: field(22)? / ticks_per_s,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * page_bytes,
        })
    }

    fn cpu_s(&self) -> f64 {
        self.user_s + self.system_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let text = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 13 14 15 16 4 18 900 4096 3 21\n";
        let stat = Stat::parse(text, 100.0, 4096.0).unwrap();
        assert_eq!((stat.user_s, stat.system_s, stat.cpu_s()), (2.5, 0.5, 3.0));
        assert_eq!((stat.threads, stat.started_s), (4.0, 9.0));
        assert_eq!(
            (stat.virtual_bytes, stat.resident_bytes),
            (4096.0, 12_288.0)
        );
        assert_eq!(Stat::parse("7 (a) S 1", 100.0, 4096.0), None);
    }

    #[test]
    fn this_process_is_known() {
        let stat = Stat::read("/proc/self/stat").unwrap();
        assert!(stat.threads >= 1.0 && stat.resident_bytes > 0.0);
        assert!(open_descriptors().unwrap() >= 3.0);
    }
}
