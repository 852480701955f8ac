//! The `allspark` binary: reads its settings, serves, and drains when it is told to end.

mod config;
mod file;
mod flags;
mod log;
mod settings;
mod values;

use std::env;
use std::process::ExitCode;

use config::Command;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code when the command line, the environment or the file is wrong.
const EXIT_MISUSE: u8 = 2;

fn main() -> ExitCode {
    match config::load(env::args_os(), |name| env::var_os(name)) {
        Ok(Command::Serve(settings)) => {
            log::start(settings.log);
            tracing::info!("{settings:?}");
            ExitCode::SUCCESS
        }
        Ok(Command::Print(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("allspark: {reason}");
            ExitCode::from(EXIT_MISUSE)
        }
    }
}
