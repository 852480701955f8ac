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

/// Memory before the first connection, with all of them, and the difference for each of them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct MemoryReport {
    pub(crate) before: Snapshot,
    pub(crate) after: Snapshot,
    pub(crate) connections: u32,
    /// Heap, stacks and buffers of the server, in bytes per connection.
    pub(crate) server_rss_anon_per_connection: Option<i64>,
    /// The server's share of all its resident pages, in bytes per connection.
    pub(crate) server_pss_per_connection: Option<i64>,
    /// The same as the first, of the load generator.
    pub(crate) client_rss_anon_per_connection: i64,
    /// Slab memory of the kernel for both ends, in bytes per connection.
    pub(crate) kernel_slab_per_connection: i64,
    /// Buffers of TCP for both ends, in bytes per connection.
    pub(crate) kernel_tcp_per_connection: i64,
    /// What less is available on this machine, whoever uses it, in bytes per connection.
    pub(crate) machine_per_connection: i64,
}

impl MemoryReport {
    /// # Panics
    /// If there is no connection to divide by.
    pub(crate) fn between(before: Snapshot, after: Snapshot, connections: u32) -> Self {
        assert!(connections > 0);
        let per_connection = |before: u64, after: u64| {
            (after.cast_signed() - before.cast_signed()) / i64::from(connections)
        };
        let server = before.server.zip(after.server);
        Self {
            before,
            after,
            connections,
            server_rss_anon_per_connection: server
                .map(|(b, a)| per_connection(b.rss_anon_bytes, a.rss_anon_bytes)),
            server_pss_per_connection: server
                .map(|(b, a)| per_connection(b.pss_bytes, a.pss_bytes)),
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
