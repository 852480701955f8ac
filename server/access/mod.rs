//! The access log: a line for each request that was answered, in a file of its own.
//!
//! Shards make the lines and queue them; a thread of the access log writes.
//!
//! # Invariants
//! - Without an access log nothing is kept of requests, and nobody is asked.
//! - A shard never waits. A line is written whole or counted as lost
//!   (`allspark_access_log_lines_lost_total`), and the log says so.
//! - What peers say is escaped. Queries are left out unless they are asked for, and then what they
//!   hold of credentials is hidden.

mod file;
mod hide;
mod line;
pub(crate) mod options;
pub(crate) mod table;
mod time;

use crate::assembly::Assembly;
use crate::log::{Lines, Log, Tell};
use crate::metrics::metric::Metric;

use file::AccessFile;
use hide::Hide;
use line::Form;
use options::{AccessOptions, Target};

/// What may wait to be written: some 20,000 lines.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is counted.
pub(crate) const METRICS: &[Metric] = &[LINES, LOST];

const LINES: Metric = Metric::counter(
    "allspark_access_log_lines_total",
    "Requests that the access log was told of",
);

const LOST: Metric = Metric::counter(
    "allspark_access_log_lines_lost_total",
    "Lines of the access log that were lost, because they were not written fast enough, or at all",
);

/// Adds the access log, if one is asked for. `secret` are names in queries whose values nobody is
/// to see.
///
/// # Errors
/// Its file can't be opened.
pub(crate) fn assemble(
    options: &AccessOptions,
    secret: Vec<String>,
    assembly: &mut Assembly,
    log: &Log,
) -> Result<(), String> {
    let Some(target) = &options.file else {
        return Ok(());
    };
    let lines = start(target, log)?;
    let (form, hide) = (Form::new(options.format), Hide::new(options.query, secret));
    let told = assembly.metrics.counter(&LINES, &[]);
    let counted = lines.clone();
    assembly
        .metrics
        .counter_of(&LOST, &[], move || counted.lost());
    let ending = lines.clone();
    log.at_end(move |timeout| ending.flush(timeout));
    assembly.builder(|builder| {
        builder.on_answered(move |access| {
            told.inc();
            lines.push(form.line(access, &hide).as_bytes());
        })
    });
    if let Target::File(_) = target {
        let reopen = log.reopen().clone();
        assembly.on_reload("access-log", move || Ok(reopen.ask()));
    }
    Ok(())
}

fn start(target: &Target, log: &Log) -> Result<Lines, String> {
    let lines = match target {
        Target::Stderr => return Ok(log.lines().clone()),
        Target::Stdout => {
            let tell = Tell::Elsewhere(say_lost);
            Lines::start_as("access-log", WAITING_BYTES_MAX, file::Stdout, tell)
        }
        Target::File(path) => {
            let file = AccessFile::open(path, log.reopen().clone());
            let file = file.map_err(|error| format!("access-log-file: {path:?}: {error}"))?;
            let tell = Tell::Elsewhere(say_lost);
            Lines::start_as("access-log", WAITING_BYTES_MAX, file, tell)
        }
    };
    lines.map_err(|error| format!("there can be no access log: {error}"))
}

/// In the log, as a program reads the lines of this one.
fn say_lost(lost: u64) {
    tracing::warn!(
        lost,
        "lines of the access log are lost, because they could not be written"
    );
}
