//! Resources, whose methods clients call: npm's primus-resource.
//!
//! It takes [`Emitter`](crate::emitter::Emitter), and
//! [`Multiplex`](crate::multiplex::Multiplex) for resources that have a channel of their own, as
//! they do unless both sides say otherwise. A client that has subscribed, or connected, is told the
//! names of the methods by the event `ready`; a call is an event of such a name.

mod call;
mod methods;
mod plugin;

pub use call::Call;
pub use methods::{Resource, ResourceError};
pub use plugin::{ResourceOptions, Resources};
