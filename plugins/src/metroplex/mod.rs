//! `metroplex`: a registry in Redis of which servers there are, and which of them has which spark.
//!
//! | file | what it is |
//! |---|---|
//! | `options`, `address` | how it is set up, and where other servers reach this one |
//! | `plugin` | the interface |
//! | `registry` | the keys in Redis, and what is done with them |
//! | `batch` | sparks that have come and gone, in few commands |
//! | `inbox` | what the thread of the registry is told |
//! | `worker`, `backoff` | that thread |
//! | `events` | who hears of it |

mod address;
mod backoff;
mod batch;
mod events;
mod inbox;
mod options;
mod plugin;
mod registry;
mod worker;

pub use options::MetroplexOptions;
pub use plugin::{Metroplex, RegistryError};
