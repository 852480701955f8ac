//! The options of `harness load`.

use std::time::Duration;

use allspark_engine::io::DriverChoice;
use allspark_protocol::parser::ParserKind;
use allspark_transformers::TransformerKind;
use clap::{Args, ValueEnum};

use super::acks::AcksArguments;
use super::conflation::ConflationArguments;
use super::mixed::MixedArguments;
use super::output::OutputArguments;
use super::publish::PublishArguments;
use super::rooms::RoomsArguments;
use super::siege::SiegeArguments;
use super::storm::{self, StormArguments};
use super::times::{PingInterval, parse_duration, parse_ping_interval};
use super::trust::TrustArguments;
use crate::auditor::HeartbeatRule;
use crate::load::app;
use crate::load::dialect::Dialect;
use crate::load::plan::Plan;
use crate::load::spec::Spec;
use crate::load::target::Target;
use crate::workload::Scenario;
use crate::workload::wording::Wording;

/// How many clients connect by default.
const CLIENTS: u32 = 100;

/// How long is measured by default.
const DURATION: Duration = Duration::from_secs(10);

/// The least that a ping may be off its time: what a busy machine needs to schedule anybody.
const TOLERANCE_MIN: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub(crate) struct LoadArguments {
    /// Where the server is: http:// or https://, a host and a port.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    #[command(flatten)]
    trust: TrustArguments,
    /// Where Primus is on the server.
    #[arg(long, default_value = "/primus")]
    pathname: String,
    /// How the clients speak: websockets, faye, uws, engine.io, sockjs or browserchannel.
    #[arg(long, default_value = "websockets")]
    transformer: TransformerKind,
    /// What carries it. engine.io: upgrade, polling, websocket. sockjs: websocket, xhr_streaming,
    /// xhr, eventsource, htmlfile, jsonp. browserchannel: streaming, polling. By default the first.
    #[arg(long)]
    carrier: Option<String>,
    /// The server's parser: json, ejson, msgpack, binary or raw. Messages are the same text with
    /// each.
    #[arg(long, default_value = "json")]
    parser: ParserKind,
    /// How many clients connect. By default 100, in a storm 2000.
    #[arg(long)]
    clients: Option<u32>,
    /// What the clients do.
    #[arg(long, value_enum, default_value_t = ScenarioName::Echo)]
    scenario: ScenarioName,
    /// How long is measured: 10s, 500ms, 2m. By default 10s. A storm is over when everybody is
    /// back, at the latest after this long, by default 2m.
    #[arg(long, value_parser = parse_duration)]
    duration: Option<Duration>,
    /// How long traffic runs before that.
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    warm_up: Duration,
    /// How long messages under way may take to arrive at the end.
    #[arg(long, default_value = "5s", value_parser = parse_duration)]
    drain: Duration,
    /// How many clients publish in a broadcast, or in rooms, or values; or connections, over HTTP.
    #[arg(long, default_value_t = 1)]
    publishers: u32,
    /// Broadcasts at the end of an idle load, each when everyone has got the one before.
    #[arg(long, default_value_t = 0)]
    broadcasts: u32,
    /// Messages that each connection of the scenario churn echoes.
    #[arg(long, default_value_t = 3)]
    messages: u16,
    #[command(flatten)]
    mixed: MixedArguments,
    #[command(flatten)]
    storm: StormArguments,
    #[command(flatten)]
    rooms: RoomsArguments,
    #[command(flatten)]
    conflation: ConflationArguments,
    #[command(flatten)]
    acks: AcksArguments,
    #[command(flatten)]
    publish: PublishArguments,
    #[command(flatten)]
    siege: SiegeArguments,
    /// Messages that each sender keeps under way.
    #[arg(long, default_value_t = 1)]
    depth: u16,
    /// Messages per second of all senders together, whatever the answers; instead of --depth.
    /// In the scenario churn: connections per second that are replaced. In the scenario mixed one
    /// per client if nothing is said.
    #[arg(long)]
    rate: Option<u32>,
    /// Bytes of each message.
    #[arg(long, default_value_t = 128)]
    message_bytes: usize,
    /// Connections that may be opening at the same time, and twice those that may be closing.
    #[arg(long, default_value_t = 256)]
    opening: u32,
    /// Milliseconds between two pings, or off. By default an idle or mixed load asks the
    /// server.
    #[arg(long, value_parser = parse_ping_interval)]
    ping_interval: Option<PingInterval>,
    /// How far a ping may be off its time. By default a tenth of the interval, 200ms at least.
    #[arg(long, value_parser = parse_duration)]
    ping_tolerance: Option<Duration>,
    /// How the load talks to the kernel: auto, uring or epoll.
    #[arg(long, default_value_t)]
    pub(crate) driver: DriverChoice,
    /// The server's process, to read its memory and processor time.
    #[arg(long)]
    server_pid: Option<u32>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// No line per second.
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScenarioName {
    Idle,
    Echo,
    Broadcast,
    Churn,
    Mixed,
    Rooms,
    Conflation,
    Acks,
    Publish,
    Storm,
}

impl LoadArguments {
    /// Makes a plan. Asks the server for its ping interval if that matters and was not given.
    pub(crate) fn plan(&self) -> Result<Plan, String> {
        let scenario = match self.scenario {
            ScenarioName::Idle => Scenario::Idle,
            ScenarioName::Echo => Scenario::Echo,
            ScenarioName::Broadcast => Scenario::Broadcast,
            ScenarioName::Churn => Scenario::Churn,
            ScenarioName::Mixed => Scenario::Mixed,
            ScenarioName::Rooms => Scenario::Rooms,
            ScenarioName::Conflation => Scenario::Conflation,
            ScenarioName::Acks => Scenario::Acks,
            ScenarioName::Publish => Scenario::Publish,
            ScenarioName::Storm => Scenario::Storm,
        };
        let (whom, resumes) = self.trust.choice(&self.url)?;
        let target = Target::parse_any(&self.url, &self.pathname, (&whom, resumes))?;
        let (clients, duration) = match scenario {
            Scenario::Storm => (storm::CLIENTS, storm::DURATION),
            _ => (CLIENTS, DURATION),
        };
        let clients = self.clients.unwrap_or(clients);
        let mut plan = Plan {
            target,
            dialect: Dialect::find(self.transformer, self.carrier.as_deref())?,
            wording: Wording::new(self.parser),
            clients,
            opening_max: self.opening,
            scenario,
            publishers: self.publishers,
            broadcasts: self.broadcasts,
            messages: self.messages,
            mixed: self.mixed.plan(scenario)?,
            storm: self.storm.plan(scenario)?,
            rooms: self.rooms.plan(scenario)?,
            conflation: self.conflation.plan(scenario, clients)?,
            acks: self.acks.plan(scenario)?,
            publish: self.publish.plan(scenario, self.publishers)?,
            siege: self.siege.plan(self.server_pid)?,
            depth: self.depth,
            rate_per_s: match scenario {
                Scenario::Mixed => self.rate.or(Some(clients)),
                _ => self
                    .rate
                    .or_else(|| ConflationArguments::rate(scenario, self.publishers))
                    .or_else(|| self.siege.rate(scenario, clients, self.publishers)),
            },
            message_bytes: self.message_bytes,
            warm_up: self.warm_up,
            duration: self.duration.unwrap_or(duration),
            drain_max: self.drain,
            heartbeat: None,
            server_pid: self.server_pid,
            progress: !self.quiet,
        };
        plan.check()?;
        let others = plan
            .rooms
            .map_or(plan.broadcasts, |rooms| rooms.others_one_in);
        app::check(&plan.target, scenario, others)?;
        plan.heartbeat = self.heartbeat(scenario, &plan.target)?;
        if let Some(mixed) = &plan.mixed {
            mixed.check_stall(plan.heartbeat)?;
        }
        Ok(plan)
    }

    fn heartbeat(
        &self,
        scenario: Scenario,
        target: &Target,
    ) -> Result<Option<HeartbeatRule>, String> {
        let interval = match (self.ping_interval, scenario) {
            (Some(PingInterval::Every(_)), Scenario::Churn | Scenario::Storm) => {
                return Err("where connections come and go pings are not judged".to_owned());
            }
            (Some(PingInterval::Off), _) => None,
            (Some(PingInterval::Every(interval)), _) => Some(interval),
            (None, Scenario::Idle | Scenario::Mixed) => {
                let spec = Spec::fetch(target)?;
                spec.check_parser(self.parser)?;
                spec.ping_interval()
            }
            (
                None,
                Scenario::Echo
                | Scenario::Broadcast
                | Scenario::Rooms
                | Scenario::Conflation
                | Scenario::Acks
                | Scenario::Publish
                | Scenario::Churn
                | Scenario::Storm,
            ) => None,
        };
        Ok(interval.map(|interval| HeartbeatRule {
            interval,
            tolerance: self
                .ping_tolerance
                .unwrap_or_else(|| TOLERANCE_MIN.max(interval / 10)),
        }))
    }
}
