//! `omega-supreme`: who has the password writes to sparks of this server by an HTTP request, and
//! this server writes to sparks of others so.
//!
//! | file | what it is |
//! |---|---|
//! | `options` | how it is set up |
//! | `target`, `credentials` | which requests are meant, and who may ask |
//! | `order`, `reply` | what is asked, and what is answered |
//! | `plugin` | the interface |
//! | `service` | carries it out |
//! | `local` | writes to sparks of this server |
//! | `forward`, `client` | asks other servers |
//! | `cluster` | what knows the other servers |
//! | `pool` | threads |

mod client;
mod cluster;
mod credentials;
mod exchange;
mod forward;
mod local;
mod options;
mod order;
mod plugin;
mod pool;
mod reply;
mod service;
mod target;

pub(crate) use cluster::{Answer, Cluster};
pub use exchange::{Exchange, ForwardError};
pub use forward::Reached;
pub use options::OmegaOptions;
pub(crate) use options::wrong_option;
pub use order::Recipients;
pub use plugin::OmegaSupreme;
