//! Attacks over real sockets on the `allspark` binary: what does a stranger's worst behaviour cost
//! the server, and what does it cost another client?
//!
//! Each attack is played against both drivers with one and with two shards. Meanwhile a witness, an
//! honest client, sends a message a few times per second and waits for its echo. An attack names
//! what it may cost: bytes of memory above the server at rest, at any moment, and the longest wait
//! of the witness. The server must live, and the witness must get every answer.
//!
//! The bounds are those of the server's defaults with room for the allocator; what they replace is
//! orders of magnitude away. Attacks are sized for CI: `HOSTILE_SCALE=20 cargo test --release
//! --test hostile` plays them longer, `HOSTILE_SEED=7` others.

mod attack;
mod http;
mod moment;
mod server;
mod stream;
mod witness;

mod api;
mod authorization;
mod bounds;
mod floods;
mod inflated;
mod packs;
mod pauses;
mod plugins;
mod posts;
mod readers;
mod requests;
mod secure;
mod sessions;
mod slow;
mod waits;
