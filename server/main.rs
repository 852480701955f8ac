//! The `allspark` binary: reads its settings, serves, and drains when it is told to end; or writes
//! the client library.

#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when nobody reads any more"
)]

mod access;
mod admin;
mod api;
mod asked_url;
mod assembly;
mod authorization_table;
mod config;
mod counts;
mod digests;
#[cfg(test)]
mod docs;
mod drain;
mod durations;
mod file;
mod file_bytes;
mod flags;
mod handover;
mod health;
mod health_command;
mod hidden;
mod hooks;
mod library_command;
mod listen;
mod listener;
mod log;
mod metrics;
mod nearest;
mod notify;
mod of_primus;
mod origin;
mod output;
mod page;
mod places;
mod plugin_settings;
mod reload;
mod roots;
mod said;
mod save;
mod serve;
mod setting;
mod settings;
mod signals;
mod systemd;
mod table;
mod tls_sections;
mod tls_table;
mod trace;
mod traced;
mod web;

use std::env;
use std::process::ExitCode;

use config::{Command, Told};
use serve::Failure;
use settings::Settings;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

allspark_engine::refuse_huge_pages!();

/// The exit code when the server cannot start, or the library cannot be written.
const EXIT_FAILURE: u8 = 1;

/// The exit code when the command line, the environment or the file is wrong.
const EXIT_MISUSE: u8 = 2;

/// The exit code when a shard has failed (`EX_SOFTWARE` of sysexits.h): the server has ended and
/// should be started again.
const EXIT_SHARD_FAILURE: u8 = 70;

fn main() -> ExitCode {
    match config::load(env::args_os(), env::vars_os()) {
        Ok(Command::Serve(settings, told)) => serve(&settings, told),
        Ok(Command::Library(settings, flags)) => done(library_command::run(&settings, &flags)),
        Ok(Command::AdminPassword(name)) => {
            done(admin::print_hash(&name).and_then(|line| output::print(line.as_bytes())))
        }
        Ok(Command::Health(target)) => done(health_command::run(&target)),
        Ok(Command::Print(text)) => done(output::print(text.as_bytes())),
        Ok(Command::Complain(lines)) => {
            lines.iter().for_each(|line| output::complain(line));
            ExitCode::from(EXIT_MISUSE)
        }
        Err(reason) => fail(&reason, EXIT_MISUSE),
    }
}

fn serve(settings: &Settings, told: Told) -> ExitCode {
    let log = match log::start(settings.log, settings.log_format) {
        Ok(log) => log,
        Err(error) => return fail(&format!("there can be no log: {error}"), EXIT_FAILURE),
    };
    let (last_line, code) = ending(serve::run(settings, told, &log));
    log.end(last_line);
    ExitCode::from(code)
}

/// The last line of the log, and the exit code.
fn ending(served: Result<(), Failure>) -> (Option<String>, u8) {
    match served {
        Ok(()) => (None, 0),
        Err(Failure::Start(reason)) => (Some(complaint(&reason)), EXIT_FAILURE),
        Err(Failure::Shard(reason)) => (Some(complaint(&reason)), EXIT_SHARD_FAILURE),
    }
}

fn done(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&reason, EXIT_FAILURE),
    }
}

fn fail(reason: &str, code: u8) -> ExitCode {
    output::complain(&complaint(reason));
    ExitCode::from(code)
}

fn complaint(reason: &str) -> String {
    format!("allspark: {reason}")
}
