//! Hooks: an application in any language is told of sparks and their messages, and answers.
//!
//! It gets requests with batches of events in JSON, and what it answers is carried out:
//! docs/HOOKS.md has the format. A shard only puts events into queues; threads of their own send
//! them, with an HTTP client that blocks (`ureq`).
//!
//! | file | what it is |
//! |---|---|
//! | `options`, `table` | what an operator says |
//! | `kind`, `event` | what an event says |
//! | `plain` | whether every reader of JSON takes a message |
//! | `hooked` | what is kept with a spark |
//! | `before`, `asking` | clients that are asked about before they have one |
//! | `sparks` | what happens to sparks: who waits, who is turned away |
//! | `pace`, `part` | how much the client of a spark may send, and how much of it may wait |
//! | `lane` | what waits to be told, of some sparks, within a bound |
//! | `worker` | tells it: batches, retries, answers |
//! | `reply`, `verdict` | what an application answers |
//! | `warnings` | what of it goes wrong, in the log |
//! | `backoff`, `sign`, `client`, `dead_letters` | what a worker needs |
//! | `metrics`, `reading` | what is counted, and what the dashboard sees of it |
//! | `hooks` | the lanes and threads of a server |

mod asking;
mod backoff;
mod before;
mod client;
mod dead_letters;
mod event;
mod hooked;
#[expect(
    clippy::module_inception,
    reason = "the hooks themselves are a part of this"
)]
mod hooks;
mod kind;
mod lane;
pub(crate) mod metrics;
pub(crate) mod options;
mod pace;
mod part;
mod plain;
mod reading;
mod reply;
mod sign;
mod sparks;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod verdict;
mod warnings;
mod worker;

use std::sync::Arc;

use crate::assembly::Assembly;

pub(crate) use hooked::data_of;
pub(crate) use hooks::Hooks;
pub(crate) use reading::Reading;

use kind::Kind;
use options::HooksOptions;
use sparks::{Before, Behind};

/// Adds what is told to an application, if there is one. Before all plugins, so that these see only
/// messages that the application has room for; behind them it takes what they leave. Returns what
/// it has added, if something.
///
/// # Errors
/// Why it can't be, in one line.
pub(crate) fn assemble(
    options: &HooksOptions,
    assembly: &mut Assembly,
) -> Result<Option<Arc<Hooks>>, String> {
    if !options.is_on() {
        return Ok(None);
    }
    let hooks = Arc::new(Hooks::new(options, &assembly.metrics)?.traced(assembly.tracer.clone()));
    hooks.tell(&assembly.metrics);
    let added = Arc::clone(&hooks);
    let reloaded = Arc::clone(&hooks);
    assembly.on_reload("hooks", move || reloaded.reload());
    if options.asks_before() {
        assembly.builder(allspark::Builder::may_refuse);
    }
    assembly.plugin(Box::new(Before(Arc::clone(&hooks))));
    assembly.when_built(move |primus| {
        if hooks.tells(Kind::Message) {
            let behind = primus.plugin(Behind(Arc::clone(&hooks)));
            behind.map_err(|error| error.to_string())?;
        }
        hooks.start(&primus.handle())?;
        primus.on_close(move |how| {
            if how.close {
                hooks.finish();
            }
        });
        Ok(())
    });
    Ok(Some(added))
}
