//! The options of `harness sim`.

use std::time::Duration;

use clap::Args;

use super::output::OutputArguments;
use super::times::parse_duration;
use crate::sim::plan::{CLIENTS_MAX, NODES_MAX, Sabotage, SimPlan, SimScenario};

#[derive(Debug, Args)]
pub(crate) struct SimArguments {
    /// How many clients there are.
    #[arg(long, default_value_t = 1000,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(CLIENTS_MAX)))]
    clients: u32,
    /// Everything follows from it. By default another one each time.
    #[arg(long)]
    seed: Option<u64>,
    /// How many seeds are simulated, one after the other, from the first one on. Files get the
    /// report of the last one.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// What happens to the clients.
    #[arg(long, value_enum, default_value_t = SimScenario::Heartbeat)]
    scenario: SimScenario,
    /// How long it takes in virtual time, before all is mended and everybody leaves: 10s, 5m. By
    /// default as long as the scenario needs.
    #[arg(long, value_parser = parse_duration)]
    duration: Option<Duration>,
    /// How many servers there are.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=i64::from(NODES_MAX)))]
    nodes: Option<u16>,
    /// Milliseconds between two pings.
    #[arg(long, default_value_t = 30_000,
          value_parser = clap::value_parser!(u64).range(20_000..=1_800_000))]
    ping_interval: u64,
    /// Clients without a network that show how delays are distributed. By default a million in a
    /// storm, else none.
    #[arg(long)]
    backoffs: Option<u32>,
    /// Break something on purpose, to see whether it is found.
    #[arg(long, value_enum, hide = true)]
    sabotage: Option<Sabotage>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Delays per attempt that a storm shows.
const BACKOFFS_OF_STORM: u32 = 1_000_000;

impl SimArguments {
    /// What to simulate, one plan for each seed.
    pub(crate) fn plans(&self, random: impl FnOnce() -> u64) -> impl Iterator<Item = SimPlan> {
        let first = self.seed.unwrap_or_else(random);
        let mut plan = SimPlan::new(self.scenario, self.clients, first);
        plan.duration = self.duration.unwrap_or(plan.duration);
        plan.sabotage = self.sabotage;
        plan.nodes = self.nodes.unwrap_or(plan.nodes);
        plan.ping_interval = Duration::from_millis(self.ping_interval);
        (0..self.seeds).map(move |number| SimPlan {
            seed: first.wrapping_add(number),
            ..plan.clone()
        })
    }

    /// How many clients without a network there are.
    pub(crate) fn backoffs(&self) -> u32 {
        self.backoffs.unwrap_or(match self.scenario {
            SimScenario::Storm => BACKOFFS_OF_STORM,
            _ => 0,
        })
    }

    /// The options that replay a seed.
    pub(crate) fn replay(&self, seed: u64) -> String {
        let mut command = format!(
            "harness sim --scenario {} --clients {} --seed {seed}",
            self.scenario.name(),
            self.clients,
        );
        if let Some(duration) = self.duration {
            command += &format!(" --duration {}ms", duration.as_millis());
        }
        if let Some(nodes) = self.nodes {
            command += &format!(" --nodes {nodes}");
        }
        if self.ping_interval != 30_000 {
            command += &format!(" --ping-interval {}", self.ping_interval);
        }
        command
    }
}
