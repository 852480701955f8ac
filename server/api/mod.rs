//! The publishing API: what applications in any language ask of the server over HTTP. docs/API.md
//! describes it for those who use it, docs/openapi.json for their tools.
//!
//! | file | what it is |
//! |---|---|
//! | [`routes`] | the table of routes, and who is let in |
//! | [`command`], [`message`] | what can be asked for, as hooks and the dashboard ask, too |
//! | [`publish`], [`sparks`], [`rooms`], [`stats`] | what the routes do |
//! | [`gather`] | pages of lists |
//! | [`gate`], [`keys`], [`scope`], [`pace`] | who may ask, for what, and how fast |
//! | [`replays`] | what was answered to requests that come again |
//! | [`worker`] | the thread that carries out what takes longer |
//! | [`metrics`] | what it counts |
//! | [`more`] | routes of other parts of the server |
//!
//! # Invariants
//! - No shard waits: a short command is read by the shard that its request came to, everything else
//!   by a thread of its own, for which a bounded number of requests waits.
//! - An answer is bounded, and a walk over sparks or rooms is made in portions.
//! - No key is in the log, in an error or in a debug output.

use std::sync::Arc;

pub(crate) mod command;
pub(crate) mod error;
pub(crate) mod metrics;
pub(crate) mod more;
pub(crate) mod options;
pub(crate) mod scope;
pub(crate) mod table;

mod answer;
mod gate;
mod gather;
mod keys;
mod message;
mod pace;
mod publish;
mod replays;
mod rooms;
mod routes;
mod service;
mod sparks;
mod stats;
mod worker;

use crate::assembly::Assembly;
use gate::Gate;
use metrics::Counts;
use options::ApiOptions;
use service::Service;
use worker::Worker;

/// Adds the API, with what other parts have added to it.
///
/// # Errors
/// Why there can be none, in one line.
pub(crate) fn assemble(assembly: &mut Assembly, options: &ApiOptions) -> Result<(), String> {
    let worker = Worker::start().map_err(|error| format!("the API needs a thread: {error}"))?;
    metrics::tell_waiting(&assembly.metrics, worker.waiting());
    let counts = Counts::new(&assembly.metrics);
    let tracer = assembly.tracer.clone();
    let service = Arc::new(Service::new(Gate::new(options, counts)?, worker, tracer));
    let mut more = std::mem::take(&mut assembly.api);
    routes::add(assembly.for_operators(), &service, options, &mut more)?;
    let reloaded = Arc::clone(&service);
    assembly.on_reload("api", move || reloaded.gate.reload());
    assembly.when_built(move |primus| {
        service.follow(primus.handle());
        tracing::info!(
            keys = service.gate.keys(),
            "the API is at {}",
            options::PATH
        );
        Ok(())
    });
    Ok(())
}
