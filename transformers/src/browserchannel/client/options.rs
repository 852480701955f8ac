//! The options of a client half.

use allspark_protocol::limits::MESSAGE_BYTES_MAX_DEFAULT;

/// Where a client half connects to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserChannelClientOptions {
    /// Name or address of the server, and the port if it is not 80.
    pub host: String,
    /// Primus's pathname, and a query if there is one. The query is sent with every request.
    pub target: String,
    /// Bytes of the largest message that is taken. Default 10 MiB.
    pub message_bytes_max: usize,
    /// Whether the back channel is streamed. If not, each answer ends with what there is, so that
    /// it also gets through a proxy that holds bytes back. Default true.
    pub streaming: bool,
    /// A random number, new for each client half.
    pub seed: u64,
}

impl Default for BrowserChannelClientOptions {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            target: "/primus".to_owned(),
            message_bytes_max: MESSAGE_BYTES_MAX_DEFAULT,
            streaming: true,
            seed: 0,
        }
    }
}
