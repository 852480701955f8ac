//! `GET /metrics`: everything that is counted, in the form of OpenMetrics, which Prometheus asks
//! for. docs/METRICS.md has all of it, made of the tables that [`names`] joins.
//!
//! | file | what it is |
//! |---|---|
//! | [`registry`] | what parts of the server count with |
//! | [`metric`], [`names`] | what is known of a metric, and the tables of all of them |
//! | [`engine`] | what shards count |
//! | [`whole`] | what is counted for the whole server, and its bounds |
//! | [`process`] | what the kernel says of the process |
//! | [`readings`] | values that are read when somebody asks |
//! | [`scrape`] | the route, and the thread that answers |
//!
//! A shard counts in cells of its own and does nothing else for it: what is told is put together on
//! a thread of its own, so a request for it never keeps a shard from its work.

use crate::assembly::Assembly;
use crate::log::Lines;

mod engine;
pub(crate) mod metric;
pub(crate) mod names;
pub(crate) mod options;
mod process;
mod readings;
pub(crate) mod registry;
mod scrape;
pub(crate) mod table;
mod whole;

use options::MetricsOptions;
use registry::Metrics;

/// Adds them.
///
/// # Errors
/// There can be no thread for them.
pub(crate) fn assemble(
    options: &MetricsOptions,
    assembly: &mut Assembly,
    log: Lines,
) -> Result<(), String> {
    if !options.enabled {
        return Ok(());
    }
    let metrics = assembly.metrics.clone();
    scrape::add_route(assembly.for_operators(), metrics.clone())?;
    metrics.counter_of(&whole::LINES_LOST, &[], move || log.lost());
    assembly.when_started(move |server| {
        metrics.collect(engine::Shards::new(server.handle()));
        metrics.collect(process::Process::new(server.handle()));
        whole::add(&metrics, server);
        assert_documented(&metrics);
        Ok(())
    });
    Ok(())
}

/// What a part counts with stands in a table that [`names`] joins, or nobody would read of it.
fn assert_documented(metrics: &Metrics) {
    if cfg!(debug_assertions) {
        let tables = names::tables();
        let known: Vec<&str> = tables
            .iter()
            .flat_map(|(_, metrics)| metrics.iter().map(|metric| metric.name))
            .collect();
        let unknown = metrics.unknown(|name| known.contains(&name));
        assert!(
            unknown.is_empty(),
            "server/metrics/names.rs lacks {unknown:?}"
        );
    }
}

#[cfg(test)]
mod docs;
#[cfg(test)]
mod grammar;
#[cfg(test)]
mod tests;
