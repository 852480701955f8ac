//! What files become, and what clients of rustls say to it. The keys in `keys/` were made by
//! OpenSSL; everything else is made when a test runs.

mod handshakes;
mod keys;
mod pki;
mod refusals;
mod reloads;
mod staples;
