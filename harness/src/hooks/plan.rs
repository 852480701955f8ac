//! What a run is to do.

use std::net::SocketAddr;
use std::time::Duration;

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Where the server is.
    pub(crate) server: SocketAddr,
    /// Where the application is to be.
    pub(crate) listen: SocketAddr,
    pub(crate) clients: u32,
    /// Messages per second, of all clients.
    pub(crate) rate: u32,
    /// Bytes of a message.
    pub(crate) message_bytes: usize,
    /// How long nothing happens to the application, before it is stopped and after each time.
    pub(crate) steady: Duration,
    pub(crate) restarts: u32,
    /// How long it is away each time.
    pub(crate) outage: Duration,
    /// How long it says nothing.
    pub(crate) silence: Duration,
    pub(crate) server_pid: Option<u32>,
    /// How much more memory the server may need than before.
    pub(crate) memory_max: u64,
    /// The least part of the rate that must be told while nothing happens.
    pub(crate) least_part: f64,
}
