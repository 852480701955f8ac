//! How much processor time a process has used.

use std::io;
use std::time::Duration;

use super::read;

/// Reads the processor time of one process, user and system together.
#[derive(Clone, Debug)]
pub(crate) struct CpuClock {
    path: String,
    ticks_per_second: u64,
}

impl CpuClock {
    /// The clock of another process.
    pub(crate) fn of(pid: u32) -> Self {
        Self::at(format!("/proc/{pid}/stat"))
    }

    /// The clock of this process.
    pub(crate) fn own() -> Self {
        Self::at("/proc/self/stat".to_owned())
    }

    fn at(path: String) -> Self {
        Self {
            path,
            ticks_per_second: rustix::param::clock_ticks_per_second(),
        }
    }

    /// Processor time since the process began, to the hundredth of a second.
    pub(crate) fn read(&self) -> io::Result<Duration> {
        let stat = read(&self.path)?;
        let ticks = user_and_system_ticks(&stat)
            .ok_or_else(|| io::Error::other(format!("{}: not understood", self.path)))?;
        Ok(Duration::from_millis(ticks * 1000 / self.ticks_per_second))
    }
}

/// Fields 14 and 15. The second field, the name, may hold spaces and brackets: count from its end.
fn user_and_system_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_times_behind_a_strange_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 7 8 20 0 1 0 99 1 1";
        assert_eq!(user_and_system_ticks(stat), Some(300));
        assert_eq!(user_and_system_ticks("42 (a) S 1"), None);
    }

    #[test]
    fn reads_its_own_time_and_refuses_a_process_that_is_not_there() {
        assert!(CpuClock::own().read().is_ok());
        let error = CpuClock::of(u32::MAX).read().unwrap_err();
        assert!(error.to_string().contains("/proc/4294967295/stat"));
    }
}
