//! What a world needs of a network, at whose other end there is the server.

use std::time::Duration;

use allspark_engine::Handle;
use allspark_protocol::Instant;

use crate::pipes::{Cable, Incoming};

/// A network, and the server that it leads to.
pub(crate) trait Net {
    /// How long something may take that must happen. Never reached by a test that passes.
    const PATIENCE: Duration;

    fn now(&self) -> Instant;

    fn server(&self) -> Handle;

    /// Begins to connect to the server. What is written meanwhile is sent later.
    fn connect(&mut self) -> Cable;

    fn write(&mut self, cable: Cable, bytes: &[u8]);

    /// Closes a cable, after what was written is sent.
    fn close(&mut self, cable: Cable);

    /// Closes a cable at once: what was not sent is lost.
    fn cut(&mut self, cable: Cable);

    /// Nothing is read from a cable any more, or again.
    fn stall(&mut self, cable: Cable, stalled: bool);

    /// Lets something happen, before `deadline` if there is one. May return without anything.
    fn turn(&mut self, deadline: Option<Instant>) -> Vec<Incoming>;

    /// Ends the server and asserts that nothing is left.
    fn finish(&mut self);
}
