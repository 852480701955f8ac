//! How much memory a process and the kernel use.

use std::io;

use serde::Serialize;

use super::{number_after, read};

/// Memory of one process, in user space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ProcessMemory {
    /// Resident pages that belong to no file: heap, stacks, buffers.
    pub(crate) rss_anon_bytes: u64,
    /// All resident pages, shared ones divided by how many share them.
    pub(crate) pss_bytes: u64,
}

impl ProcessMemory {
    /// Reads the memory of a process.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let rollup = format!("/proc/{pid}/smaps_rollup");
        Ok(Self {
            rss_anon_bytes: Self::rss_anon_bytes_of(pid)?,
            pss_bytes: number_after(&read(&rollup)?, "Pss:", &rollup)? * 1024,
        })
    }

    /// Reads only what is cheap to read: for the other number the kernel walks all pages.
    pub(crate) fn rss_anon_bytes_of(pid: u32) -> io::Result<u64> {
        let status = format!("/proc/{pid}/status");
        Ok(number_after(&read(&status)?, "RssAnon:", &status)? * 1024)
    }
}

/// Memory of the kernel of this machine, for both ends of each connection and everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KernelMemory {
    /// Slab caches: sockets, files, requests of `io_uring`.
    pub(crate) slab_bytes: u64,
    /// Data that waits in TCP sockets.
    pub(crate) tcp_bytes: u64,
    /// What could still be used by programs; falls by everything that is used.
    pub(crate) available_bytes: u64,
}

impl KernelMemory {
    /// Reads the memory of the kernel.
    pub(crate) fn read() -> io::Result<Self> {
        let meminfo = read("/proc/meminfo")?;
        let kibibytes = |label| number_after(&meminfo, label, "/proc/meminfo");
        let sockstat = read("/proc/net/sockstat")?;
        let tcp_pages = tcp_pages(&sockstat)
            .ok_or_else(|| io::Error::other("/proc/net/sockstat: not understood"))?;
        Ok(Self {
            slab_bytes: kibibytes("Slab:")? * 1024,
            tcp_bytes: tcp_pages * rustix::param::page_size() as u64,
            available_bytes: kibibytes("MemAvailable:")? * 1024,
        })
    }
}

/// The line is `TCP: inuse 5 orphan 0 tw 0 alloc 7 mem 3`.
fn tcp_pages(sockstat: &str) -> Option<u64> {
    let line = sockstat
        .lines()
        .find_map(|line| line.strip_prefix("TCP:"))?;
    let mut words = line.split_whitespace();
    words.find(|&word| word == "mem")?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process_and_this_kernel() {
        let own = ProcessMemory::of(std::process::id()).unwrap();
        assert!(own.rss_anon_bytes > 0 && own.pss_bytes > 0);
        let kernel = KernelMemory::read().unwrap();
        assert!(kernel.slab_bytes > 0 && kernel.available_bytes > kernel.tcp_bytes);
    }

    #[test]
    fn finds_the_pages_of_tcp() {
        let sockstat =
            "sockets: used 9\nTCP: inuse 5 orphan 0 tw 0 alloc 7 mem 3\nUDP: inuse 0 mem 9\n";
        assert_eq!(tcp_pages(sockstat), Some(3));
        assert_eq!(tcp_pages("UDP: mem 9"), None);
    }
}
