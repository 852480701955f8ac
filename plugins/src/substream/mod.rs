//! Named streams within a connection: npm's substream.
//!
//! Each side makes streams by name, as it likes; nothing is said about it. A message for a stream
//! that there is not is `data` of the spark. What is written to a stream goes through the
//! transforms of the server, and what stands around it does not; what comes in goes through them
//! twice, as a whole and as the message within.

mod options;
mod plugin;
mod stream;
mod streams;
mod wire;

pub use options::{Substream, SubstreamApp, SubstreamOptions};
pub use stream::{Stream, SubstreamError, SubstreamSpark};
