//! Files and upstreams behind a server: what clients get, byte by byte, from real sockets.

mod client;
mod files;
mod proxy;
mod upstream;
