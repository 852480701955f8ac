//! What the machine grants this process: memory, CPUs, chance.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the kernel lists the groups of this process.
const OWN_GROUPS: &str = "/proc/self/cgroup";

/// Where groups are mounted, in version 2 and for the memory of version 1.
const GROUPS: [(&str, &str); 2] = [
    ("/sys/fs/cgroup", "memory.max"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
];

/// Bytes of memory that this process can have: those of the machine, or of the control group that
/// it is in, if that may have less. `None` if the kernel does not say.
pub(crate) fn memory_bytes() -> Option<u64> {
    let total = fs::read_to_string("/proc/meminfo").ok();
    let total = total.and_then(|text| total_of(&text));
    let own = fs::read_to_string(OWN_GROUPS).unwrap_or_default();
    let limits = GROUPS
        .iter()
        .flat_map(|(root, file)| folders(Path::new(root), &own).map(move |path| path.join(file)))
        .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    total.into_iter().chain(limits).min()
}

/// The CPUs that this process may use, at least one.
pub fn allowed_cpus() -> Vec<usize> {
    let Ok(set) = rustix::thread::sched_getaffinity(None) else {
        return vec![0];
    };
    let cpus: Vec<usize> = (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect();
    if cpus.is_empty() { vec![0] } else { cpus }
}

/// A number that nobody can foresee.
pub fn random() -> u64 {
    let mut bytes = [0; 8];
    fill_random(&mut bytes);
    u64::from_ne_bytes(bytes)
}

pub(crate) fn fill_random(bytes: &mut [u8]) {
    let filled = rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty());
    // The kernel serves requests of up to 256 bytes whole once its pool is set up.
    assert_eq!(filled, Ok(bytes.len()), "the kernel gives no random bytes");
}

/// The total of `/proc/meminfo`.
fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The folders of a process's groups and of all groups around them: each may have a limit. In a
/// container the own one often is the root, whatever the kernel calls it.
fn folders<'p>(root: &'p Path, own_groups: &str) -> impl Iterator<Item = PathBuf> + use<'p> {
    let paths: Vec<PathBuf> = own_groups
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let concerns_memory = controllers.is_empty() || controllers.split(',').any(is_memory);
            concerns_memory.then(|| PathBuf::from(path.trim_start_matches('/')))
        })
        .flat_map(|path| path.ancestors().map(Path::to_owned).collect::<Vec<_>>())
        .chain([PathBuf::new()])
        .collect();
    paths.into_iter().map(move |path| root.join(path))
}

fn is_memory(controller: &str) -> bool {
    controller == "memory"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let meminfo = "MemTotal:       16314036 kB\nMemFree:         1234 kB\n";
        assert_eq!(total_of(meminfo), Some(16_314_036 * 1024));
        assert_eq!(total_of("nonsense"), None);
        let own = "12:memory:/docker/abc\n3:cpu:/elsewhere\n0::/system.slice/a.service\n";
        let paths: Vec<_> = folders(Path::new("/r"), own).collect();
        for path in [
            "/r/docker/abc",
            "/r/docker",
            "/r/system.slice/a.service",
            "/r/",
        ] {
            assert!(paths.contains(&PathBuf::from(path)), "{path}: {paths:?}");
        }
        assert!(!paths.contains(&PathBuf::from("/r/elsewhere")));
    }

    #[test]
    fn this_machine_has_some() {
        assert!(memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
