//! `harness`: load, audit and comparison for AllSpark.
//!
//! Exit codes: 0 if nothing was wrong, 1 if the auditor found something or the run failed, 2 if the
//! command line was wrong.
//!
//! | module | what it is for |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`workload`] | what simulated clients say |
//! | [`auditor`] | judges what was sent and received |
//! | [`load`] | plays many clients of a real server |
//! | [`system`] | what the kernel says about processes and itself |
//! | [`report`] | text and JSON |

mod auditor;
mod cli;
mod driver;
mod load;
mod report;
mod system;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, LoadArguments};
use report::LoadReport;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command line, or what it names, was wrong.
const EXIT_MISUSE: u8 = 2;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Load(arguments) => load(&arguments),
    }
}

fn load(arguments: &LoadArguments) -> ExitCode {
    let plan = match arguments.plan() {
        Ok(plan) => plan,
        Err(why) => {
            eprintln!("harness load: {why}");
            return ExitCode::from(EXIT_MISUSE);
        }
    };
    let report = match driver::run(arguments.driver, plan) {
        Ok(outcome) => LoadReport::new(outcome),
        Err(error) => return failed("load", &error),
    };
    print!("{report}");
    if let Some(path) = &arguments.json
        && let Err(error) = report::write_json(path, &report)
    {
        return failed("load", &error);
    }
    if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn failed(command: &str, error: &std::io::Error) -> ExitCode {
    eprintln!("harness {command}: {error}");
    ExitCode::FAILURE
}
