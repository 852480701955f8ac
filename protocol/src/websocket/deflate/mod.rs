//! permessage-deflate (RFC 7692): messages that are compressed one by one.
//!
//! | module | what it knows |
//! |---|---|
//! | [`params`] | the four parameters: what is offered and what is agreed on |
//! | [`terms`] | what a server accepts, by the option names of the npm package `ws` |
//! | [`inflate`] | compressed messages become plain ones, within a bound |
//! | [`compress`] | plain messages become compressed ones |
//!
//! It knows nothing of frames: [`Decoder::next_inflating`](super::Decoder::next_inflating) hands it
//! the joined payload of a compressed message, [`encode::compressed`](super::encode::compressed)
//! frames what it made. It never decides which messages are worth it.
//!
//! # Invariants
//! - Without context takeover a message depends on no other, so that one [`Inflater`] and one
//!   [`Deflater`] serve any number of connections, and a compressed message can be shared.
//! - What a message inflates to is held only up to the bound on messages, however much would
//!   follow.
//! - An [`Inflater`] or a [`Deflater`] that has not been used yet owns no heap memory.

pub mod compress;
pub mod inflate;
pub mod params;
pub mod terms;
#[cfg(test)]
mod tests;

pub use compress::{Deflater, Effort};
pub use inflate::Inflater;
pub use params::{Agreement, ClientWindow, Offer, WindowBits};
pub use terms::{ServerContext, Terms, Window};

/// What ends every compressed message and is not sent (RFC 7692, 7.2.1): the end of an empty stored
/// block.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
