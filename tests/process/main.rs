//! The process among others: what it writes to may be gone, full or stuck, and it is sent signals.
//! Whatever becomes of that, it serves its clients, and it ends when it is told to.

mod access;
mod answers;
mod api;
mod asked;
mod authorization;
mod config;
mod confined;
mod container;
mod deploy;
mod drain;
mod faults;
mod handover;
mod hooks;
mod limited;
mod lines;
mod listeners;
mod log;
mod memory;
mod notify;
mod output;
mod reload;
mod secrets;
mod server;
mod signals;
mod tls;
mod trace;
mod traced;
mod web;
