//! The options of hooks under load.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::times::parse_duration;
use crate::hooks::Plan;

#[derive(Debug, Args)]
pub(crate) struct HooksArguments {
    /// Where the server is that tells its hooks.
    #[arg(long, default_value = "127.0.0.1:8080")]
    server: SocketAddr,
    /// Where the application is to be that it tells.
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// WebSockets that send.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    clients: u32,
    /// Messages per second, of all of them.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Bytes of a message, as far as its own numbers are shorter.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    message_size: u16,
    /// How long nothing happens: at first, and after each restart and the silence.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    steady: Duration,
    /// How often the application is stopped and started again.
    #[arg(long, default_value_t = 2)]
    restarts: u32,
    /// How long it is away each time.
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    outage: Duration,
    /// How long it then reads and answers nothing.
    #[arg(long, default_value = "60s", value_parser = parse_duration)]
    silence: Duration,
    /// The process of the server, whose memory is judged.
    #[arg(long)]
    server_pid: Option<u32>,
    /// How many bytes more it may need than before the first client: by default three times the
    /// usual `hooks-queue`, which counts what waits, once more for what goes on at once when there
    /// is room again, and once for its allocator.
    #[arg(long, default_value_t = 3 * 64 * 1024 * 1024)]
    memory_max: u64,
    /// The part of the rate that must be told while nothing happens.
    #[arg(long, default_value_t = 0.95)]
    least_part: f64,
    /// Write the report there as JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
}

impl HooksArguments {
    pub(crate) fn plan(&self) -> Plan {
        Plan {
            server: self.server,
            listen: self.listen,
            clients: self.clients,
            rate: self.rate,
            message_bytes: usize::from(self.message_size),
            steady: self.steady,
            restarts: self.restarts,
            outage: self.outage,
            silence: self.silence,
            server_pid: self.server_pid,
            memory_max: self.memory_max,
            least_part: self.least_part,
        }
    }
}
