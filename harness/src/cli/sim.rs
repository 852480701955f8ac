//! The options of `harness sim`.

use std::time::Duration;

use allspark_protocol::parser::ParserKind;
use clap::Args;

use super::output::OutputArguments;
use super::times::parse_duration;
use crate::sim::plan::{CLIENTS_MAX, NODES_MAX, Sabotage, SimPlan, SimScenario};
use crate::workload::wording::Wording;

#[derive(Debug, Args)]
pub(crate) struct SimArguments {
    /// How many clients there are. By default a thousand, or a million in the scenario `backoff`.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(CLIENTS_MAX)))]
    clients: Option<u32>,
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
    /// Milliseconds between two pings. By default 30000.
    #[arg(long, value_parser = clap::value_parser!(u64).range(20_000..=1_800_000))]
    ping_interval: Option<u64>,
    /// The parser of servers and clients: json, ejson, msgpack, binary or raw.
    #[arg(long, default_value = "json")]
    parser: ParserKind,
    /// Break something on purpose, to see whether it is found.
    #[arg(long, value_enum, hide = true)]
    sabotage: Option<Sabotage>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

impl SimArguments {
    /// What to simulate, one plan for each seed.
    ///
    /// # Errors
    /// When an option is about servers and the scenario has none.
    pub(crate) fn plans(
        &self,
        random: impl FnOnce() -> u64,
    ) -> Result<impl Iterator<Item = SimPlan>, &'static str> {
        let is_about_servers =
            self.nodes.is_some() || self.duration.is_some() || self.ping_interval.is_some();
        if self.scenario == SimScenario::Backoff && is_about_servers {
            return Err("backoff has no servers, and so no nodes, duration or ping interval");
        }
        let first = self.seed.unwrap_or_else(random);
        let clients = self.clients.unwrap_or(self.scenario.clients());
        let mut plan = SimPlan::new(self.scenario, clients, first);
        plan.duration = self.duration.unwrap_or(plan.duration);
        plan.wording = Wording::new(self.parser);
        plan.sabotage = self.sabotage;
        plan.nodes = self.nodes.unwrap_or(plan.nodes);
        if let Some(ms) = self.ping_interval {
            plan.ping_interval = Duration::from_millis(ms);
        }
        Ok((0..self.seeds).map(move |number| SimPlan {
            seed: first.wrapping_add(number),
            ..plan.clone()
        }))
    }

    /// The options that replay a seed.
    pub(crate) fn replay(&self, seed: u64) -> String {
        let mut command = format!("harness sim --scenario {}", self.scenario.name());
        if let Some(clients) = self.clients {
            command += &format!(" --clients {clients}");
        }
        command += &format!(" --seed {seed}");
        if let Some(duration) = self.duration {
            command += &format!(" --duration {}ms", duration.as_millis());
        }
        if let Some(nodes) = self.nodes {
            command += &format!(" --nodes {nodes}");
        }
        if self.parser != ParserKind::default() {
            command += &format!(" --parser {}", self.parser);
        }
        if let Some(ms) = self.ping_interval {
            command += &format!(" --ping-interval {ms}");
        }
        command
    }
}
