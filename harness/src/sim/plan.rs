//! What is simulated.

use std::time::Duration;

use allspark_engine::Drain;
use allspark_protocol::primus::BackoffOptions;
use clap::ValueEnum;

use crate::workload::message::MESSAGE_BYTES_MIN;
use crate::workload::wording::Wording;

/// What happens to the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimScenario {
    /// They hold their connections; one in a hundred falls silent.
    Heartbeat,
    /// Every server is gone for a minute.
    Outage,
    /// One server after the other is drained, stopped and started again.
    RollingRestart,
    /// Everybody loses the connection in the same moment.
    Storm,
    /// They are in rooms, in which somebody talks; some of them read slowly, or come and go.
    Rooms,
    /// Everything that can go wrong does, now and then.
    Faults,
    /// There is no server: everybody goes through all attempts to connect again.
    Backoff,
}

impl SimScenario {
    /// The name on the command line and in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Outage => "outage",
            Self::RollingRestart => "rolling-restart",
            Self::Storm => "storm",
            Self::Rooms => "rooms",
            Self::Faults => "faults",
            Self::Backoff => "backoff",
        }
    }

    /// What the clients say meanwhile. Under faults the seed decides.
    pub(super) const fn talk(self) -> Talk {
        match self {
            Self::Heartbeat | Self::Backoff => Talk::Nothing,
            Self::Outage | Self::Faults => Talk::Echo,
            Self::RollingRestart | Self::Storm => Talk::Broadcast,
            Self::Rooms => Talk::Rooms,
        }
    }

    /// How many clients there are by default.
    pub(crate) const fn clients(self) -> u32 {
        match self {
            Self::Backoff => 1_000_000,
            _ => 1_000,
        }
    }

    /// How long it takes by default, from the moment on in which all clients have been told to
    /// connect. Without servers it takes as long as the attempts do.
    pub(crate) const fn duration(self) -> Duration {
        match self {
            Self::Heartbeat => Duration::from_secs(600),
            Self::Outage => Duration::from_secs(300),
            Self::RollingRestart => Duration::from_secs(180),
            Self::Storm => Duration::from_secs(60),
            Self::Backoff => Duration::ZERO,
            Self::Faults | Self::Rooms => Duration::from_secs(240),
        }
    }

    /// Whether something goes wrong with single clients.
    pub(super) const fn hurts_clients(self) -> bool {
        matches!(self, Self::Faults | Self::Rooms)
    }

    /// How many servers there are by default.
    pub(crate) const fn nodes(self) -> u16 {
        match self {
            Self::Backoff => 0,
            Self::Heartbeat | Self::Storm | Self::Rooms => 1,
            Self::Outage => 2,
            Self::RollingRestart => 8,
            Self::Faults => 3,
        }
    }
}

/// What clients and servers say to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// Heartbeats only.
    Nothing,
    /// Clients get their own messages back.
    Echo,
    /// All servers write the same to all clients.
    Broadcast,
    /// Servers write to rooms, to all clients and to single ones, by themselves and when clients
    /// have said something.
    Rooms,
}

/// One simulation. The same plan gives the same history.
#[derive(Clone, Debug)]
pub(crate) struct SimPlan {
    pub(crate) seed: u64,
    pub(crate) scenario: SimScenario,
    pub(crate) clients: u32,
    /// Servers, 1 to [`NODES_MAX`], or none in the scenario without them.
    pub(crate) nodes: u16,
    /// Shards of each server.
    pub(crate) shards: u16,
    pub(crate) duration: Duration,
    pub(crate) ping_interval: Duration,
    /// Bytes of each message.
    pub(crate) message_bytes: usize,
    /// The parser of servers and clients.
    pub(crate) wording: Wording,
    /// What clients are told of reconnects.
    pub(crate) backoff: BackoffOptions,
    /// How servers that are told to end spread that; not at all if this is none.
    pub(crate) drain: Option<Drain>,
    /// What is broken on purpose, so that the auditor can be tested.
    pub(crate) sabotage: Option<Sabotage>,
}

/// Servers that one simulation may have.
pub(crate) const NODES_MAX: u16 = 8;

/// Clients that one simulation may have: each takes two numbers of the network's 2^24 for each of
/// its connections, and may have one that it lost and one that is new.
pub(crate) const CLIENTS_MAX: u32 = 2_000_000;

impl SimPlan {
    /// The plan of a scenario with what it has by default.
    pub(crate) fn new(scenario: SimScenario, clients: u32, seed: u64) -> Self {
        Self {
            seed,
            scenario,
            clients,
            nodes: scenario.nodes(),
            shards: 1,
            duration: scenario.duration(),
            ping_interval: Duration::from_secs(30),
            message_bytes: MESSAGE_BYTES_MIN,
            wording: Wording::default(),
            backoff: BackoffOptions::default(),
            drain: None,
            sabotage: None,
        }
    }
}

/// A server or a client that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sabotage {
    /// The servers ping more often than they say.
    PingsTooOften,
    /// The servers ping more rarely than they say.
    PingsTooRarely,
    /// The servers never ping, so that they end no silent spark.
    KeepsSilent,
    /// The servers swallow a message.
    Loses,
    /// The servers deliver a message twice.
    Duplicates,
    /// The servers let a message overtake another.
    Reorders,
    /// The servers change a message.
    Corrupts,
    /// The servers write a message that nobody has sent.
    Invents,
    /// The servers write a client what is for another.
    Misdelivers,
    /// The servers say twice that a spark has ended.
    TellsTwice,
    /// The clients wait a little less than the algorithm says.
    HurriesBack,
    /// The clients wait as long as the algorithm allows, but not by chance.
    IsNotRandom,
    /// A client connects again after its intended end.
    ComesBackUnasked,
    /// A client never closes its connection.
    Leaks,
    /// The servers end a spark that did nothing wrong.
    EndsTheLiving,
    /// A client does not notice that its connection is lost.
    StaysAway,
    /// The clients give up after two attempts.
    GivesUp,
    /// A client does not answer pings.
    KeepsSilence,
    /// The servers do not look at what they hold.
    Hoards,
    /// The servers write a message to a room to one of its members twice.
    WritesToMembersTwice,
    /// The servers leave a member of a room out.
    ForgetsAMember,
    /// The servers write a message to a room to somebody who is not in it.
    WritesToStrangers,
    /// The servers keep those in a room who have left it.
    KeepsMembers,
    /// The servers write an older value behind a newer one.
    GoesBackwards,
    /// The servers write a message to one client before an older one to a room.
    Overtakes,
    /// The servers tell whoever asked a client something of each of its answers.
    AnswersTwice,
    /// The servers give up a question before its time is over.
    LosesPatience,
    /// The servers never give up a question.
    WaitsForEver,
    /// A server that is told to end sends its clients elsewhere all at once.
    DrainsAtOnce,
}
