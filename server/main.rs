//! The `allspark` binary: reads its settings, serves, and drains when it is told to end; or writes
//! the client library.

mod config;
mod counts;
mod file;
mod flags;
mod library_command;
mod listen;
mod log;
mod nearest;
mod page;
mod save;
mod serve;
mod settings;
mod values;

use std::env;
use std::process::ExitCode;

use config::Command;
use serve::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code when the server cannot start, or the library cannot be written.
const EXIT_FAILURE: u8 = 1;

/// The exit code when the command line, the environment or the file is wrong.
const EXIT_MISUSE: u8 = 2;

/// The exit code when a shard has failed (`EX_SOFTWARE` of sysexits.h): the server has ended and
/// should be started again.
const EXIT_SHARD_FAILURE: u8 = 70;

fn main() -> ExitCode {
    match config::load(env::args_os(), env::vars_os()) {
        Ok(Command::Serve(settings)) => {
            log::start(settings.log);
            match serve::run(&settings) {
                Ok(()) => ExitCode::SUCCESS,
                Err(Failure::Start(reason)) => fail(&reason, EXIT_FAILURE),
                Err(Failure::Shard(reason)) => fail(&reason, EXIT_SHARD_FAILURE),
            }
        }
        Ok(Command::Library(settings, flags)) => match library_command::run(&settings, &flags) {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => fail(&reason, EXIT_FAILURE),
        },
        Ok(Command::Print(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(reason) => fail(&reason, EXIT_MISUSE),
    }
}

fn fail(reason: &str, code: u8) -> ExitCode {
    eprintln!("allspark: {reason}");
    ExitCode::from(code)
}
