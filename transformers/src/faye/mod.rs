//! wip
mod hixie;
