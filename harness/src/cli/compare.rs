//! The options of `harness compare`.

use std::path::PathBuf;
use std::time::Duration;

use allspark_engine::io::DriverChoice;
use clap::{Args, Subcommand, ValueEnum};

use super::output::OutputArguments;
use super::reactors::ReactorsArguments;
use super::times::parse_duration;
use super::transformers::TransformersArguments;
use crate::load::dialect::Dialect;
use crate::peers::cases::{Case, Conditions};
use crate::peers::roster::Entrant;
use crate::peers::{ComparisonPlan, Stage};
use crate::workload::Scenario;

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

#[derive(Debug, Args)]
pub(crate) struct PeersArguments {
    /// What is asked of the servers; echoes and broadcasts if not given. Rooms are asked of those
    /// that have them: AllSpark, Bun and Socket.IO.
    #[arg(long, value_enum)]
    scenario: Option<PeersScenario>,
    /// Only loads with so many clients; may be given several times.
    #[arg(long = "clients")]
    clients: Vec<u32>,
    /// Only broadcasts by so many publishers; may be given several times.
    #[arg(long = "publishers")]
    publishers: Vec<u32>,
    /// Only loads whose messages are of a size of their own, this one: 64, 1024, 4096, 16384,
    /// 61440 or 65536; may be given several times.
    #[arg(long = "size")]
    sizes: Vec<usize>,
    /// Only these servers; may be given several times.
    #[arg(long = "server", value_enum)]
    servers: Vec<Entrant>,
    #[command(flatten)]
    pub(crate) common: CommonArguments,
}

/// What every comparison can be told.
#[derive(Debug, Args)]
pub(crate) struct CommonArguments {
    /// How often each server has its turn.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) rounds: u32,
    /// How long each turn is measured.
    #[arg(long, default_value = "3s", value_parser = parse_duration)]
    pub(super) duration: Duration,
    /// How long traffic runs before that.
    #[arg(long, default_value = "1s", value_parser = parse_duration)]
    pub(super) warm_up: Duration,
    /// Bytes of each message, where the load does not say how many.
    #[arg(long, default_value_t = 128)]
    pub(super) message_bytes: usize,
    #[command(flatten)]
    stage: StageArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Where servers and the load run, and where the programs of servers are.
#[derive(Debug, Args)]
struct StageArguments {
    /// The processor of the servers.
    #[arg(long, default_value_t = 1)]
    server_cpu: usize,
    /// The processor of the load.
    #[arg(long, default_value_t = 0)]
    client_cpu: usize,
    /// How the load talks to the kernel: auto, uring or epoll.
    #[arg(long, default_value_t)]
    driver: DriverChoice,
    /// AllSpark's program.
    #[arg(long, default_value = "target/release/allspark")]
    allspark: PathBuf,
    /// The program of the peer written in Rust.
    #[arg(long, default_value = "target/release/peer-tungstenite")]
    tungstenite: PathBuf,
    /// The program of the bare loops.
    #[arg(long, default_value = "target/release/peer-floor")]
    floor: PathBuf,
    /// The folder of the peers written in JavaScript.
    #[arg(long, default_value = "harness/peers")]
    peers_directory: PathBuf,
}

impl CommonArguments {
    pub(super) fn stage(&self) -> Stage {
        let stage = &self.stage;
        Stage {
            server_cpu: stage.server_cpu,
            client_cpu: stage.client_cpu,
            driver: stage.driver,
            peers_directory: stage.peers_directory.clone(),
            allspark: stage.allspark.clone(),
            tungstenite: stage.tungstenite.clone(),
            floor: stage.floor.clone(),
            reactors_directory: PathBuf::new(),
        }
    }

    /// What is the same for every case, if all clients are plain WebSockets.
    pub(super) fn conditions(&self) -> Conditions {
        Conditions {
            dialect: Dialect::WEBSOCKETS,
            warm_up: self.warm_up,
            duration: self.duration,
            message_bytes: self.message_bytes,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ScenarioName {
    Echo,
    Broadcast,
}

impl ScenarioName {
    /// The cases of a scenario, or all of them.
    pub(super) fn choose(name: Option<Self>, cases: &[Case]) -> Vec<Case> {
        let wanted = name.map(|name| match name {
            Self::Echo => Scenario::Echo,
            Self::Broadcast => Scenario::Broadcast,
        });
        let is_wanted = |case: &Case| wanted.is_none_or(|wanted| case.scenario == wanted);
        cases.iter().copied().filter(is_wanted).collect()
    }
}

/// What is asked of peers: of those that have rooms, rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PeersScenario {
    Echo,
    Broadcast,
    Rooms,
}

impl PeersScenario {
    /// The cases of a scenario, or all but those of rooms, and who can take part.
    fn choose(name: Option<Self>) -> (Vec<Case>, &'static [Entrant]) {
        let name = match name {
            Some(Self::Rooms) => return (Case::ROOMS.to_vec(), &Entrant::ROOMS),
            Some(Self::Echo) => Some(ScenarioName::Echo),
            Some(Self::Broadcast) => Some(ScenarioName::Broadcast),
            None => None,
        };
        (ScenarioName::choose(name, &Case::ALL), &Entrant::ALL)
    }
}

impl PeersArguments {
    /// What to compare.
    ///
    /// # Errors
    /// If nothing is left to compare.
    pub(crate) fn plan(&self) -> Result<ComparisonPlan, String> {
        let (mut cases, all) = PeersScenario::choose(self.scenario);
        cases.retain(|case| self.wants(case));
        if cases.is_empty() {
            return Err("there is no such load".to_owned());
        }
        let is_wanted =
            |entrant: &Entrant| self.servers.is_empty() || self.servers.contains(entrant);
        let entrants: Vec<Entrant> = all.iter().copied().filter(is_wanted).collect();
        if entrants.is_empty() {
            return Err("none of these servers can do that".to_owned());
        }
        Ok(ComparisonPlan {
            entrants,
            cases,
            rounds: self.common.rounds,
            conditions: self.common.conditions(),
            has_budgets: true,
            stage: self.common.stage(),
        })
    }

    fn wants(&self, case: &Case) -> bool {
        fn is_among<N: PartialEq>(numbers: &[N], number: N) -> bool {
            numbers.is_empty() || numbers.contains(&number)
        }
        let has_size = match case.message_bytes {
            Some(bytes) => is_among(&self.sizes, bytes),
            None => self.sizes.is_empty(),
        };
        has_size
            && is_among(&self.clients, case.clients)
            && is_among(&self.publishers, case.publishers)
    }
}
