//! What is asked of every server.

use std::fmt;
use std::time::Duration;

use crate::load::dialect::Dialect;
use crate::load::plan::Plan;
use crate::load::rooms::plan::{Members, RoomsPlan};
use crate::load::target::Target;
use crate::load::trust::Whom;
use crate::workload::Scenario;
use crate::workload::message::MESSAGE_BYTES_MIN;
use crate::workload::wording::Wording;

/// Connections that may be opening at once.
const OPENING_MAX: u32 = 128;

/// How long messages under way may take to arrive at the end. Slow servers need it.
const DRAIN_MIN: Duration = Duration::from_secs(10);

/// Deliveries per second that the slowest server makes on a slow machine; it must be given the time
/// for all that are under way. Every publisher may have as many messages under way as its depth
/// says. Nobody waits longer than it takes.
const DELIVERIES_PER_S_MIN: u64 = 5_000;

/// What is the same for every case of a comparison.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    pub(crate) dialect: Dialect,
    pub(crate) warm_up: Duration,
    pub(crate) duration: Duration,
    /// Bytes of each message, unless the case says how many.
    pub(crate) message_bytes: usize,
}

/// One load that every server gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) scenario: Scenario,
    pub(crate) clients: u32,
    pub(crate) publishers: u32,
    pub(crate) depth: u16,
    /// Which rooms there are, if it is about rooms.
    pub(crate) rooms: Option<RoomsPlan>,
    /// Bytes of each message. `None` leaves that to the conditions.
    pub(crate) message_bytes: Option<usize>,
    /// Over TLS, whether clients resume the sessions that they had.
    pub(crate) tls: Option<Handshakes>,
}

/// How clients begin over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshakes {
    /// Each from nothing.
    Full,
    /// With what an earlier one has left, from the second on.
    Resumed,
}

impl Case {
    /// All cases. Echo: one message at a time, and many; and one at a time of each size. Broadcast:
    /// from one publisher, where nothing can be sent together, to many, where nearly everything
    /// can; and from one publisher with large messages.
    pub(crate) const ALL: [Self; 22] = [
        Self::echo(100, 1),
        Self::echo(100, 16),
        Self::echo(100, 1).with_bytes(MESSAGE_BYTES_MIN),
        Self::echo(100, 1).with_bytes(1024),
        Self::echo(100, 1).with_bytes(4 * 1024),
        Self::echo(100, 1).with_bytes(16 * 1024),
        Self::echo(100, 1).with_bytes(64 * 1024),
        Self::broadcast(200, 1),
        Self::broadcast(200, 50),
        Self::broadcast(200, 200),
        Self::broadcast(1000, 1),
        Self::broadcast(1000, 50),
        Self::broadcast(1000, 200),
        Self::broadcast(10_000, 1),
        Self::broadcast(10_000, 50),
        Self::broadcast(10_000, 200),
        Self::broadcast(200, 1).with_bytes(4 * 1024),
        Self::broadcast(200, 1).with_bytes(16 * 1024),
        Self::broadcast(200, 1).with_bytes(60 * 1024),
        Self::broadcast(1000, 1).with_bytes(4 * 1024),
        Self::broadcast(1000, 1).with_bytes(16 * 1024),
        Self::broadcast(1000, 1).with_bytes(60 * 1024),
    ];

    /// What is asked of servers that have rooms: one room of all, beside a broadcast to as many;
    /// many small ones; and those that overlap, a client in a hundred of them.
    pub(crate) const ROOMS: [Self; 6] = [
        Self::rooms(1_000, 1, (1, Members::All)),
        Self::rooms(1_000, 50, (1, Members::All)),
        Self::rooms(10_000, 1, (1, Members::All)),
        Self::rooms(1_000, 1_000, (20_000, Members::Between(1, 10))),
        Self::rooms(10_000, 1_000, (100_000, Members::Between(1, 10))),
        Self::rooms(1_000, 200, (1_000, Members::Between(100, 100))),
    ];

    /// What is asked of servers that speak TLS. Handshakes: connections that echo one message and
    /// make room for new ones.
    pub(crate) const TLS: [Self; 7] = [
        Self::echo(100, 1).with_bytes(MESSAGE_BYTES_MIN).over_tls(),
        Self::echo(100, 1).with_bytes(4 * 1024).over_tls(),
        Self::echo(100, 1).with_bytes(64 * 1024).over_tls(),
        Self::broadcast(200, 1).over_tls(),
        Self::broadcast(1000, 50).over_tls(),
        Self::handshakes(100, Handshakes::Full),
        Self::handshakes(100, Handshakes::Resumed),
    ];

    /// What is asked of every reactor. Echo: one message under way per client, and many.
    /// Broadcast: one under way in all, and as many as there are publishers.
    pub(crate) const REACTORS: [Self; 8] = [
        Self::echo(100, 1),
        Self::echo(100, 16),
        Self::echo(1000, 1),
        Self::echo(1000, 16),
        Self::broadcast(100, 1),
        Self::broadcast(100, 16),
        Self::broadcast(1000, 1),
        Self::broadcast(1000, 16),
    ];

    /// What a reactor must do without a fault before it is measured.
    pub(super) const TRIALS: [Self; 2] = [Self::echo(20, 4), Self::broadcast(20, 5)];

    /// Clients that only hold their sessions.
    pub(crate) const fn idle(clients: u32) -> Self {
        Self {
            scenario: Scenario::Idle,
            clients,
            publishers: 0,
            depth: 1,
            rooms: None,
            message_bytes: None,
            tls: None,
        }
    }

    /// Clients whose messages come back to them.
    pub(crate) const fn echo(clients: u32, depth: u16) -> Self {
        Self {
            scenario: Scenario::Echo,
            clients,
            publishers: 0,
            depth,
            rooms: None,
            message_bytes: None,
            tls: None,
        }
    }

    /// Clients that all receive what some of them publish.
    pub(crate) const fn broadcast(clients: u32, publishers: u32) -> Self {
        Self {
            scenario: Scenario::Broadcast,
            clients,
            publishers,
            depth: 1,
            rooms: None,
            message_bytes: None,
            tls: None,
        }
    }

    /// Clients of which some publish to rooms that they are in: so many rooms with so many members.
    const fn rooms(clients: u32, publishers: u32, (rooms, members): (u32, Members)) -> Self {
        Self {
            scenario: Scenario::Rooms,
            clients,
            publishers,
            depth: 1,
            rooms: Some(RoomsPlan {
                rooms,
                members,
                others_one_in: 0,
            }),
            message_bytes: None,
            tls: None,
        }
    }

    /// Connections over TLS that come and go.
    const fn handshakes(clients: u32, handshakes: Handshakes) -> Self {
        Self {
            scenario: Scenario::Churn,
            tls: Some(handshakes),
            ..Self::echo(clients, 1)
        }
    }

    /// The same over TLS.
    pub(super) const fn over_tls(self) -> Self {
        Self {
            tls: Some(Handshakes::Full),
            ..self
        }
    }

    /// The same with messages of so many bytes.
    const fn with_bytes(self, message_bytes: usize) -> Self {
        Self {
            message_bytes: Some(message_bytes),
            ..self
        }
    }

    /// The load of this case on a server at this port.
    pub(super) fn load_plan(
        &self,
        port: u16,
        server_pid: u32,
        conditions: Conditions,
    ) -> Result<Plan, String> {
        let load_plan = Plan {
            target: self.target(port)?,
            dialect: conditions.dialect,
            wording: Wording::default(),
            clients: self.clients,
            opening_max: OPENING_MAX,
            scenario: self.scenario,
            publishers: self.publishers,
            broadcasts: 0,
            messages: 1,
            mixed: None,
            publish: None,
            storm: None,
            siege: None,
            rooms: self.rooms,
            conflation: None,
            acks: None,
            depth: self.depth,
            rate_per_s: None,
            message_bytes: self.message_bytes.unwrap_or(conditions.message_bytes),
            warm_up: conditions.warm_up,
            duration: conditions.duration,
            drain_max: self.drain_max(),
            heartbeat: None,
            server_pid: Some(server_pid),
            progress: false,
        };
        load_plan.check()?;
        Ok(load_plan)
    }

    fn target(&self, port: u16) -> Result<Target, String> {
        match self.tls {
            None => Target::parse(&format!("http://127.0.0.1:{port}"), "/primus"),
            Some(handshakes) => Target::parse_any(
                &format!("https://127.0.0.1:{port}"),
                "/primus",
                (&Whom::Anybody, handshakes == Handshakes::Resumed),
            ),
        }
    }

    fn drain_max(&self) -> Duration {
        let under_way = u64::from(self.publishers) * u64::from(self.depth);
        let receivers = match self.rooms.map(|rooms| rooms.members) {
            Some(Members::Between(_, most)) => most,
            Some(Members::All) | None => self.clients,
        };
        let deliveries = under_way * u64::from(receivers);
        DRAIN_MIN + Duration::from_secs(deliveries / DELIVERIES_PER_S_MIN)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (clients, publishers, depth) = (self.clients, self.publishers, self.depth);
        match self.scenario {
            Scenario::Churn => write!(f, "connections that come and go, {clients} clients"),
            Scenario::Mixed => write!(f, "mixed, {clients} clients"),
            Scenario::Storm => write!(f, "storm, {clients} clients"),
            Scenario::Rooms => {
                write!(f, "rooms, {publishers} of {clients} clients publishing to ")?;
                match self.rooms {
                    Some(RoomsPlan { rooms, members, .. }) => write!(f, "{rooms} of {members}"),
                    None => write!(f, "none"),
                }
            }
            Scenario::Idle => write!(f, "idle, {clients} clients"),
            Scenario::Conflation => write!(f, "conflation, {publishers} to {clients} clients"),
            Scenario::Acks => write!(f, "acks, {clients} clients, {depth} under way each"),
            Scenario::Publish => write!(f, "publish, {publishers} to {clients} clients"),
            Scenario::Echo => write!(f, "echo, {clients} clients, {depth} under way each"),
            Scenario::Broadcast => {
                write!(f, "broadcast, {publishers} publishing to {clients} clients")
            }
        }?;
        if let Some(bytes) = self.message_bytes {
            write!(f, ", {bytes} bytes")?;
        }
        match (self.tls, self.scenario) {
            (None, _) => Ok(()),
            (Some(Handshakes::Full), Scenario::Churn) => {
                f.write_str(", over TLS, each handshake from nothing")
            }
            (Some(Handshakes::Resumed), _) => f.write_str(", over TLS, sessions resumed"),
            (Some(Handshakes::Full), _) => f.write_str(", over TLS"),
        }
    }
}
