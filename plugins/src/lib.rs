//! The plugins of Primus.
//!
//! | module | npm package | what it is for |
//! |---|---|---|
//! | [`emit`] | primus-emit | events in both directions |
//! | [`emitter`] | primus-emitter | events with acknowledgements in both directions |

pub mod emit;
pub mod emitter;
pub mod events;
mod look;
#[cfg(test)]
mod testing;
mod waiting;
