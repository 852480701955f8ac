//! What connections cost in memory: on the server's side, in the kernel, and here.

use std::io;

use serde::Serialize;

use crate::system::{KernelMemory, ProcessMemory};

/// Memory at one moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) server: Option<ProcessMemory>,
    pub(crate) client: ProcessMemory,
    pub(crate) kernel: KernelMemory,
}

impl Snapshot {
    /// Reads the memory of the server, if its process is known, of this process and of the kernel.
    pub(crate) fn take(server_pid: Option<u32>) -> io::Result<Self> {
        Ok(Self {
            server: server_pid.map(ProcessMemory::of).transpose()?,
            client: ProcessMemory::of(std::process::id())?,
            kernel: KernelMemory::read()?,
        })
    }
}

/// Memory before the first connection, with all of them, and the difference for each of them. A
/// difference that is negative says that something else weighed more than the connections, such as
/// memory that was given back meanwhile: it is not measurable, and none.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct MemoryReport {
    pub(crate) before: Snapshot,
    pub(crate) after: Snapshot,
    pub(crate) connections: u32,
    /// Heap, stacks and buffers of the server, in bytes per connection. None as well if its process
    /// is not known.
    pub(crate) server_rss_anon_per_connection: Option<u64>,
    /// The server's share of all its resident pages, in bytes per connection. None as before.
    pub(crate) server_pss_per_connection: Option<u64>,
    /// The same as the first, of the load generator.
    pub(crate) client_rss_anon_per_connection: Option<u64>,
    /// Slab memory of the kernel for both ends, in bytes per connection.
    pub(crate) kernel_slab_per_connection: Option<u64>,
    /// Buffers of TCP for both ends, in bytes per connection.
    pub(crate) kernel_tcp_per_connection: Option<u64>,
    /// What less is available on this machine, whoever uses it, in bytes per connection.
    pub(crate) machine_per_connection: Option<u64>,
}

impl MemoryReport {
    /// # Panics
    /// If there is no connection to divide by.
    pub(crate) fn between(before: Snapshot, after: Snapshot, connections: u32) -> Self {
        assert!(connections > 0);
        let per_connection = |before: u64, after: u64| {
            let grown = after.checked_sub(before);
            grown.map(|bytes| bytes / u64::from(connections))
        };
        let server = before.server.zip(after.server);
        Self {
            before,
            after,
            connections,
            server_rss_anon_per_connection: server
                .and_then(|(b, a)| per_connection(b.rss_anon_bytes, a.rss_anon_bytes)),
            server_pss_per_connection: server
                .and_then(|(b, a)| per_connection(b.pss_bytes, a.pss_bytes)),
            client_rss_anon_per_connection: per_connection(
                before.client.rss_anon_bytes,
                after.client.rss_anon_bytes,
            ),
            kernel_slab_per_connection: per_connection(
                before.kernel.slab_bytes,
                after.kernel.slab_bytes,
            ),
            kernel_tcp_per_connection: per_connection(
                before.kernel.tcp_bytes,
                after.kernel.tcp_bytes,
            ),
            machine_per_connection: per_connection(
                after.kernel.available_bytes,
                before.kernel.available_bytes,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(server_bytes: u64, available_bytes: u64) -> Snapshot {
        let process = |bytes| ProcessMemory {
            rss_anon_bytes: bytes,
            pss_bytes: bytes,
        };
        Snapshot {
            server: Some(process(server_bytes)),
            client: process(1_000),
            kernel: KernelMemory {
                slab_bytes: 0,
                tcp_bytes: 0,
                available_bytes,
            },
        }
    }

    #[test]
    fn what_became_less_is_not_measurable() {
        let (before, after) = (snapshot(5_000, 900), snapshot(9_000, 1_000));
        let report = MemoryReport::between(before, after, 10);
        assert_eq!(report.server_rss_anon_per_connection, Some(400));
        assert_eq!(report.client_rss_anon_per_connection, Some(0));
        assert_eq!(report.machine_per_connection, None);
        let report = MemoryReport::between(after, before, 10);
        assert_eq!(report.server_rss_anon_per_connection, None);
        assert_eq!(report.server_pss_per_connection, None);
        assert_eq!(report.machine_per_connection, Some(10));
    }
}
