//! What stands in front of the application's own routes, where the server of Primus stood: files,
//! and a reverse proxy.
//!
//! Both are handlers of routes ([`mount`]). Neither blocks a shard: files are read, and upstreams
//! are asked, on threads of their own ([`Threads`]), and bodies go through channels with bounds,
//! both ways.
//!
//! | file | what it is |
//! |---|---|
//! | `threads` | the threads |
//! | `proxy` | [`Proxy`]: asks upstreams |
//! | `files` | [`Static`]: serves a folder of files |
//! | `path` | what a path means to those who decode it |

use allspark_engine::{Reply, RouteError, RouteRequest, Routes};

mod files;
mod path;
mod proxy;
mod threads;

pub use files::{Static, StaticCounts, StaticError, StaticOptions};
pub use proxy::{Health, Proxy, ProxyCounts, ProxyError, ProxyOptions, Upstream, UpstreamError};
pub use threads::Threads;

/// Adds a handler for everything below a path, whatever the method, with bodies of at most
/// `body_bytes_max` bytes. Below `/` is every path that no other route has.
///
/// # Errors
/// A route has the path.
pub fn mount(
    routes: &mut Routes,
    path: &str,
    body_bytes_max: usize,
    handler: impl Fn(&RouteRequest<'_>) -> Reply + Send + Sync + Clone + 'static,
) -> Result<(), RouteError> {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        routes.otherwise(body_bytes_max, handler);
        return Ok(());
    }
    for pattern in [
        path.to_owned(),
        format!("{path}/"),
        format!("{path}/{{*rest}}"),
    ] {
        routes.add_streamed("*", &pattern, body_bytes_max, handler.clone())?;
    }
    Ok(())
}
