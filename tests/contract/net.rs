//! What a world needs of a network, at whose other end there is the server.

use std::time::Duration;

use allspark_engine::Handle;
use allspark_protocol::Instant;

use crate::pipes::{Incoming, Wire};

/// A network, and the server that it leads to.
pub(crate) trait Net {
    /// How long something may take that must happen. Never reached by a test that passes.
    const PATIENCE: Duration;

    fn now(&self) -> Instant;

    fn server(&self) -> Handle;

    /// Begins to connect to the server. What is written meanwhile is sent later.
    fn connect(&mut self) -> Wire;

    fn write(&mut self, wire: Wire, bytes: &[u8]);

    /// Closes a wire, after what was written is sent.
    fn close(&mut self, wire: Wire);

    /// Closes a wire at once: what was not sent is lost.
    fn cut(&mut self, wire: Wire);

    /// Nothing is read from a wire any more, or again.
    fn stall(&mut self, wire: Wire, stalled: bool);

    /// Lets something happen, before `deadline` if there is one. May return without anything.
    fn turn(&mut self, deadline: Option<Instant>) -> Vec<Incoming>;

    /// Ends the server and asserts that nothing is left.
    fn finish(&mut self);
}
