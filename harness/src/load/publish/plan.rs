//! Who publishes over HTTP, and how.

use std::fmt;

/// Commands that the server takes in one request.
const BATCH_MAX: u16 = 1_000;

/// Connections that publish.
const CONNECTIONS_MAX: u32 = 10_000;

/// See above.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PublishPlan {
    /// A key of the API with the scope `publish`.
    pub(crate) key: String,
    /// Keep-alive connections, each with one request under way.
    pub(crate) connections: u32,
    /// Messages of each request.
    pub(crate) batch: u16,
}

impl PublishPlan {
    /// Says in one sentence what cannot be done.
    pub(crate) fn check(&self, clients: u32) -> Result<(), String> {
        if !(1..=CONNECTIONS_MAX).contains(&self.connections) || self.connections > clients {
            return Err(format!(
                "connections that publish are at least 1, at most {CONNECTIONS_MAX} and as many as \
                 there are clients"
            ));
        }
        match (1..=BATCH_MAX).contains(&self.batch) {
            true => Ok(()),
            false => Err(format!("a batch has 1 to {BATCH_MAX} messages")),
        }
    }
}

impl fmt::Debug for PublishPlan {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishPlan")
            .field("connections", &self.connections)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}
