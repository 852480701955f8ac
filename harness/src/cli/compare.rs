//! The options of `harness compare peers`, and those that all comparisons have.

use std::path::PathBuf;
use std::time::Duration;

use allspark_engine::io::DriverChoice;
use clap::{Args, ValueEnum};

use super::output::OutputArguments;
use super::times::parse_duration;
use crate::load::dialect::Dialect;
use crate::peers::cases::{Case, Conditions};
use crate::peers::roster::Entrant;
use crate::peers::stage::Stage;
use crate::peers::{ComparisonPlan, secure};
use crate::workload::Scenario;

/// Connections over TLS that are held idle by default.
const IDLE_CLIENTS: u32 = 20_000;

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
    /// Over TLS: echoes, broadcasts, handshakes and idle connections of AllSpark, Primus and Bun.
    #[arg(long)]
    tls: bool,
    /// Over TLS, how many connections are held idle to see what they cost; 0 for none. By default
    /// 20000, or none if only some loads are wanted.
    #[arg(long)]
    idle_clients: Option<u32>,
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
            tls: None,
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
    /// Over TLS only: connections that come and go.
    Churn,
    /// Over TLS only: connections that are held.
    Idle,
}

impl PeersScenario {
    /// The cases of a scenario, or all but those of rooms, and who can take part.
    fn choose(name: Option<Self>) -> (Vec<Case>, &'static [Entrant]) {
        let name = match name {
            Some(Self::Rooms) => return (Case::ROOMS.to_vec(), &Entrant::ROOMS),
            Some(Self::Churn | Self::Idle) => return (Vec::new(), &Entrant::ALL),
            Some(Self::Echo) => Some(ScenarioName::Echo),
            Some(Self::Broadcast) => Some(ScenarioName::Broadcast),
            None => None,
        };
        (ScenarioName::choose(name, &Case::ALL), &Entrant::ALL)
    }

    /// The cases over TLS.
    fn choose_secure(name: Option<Self>) -> Vec<Case> {
        let is_wanted = |case: &Case| match name {
            None => true,
            Some(Self::Echo) => case.scenario == Scenario::Echo,
            Some(Self::Broadcast) => case.scenario == Scenario::Broadcast,
            Some(Self::Churn) => case.scenario == Scenario::Churn,
            Some(Self::Rooms | Self::Idle) => false,
        };
        Case::TLS.into_iter().filter(is_wanted).collect()
    }
}

impl PeersArguments {
    /// What to compare.
    ///
    /// # Errors
    /// If nothing is left to compare.
    pub(crate) fn plan(&self) -> Result<ComparisonPlan, String> {
        let (mut cases, all): (_, &[Entrant]) = match self.tls {
            true => (
                PeersScenario::choose_secure(self.scenario),
                &secure::ENTRANTS,
            ),
            false => PeersScenario::choose(self.scenario),
        };
        cases.retain(|case| self.wants(case));
        if self.idle_clients.is_some() && !self.tls {
            return Err("--idle-clients belongs to --tls".to_owned());
        }
        if cases.is_empty() && self.idle_clients() == 0 {
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
            has_budgets: !self.tls,
            stage: self.common.stage(),
        })
    }

    /// Whether all is to be over TLS.
    pub(crate) const fn is_over_tls(&self) -> bool {
        self.tls
    }

    /// How many connections are to be held idle.
    pub(crate) fn idle_clients(&self) -> u32 {
        let is_all = self.sizes.is_empty() && self.clients.is_empty() && self.publishers.is_empty();
        let is_wanted = matches!(self.scenario, None | Some(PeersScenario::Idle));
        match self.idle_clients {
            Some(clients) => clients,
            None if self.tls && is_all && is_wanted => IDLE_CLIENTS,
            None => 0,
        }
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
