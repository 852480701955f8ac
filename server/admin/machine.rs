//! What the system says of this process: its memory, and how busy it and its threads are.

use std::fs;

/// Bytes of memory that the process has. `None` where the system does not say.
pub(super) fn resident_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Seconds of processor time that the process has taken.
pub(super) fn processor_s() -> Option<f64> {
    processor_s_in(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Threads whose time is read.
pub(super) struct Threads(Vec<Option<String>>);

impl Threads {
    /// Those that have these names now, in this order. There may be others of the same name later.
    pub(super) fn named(names: impl Iterator<Item = String>) -> Self {
        let entries = fs::read_dir("/proc/self/task").into_iter().flatten();
        let folders = entries.flatten().map(|entry| entry.path());
        let all: Vec<(String, String)> = folders
            .filter_map(|folder| {
                let name = fs::read_to_string(folder.join("comm")).ok()?;
                let stat = folder.join("stat").to_str()?.to_owned();
                Some((name.trim_end().to_owned(), stat))
            })
            .collect();
        let found = |name: String| {
            let thread = all.iter().find(|(known, _)| *known == name);
            thread.map(|(_, stat)| stat.clone())
        };
        Self(names.map(found).collect())
    }

    /// Seconds of processor time that each has taken.
    pub(super) fn processor_s(&self) -> impl Iterator<Item = Option<f64>> {
        let stats = self.0.iter();
        stats.map(|stat| processor_s_in(&fs::read_to_string(stat.as_deref()?).ok()?))
    }
}

/// The fields `utime` and `stime` of proc_pid_stat(5), which stand behind a name in brackets.
fn processor_s_in(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_it() {
        assert!(resident_bytes().unwrap() > 1024 * 1024);
        assert!(processor_s().unwrap() >= 0.0);
        let own = std::thread::current().name().unwrap_or_default().to_owned();
        // The system keeps fifteen characters of a name.
        let own = own.chars().take(15).collect();
        let threads = Threads::named([own, "nobody is so".to_owned()].into_iter());
        let times: Vec<bool> = threads.processor_s().map(|time| time.is_some()).collect();
        assert_eq!(times, [true, false]);
    }

    #[test]
    fn a_name_with_brackets_and_spaces_is_passed_over() {
        let stat = "7 (a ) b) S 1 2 3 4 5 6 7 8 9 10 200 300 0 0 20";
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(processor_s_in(stat), Some(500.0 / ticks));
        assert_eq!(processor_s_in(""), None);
        assert_eq!(processor_s_in("7 (a) S 1"), None);
    }
}
