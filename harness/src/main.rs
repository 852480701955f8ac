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
//! | [`hooks`] | plays the clients and the application of a server with hooks |
//! | [`sim`] | plays many clients of simulated servers, in virtual time |
//! | [`console`] | what is said on the way |
//! | [`driver`] | chooses how the load talks to the kernel |
//! | [`peers`] | puts several servers under the same load |
//! | [`system`] | what the kernel says about processes and itself |
//! | [`report`] | text, JSON and pages with charts |

#![deny(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "they panic when nobody reads any more"
)]

mod auditor;
mod cli;
mod console;
mod driver;
mod hooks;
mod load;
mod peers;
mod report;
mod sim;
mod system;
mod workload;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use cli::{
    Cli, Command, CompareCommand, HooksArguments, LoadArguments, OutputArguments, PeersArguments,
    ReactorsArguments, SimArguments, TransformersArguments,
};
use console::{print, tell};
use hooks::report::HooksReport;
use report::{LoadReport, Report, Run, SimReport};
use system::ProcessMemory;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command line, or what it names, was wrong.
const EXIT_MISUSE: u8 = 2;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Load(arguments) => put_under_load(&arguments),
        Command::Sim(arguments) => simulate(&arguments),
        Command::Hooks(arguments) => put_hooks_under_load(&arguments),
        Command::Compare(CompareCommand::Peers(arguments)) => compare_peers(&arguments),
        Command::Compare(CompareCommand::Transformers(arguments)) => {
            compare_transformers(&arguments)
        }
        Command::Compare(CompareCommand::Reactors(arguments)) => compare_reactors(&arguments),
    }
}

fn put_under_load(arguments: &LoadArguments) -> ExitCode {
    let plan = match arguments.plan() {
        Ok(plan) => plan,
        Err(why) => {
            tell!("harness load: {why}");
            return ExitCode::from(EXIT_MISUSE);
        }
    };
    if let Some(mixed) = &plan.mixed
        && let Err(error) = print(format_args!("seed {}\n", mixed.seed))
    {
        return failed("load", &error);
    }
    let report = match driver::run(arguments.driver, plan) {
        Ok(outcome) => LoadReport::new(outcome),
        Err(error) => return failed("load", &error),
    };
    conclude("load", &report, &arguments.output)
}

fn put_hooks_under_load(arguments: &HooksArguments) -> ExitCode {
    let report = match hooks::run(arguments.plan()) {
        Ok(outcome) => HooksReport::from(outcome),
        Err(error) => return failed("hooks", &error),
    };
    let shown = print(&report);
    let written = arguments
        .json
        .as_deref()
        .map_or(Ok(()), |path| report.write(path));
    match written.and(shown) {
        Err(error) => failed("hooks", &error),
        Ok(()) if report.ok => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
    }
}

/// Simulates each seed. The first line names it, the last one its trace.
fn simulate(arguments: &SimArguments) -> ExitCode {
    let plans = match arguments.plans(allspark_engine::random) {
        Ok(plans) => plans,
        Err(why) => {
            tell!("harness sim: {why}");
            return ExitCode::from(EXIT_MISUSE);
        }
    };
    let mut exit = ExitCode::SUCCESS;
    for plan in plans {
        let seed = plan.seed;
        if let Err(error) = print(format_args!("seed {seed}\n")) {
            return failed("sim", &error);
        }
        let started = Instant::now();
        let memory = || ProcessMemory::of(std::process::id()).ok();
        let outcome = sim::run(plan, || memory().map(|memory| memory.rss_anon_bytes));
        let report = SimReport::new(outcome, started.elapsed().as_secs_f64());
        if !report.ok {
            let replay = arguments.replay(seed);
            if let Err(error) = print(format_args!("replay        {replay}\n")) {
                return failed("sim", &error);
            }
        }
        let concluded = conclude("sim", &report, &arguments.output);
        if concluded != ExitCode::SUCCESS {
            exit = concluded;
        }
    }
    exit
}

fn compare_peers(arguments: &PeersArguments) -> ExitCode {
    let plan = match arguments.plan() {
        Ok(plan) => plan,
        Err(why) => {
            tell!("harness compare: {why}");
            return ExitCode::from(EXIT_MISUSE);
        }
    };
    if arguments.is_over_tls() {
        return match peers::secure::compare(plan, arguments.idle_clients()) {
            Ok(comparison) => conclude("compare", &comparison, &arguments.common.output),
            Err(error) => failed("compare", &error),
        };
    }
    match peers::compare(&plan) {
        Ok(comparison) => conclude("compare", &comparison, &arguments.common.output),
        Err(error) => failed("compare", &error),
    }
}

fn compare_reactors(arguments: &ReactorsArguments) -> ExitCode {
    match peers::reactors::compare(arguments.plan()) {
        Ok(comparison) => conclude("compare", &comparison, &arguments.common.output),
        Err(error) => failed("compare", &error),
    }
}

fn compare_transformers(arguments: &TransformersArguments) -> ExitCode {
    let plan = match arguments.plan() {
        Ok(plan) => plan,
        Err(why) => {
            tell!("harness compare: {why}");
            return ExitCode::from(EXIT_MISUSE);
        }
    };
    match peers::transformers::compare(&plan) {
        Ok(comparison) => conclude("compare", &comparison, &arguments.common.output),
        Err(error) => failed("compare", &error),
    }
}

/// Shows a report, writes it to the files that were asked for, and ends as it says.
fn conclude(command: &str, report: &impl Report, output: &OutputArguments) -> ExitCode {
    // What was asked for as a file is written even if nobody can be shown it.
    let shown = print(report);
    match write(report, output).and(shown) {
        Err(error) => failed(command, &error),
        Ok(()) if report.is_ok() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
    }
}

fn write(report: &impl Report, output: &OutputArguments) -> std::io::Result<()> {
    let run = Run::of_this_process();
    if let Some(path) = &output.json {
        report::write_json(path, report, &run)?;
    }
    if let Some(path) = &output.html {
        report::write_html(path, report, &run)?;
    }
    Ok(())
}

fn failed(command: &str, error: &std::io::Error) -> ExitCode {
    tell!("harness {command}: {error}");
    ExitCode::FAILURE
}
