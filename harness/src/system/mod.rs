//! What the kernel says about a process and about itself, read from `/proc`.
//!
//! It only reads, and a line that is not there (another kernel, another user's process) is an
//! error that names the file, never a zero.

mod cpu;
mod memory;

pub(crate) use cpu::CpuClock;
pub(crate) use memory::{KernelMemory, ProcessMemory};

use std::io;

/// Reads a file of `/proc` and names it if that fails.
fn read(path: &str) -> io::Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
}

/// The number after `label` at the start of a line, in the unit of the file.
fn number_after(text: &str, label: &str, path: &str) -> io::Result<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(label))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| io::Error::other(format!("{path}: no line \"{label}\"")))
}
