//! What stands in front of the application's own routes: files, and a proxy. docs/WEB.md says how
//! they are used, and the crate in web/ does the work.

use allspark_web::{Proxy, Static, Threads, mount};

use crate::assembly::Assembly;

mod bounds;
pub(crate) mod metrics;
pub(crate) mod options;
pub(crate) mod table;

use options::{ProxySection, StaticSection};

/// Adds files and a proxy, if they are wanted, for a server whose Primus has this pathname.
///
/// # Errors
/// They can't be served, in one line.
pub(crate) fn assemble(
    files: &StaticSection,
    proxy: &ProxySection,
    pathname: &str,
    assembly: &mut Assembly,
) -> Result<(), String> {
    let (served, proxied) = (files.options(), proxy.options(pathname));
    if served.is_none() && proxied.is_none() {
        return Ok(());
    }
    let threads = Threads::new(proxy.threads.size());
    let threads = threads.map_err(|error| format!("no thread can be made: {error}"))?;
    let made = proxied.map(|options| Proxy::new(options, &threads));
    let made = made
        .transpose()
        .map_err(|error| format!("proxy: {error}"))?;
    if let Some(made) = &made {
        metrics::of_proxy(&assembly.metrics, made);
    }
    let taken = |error: allspark::RouteError| error.to_string();
    let mut is_mounted = false;
    if let Some(options) = served {
        let made_files =
            Static::new(options, &threads).map_err(|error| format!("static: {error}"))?;
        metrics::of_files(&assembly.metrics, &made_files);
        let made_files = match &made {
            Some(made) if files.path == proxy.path => {
                is_mounted = true;
                made_files.otherwise(made)
            }
            _ => made_files,
        };
        let body_max = if is_mounted { proxy.body_max.size() } else { 0 };
        mount(
            &mut assembly.public,
            &files.path,
            body_max,
            made_files.handler(),
        )
        .map_err(taken)?;
    }
    if let Some(made) = made.filter(|_| !is_mounted) {
        let body_max = proxy.body_max.size();
        mount(&mut assembly.public, &proxy.path, body_max, made.handler()).map_err(taken)?;
    }
    Ok(())
}
