//! How much the driver holds on the way, each bound with its reason. What peers may make a client
//! hold beside this is bounded in [`allspark_protocol::limits`].

use std::time::Duration;

/// Bytes of written messages that wait for the task before [`super::Writer::write`] waits too, and
/// one message more. Enough to keep a fast network busy while tasks take turns.
pub(super) const WAITING_BYTES_MAX: usize = 256 * 1024;

/// Bytes that the links of a client hold for the kernel before the task takes no further command.
pub(super) const UNSENT_BYTES_MAX: usize = 256 * 1024;

/// Bytes of messages that wait to be read by the application before the task reads no more from
/// the network; then the server's queue fills, and it is the server's policy that counts.
pub(super) const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// Events that wait to be read by the application before the task reads no more from the network.
/// One read more may pass, which is [`READ_BYTES`] on the wire.
pub(super) const EVENTS_MAX: usize = 1024;

/// Bytes of one read. One buffer serves all links of a client.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// Bytes of room for what is to be sent that a link keeps when everything is sent.
pub(super) const UNSENT_BYTES_KEPT_MAX: usize = 16 * 1024;

/// How long a link that was closed has to send what is left, and the server to close it too.
pub(super) const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a client that nobody holds any more may take to say goodbye.
pub(super) const ABANDONED_TIMEOUT: Duration = Duration::from_secs(5);
