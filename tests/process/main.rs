//! The process among others: what it writes to may be gone, full or stuck, and it is sent signals.
//! Whatever becomes of that, it serves its clients, and it ends when it is told to.

mod answers;
mod authorization;
mod drain;
mod handover;
mod lines;
mod log;
mod memory;
mod output;
mod server;
mod signals;
