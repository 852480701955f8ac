//! A server's driver on the simulator's network, and a client that is rustls's own.

mod certificates;
mod client;
mod hostile;
mod resuming;
mod sending;
mod stage;
mod talking;
