//! The server engine: shards that serve sparks on a driver.
pub mod io;
pub mod memory;
