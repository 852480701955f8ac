//! What stands in front of the application's own routes, where the server of Primus stood: files,
//! and a reverse proxy.
//!
//! Both are handlers of routes ([`Routes`](allspark_engine::Routes)). Neither blocks a shard: files
//! are read, and upstreams are asked, on threads of their own ([`Threads`]), and bodies go through
//! channels with bounds, both ways.
//!
//! | file | what it is |
//! |---|---|
//! | [`threads`] | the threads |
//! | [`proxy`] | [`Proxy`]: asks upstreams |
//! | [`path`] | what a path means to those who decode it |

mod path;
mod proxy;
mod threads;

pub use proxy::{Health, Proxy, ProxyCounts, ProxyError, ProxyOptions, Upstream, UpstreamError};
pub use threads::Threads;
