//! The command line: what a person writes becomes a plan, or one clear sentence.

mod acks;
mod compare;
mod conflation;
mod hooks;
mod load;
mod mixed;
mod output;
mod publish;
mod reactors;
mod rooms;
mod siege;
mod sim;
mod storm;
mod times;
mod transformers;
mod trust;

use clap::{Parser, Subcommand};

pub(crate) use compare::PeersArguments;
pub(crate) use hooks::HooksArguments;
pub(crate) use load::LoadArguments;
pub(crate) use output::OutputArguments;
pub(crate) use reactors::ReactorsArguments;
pub(crate) use sim::SimArguments;
pub(crate) use transformers::TransformersArguments;

/// Load, audit and comparison for AllSpark.
#[derive(Debug, Parser)]
#[command(name = "harness", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Play many clients of one server, and judge what it does. Exits with 0 if and only if
    /// nothing was wrong.
    Load(Box<LoadArguments>),
    /// Play many clients of simulated servers in virtual time, and judge both. Exits with 0 if and
    /// only if nothing was wrong; the same seed gives the same history.
    Sim(SimArguments),
    /// Send through a server with hooks, be the application that it tells, and judge that. Exits
    /// with 0 if and only if nothing was wrong.
    Hooks(HooksArguments),
    /// Put several servers under the same load, and compare what they reach.
    #[command(subcommand)]
    Compare(CompareCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum CompareCommand {
    /// AllSpark and other servers, one core each, under the same load. By default it takes about
    /// an hour: 22 loads of 3 rounds of 6 servers, each for some 8 seconds. `--size 4096 --size
    /// 16384 --size 65536 --scenario echo --server allspark --server bun` takes three minutes.
    Peers(PeersArguments),
    /// AllSpark and Primus on Node.js, transformer by transformer: memory of idle sessions, and
    /// how many messages they echo.
    Transformers(TransformersArguments),
    /// The same protocol core on our drivers and on the reactors of others, one thread each.
    Reactors(ReactorsArguments),
}
