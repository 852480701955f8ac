//! x
mod auditor;
mod system;
mod workload;
fn main() {}
