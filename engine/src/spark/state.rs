//! What the engine keeps of one spark, whatever its transformer.

use allspark_protocol::primus::{Heartbeat, SparkId};
use allspark_protocol::transformer::Wire;

use super::{Handlers, KeptRequest, ReadyState};
use crate::memory::Key;

/// The part of a spark that does not depend on the transformer.
pub(crate) struct SparkState {
    pub(crate) id: SparkId,
    /// The connection to which its messages are written as they come.
    pub(crate) stream: Option<Key>,
    pub(crate) request: KeptRequest,
    pub(crate) handlers: Option<Box<Handlers>>,
    /// The offset in the broadcast stream of its wire format up to which it was written to.
    pub(crate) seen: u64,
    pub(crate) wire: Wire,
    pub(crate) ready: ReadyState,
    pub(crate) heartbeat: Heartbeat,
}
