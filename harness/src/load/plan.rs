//! Everything that a load needs to know before it begins.

use std::time::Duration;

use allspark_protocol::parser::ParserKind;
use allspark_protocol::transformer::Kind;
use allspark_transformers::TransformerKind;

use crate::auditor::HeartbeatRule;
use crate::load::acks::plan::AcksPlan;
use crate::load::conflation::plan::ConflationPlan;
use crate::load::dialect::Dialect;
use crate::load::mixed::plan::MixedPlan;
use crate::load::publish::plan::PublishPlan;
use crate::load::rooms::plan::RoomsPlan;
use crate::load::siege::plan::SiegePlan;
use crate::load::storm::plan::StormPlan;
use crate::load::target::Target;
use crate::workload::Scenario;
use crate::workload::message::MESSAGE_BYTES_MIN;
use crate::workload::senders::Senders;
use crate::workload::wording::Wording;

/// Bytes of the longest message: what servers accept by default is not much more.
const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Pairs of receiver and publisher: the auditor remembers four bytes for each of them.
const STREAMS_MAX: u64 = 1 << 27;

/// What to do to which server.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The server.
    pub(crate) target: Target,
    /// How the clients speak.
    pub(crate) dialect: Dialect,
    /// The server's parser.
    pub(crate) wording: Wording,
    /// How many clients connect.
    pub(crate) clients: u32,
    /// Connections that may be opening at the same time.
    pub(crate) opening_max: u32,
    /// What the clients do.
    pub(crate) scenario: Scenario,
    /// How many clients publish, in a broadcast.
    pub(crate) publishers: u32,
    /// Broadcasts at the end of an idle load.
    pub(crate) broadcasts: u32,
    /// Messages that each connection echoes where they come and go.
    pub(crate) messages: u16,
    /// What clients do that do a bit of everything.
    pub(crate) mixed: Option<MixedPlan>,
    /// Which rooms there are.
    pub(crate) rooms: Option<RoomsPlan>,
    /// Which values are published there.
    pub(crate) conflation: Option<ConflationPlan>,
    /// Which questions are asked.
    pub(crate) acks: Option<AcksPlan>,
    /// Who publishes over HTTP.
    pub(crate) publish: Option<PublishPlan>,
    /// What a storm is to do.
    pub(crate) storm: Option<StormPlan>,
    /// Who attacks the server meanwhile.
    pub(crate) siege: Option<SiegePlan>,
    /// Messages that each sender keeps under way when there is no rate.
    pub(crate) depth: u16,
    /// Messages per second of all senders together, or goodbyes in a churn; `None` sends as fast as
    /// answers come.
    pub(crate) rate_per_s: Option<u32>,
    /// Bytes of each message.
    pub(crate) message_bytes: usize,
    /// How long traffic runs before it is measured.
    pub(crate) warm_up: Duration,
    /// How long it is measured.
    pub(crate) duration: Duration,
    /// How long messages under way may take to arrive once nobody sends any more.
    pub(crate) drain_max: Duration,
    /// What pings are held to, if they are judged.
    pub(crate) heartbeat: Option<HeartbeatRule>,
    /// The server's process, if its memory and processor time are to be read.
    pub(crate) server_pid: Option<u32>,
    /// Whether a line per second says how it goes.
    pub(crate) progress: bool,
}

impl Plan {
    /// Says in one sentence what cannot be done.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.clients == 0 {
            return Err("a load needs at least one client".to_owned());
        }
        if self.opening_max == 0 || self.depth == 0 || self.rate_per_s == Some(0) {
            return Err("connections in flight, depth and rate must be at least 1".to_owned());
        }
        if self.duration.is_zero() {
            return Err("the duration must be longer than nothing".to_owned());
        }
        if !(MESSAGE_BYTES_MIN..=MESSAGE_BYTES_MAX).contains(&self.message_bytes) {
            return Err(format!(
                "a message has {MESSAGE_BYTES_MIN} to {MESSAGE_BYTES_MAX} bytes"
            ));
        }
        let is_sockjs = self.dialect.transformer() == TransformerKind::SockJs;
        if is_sockjs && self.wording.kind() == Kind::Binary {
            return Err("messages of this parser are bytes, which sockjs can't carry".to_owned());
        }
        if self.broadcasts > 0 && self.scenario != Scenario::Idle {
            return Err("broadcasts at the end belong to the scenario idle".to_owned());
        }
        if self.scenario == Scenario::Churn && (self.messages == 0 || self.depth > 1) {
            return Err(
                "a connection that comes and goes echoes one message after the other, and \
                at least one"
                    .to_owned(),
            );
        }
        if let Some(mixed) = &self.mixed {
            mixed.check(self.clients)?;
        }
        if let Some(rooms) = &self.rooms {
            rooms.check(self.clients)?;
            if self.wording.parser() != ParserKind::Json {
                return Err("rooms are joined and published to in JSON".to_owned());
            }
        }
        if let Some((conflation, rooms)) = self.conflation.as_ref().zip(self.rooms.as_ref()) {
            conflation.check(self.clients, self.publishers, rooms)?;
        }
        if let Some(acks) = &self.acks {
            acks.check(self.drain_max)?;
            if self.wording.parser() != ParserKind::Json {
                return Err("questions are put in JSON".to_owned());
            }
        }
        if let Some(publish) = &self.publish {
            publish.check(self.clients)?;
            if self.wording.parser() != ParserKind::Json {
                return Err("what is published is JSON".to_owned());
            }
        }
        if let Some(siege) = &self.siege {
            siege.check(self.scenario)?;
        }
        self.check_storm()?;
        self.check_publishers()
    }

    fn check_storm(&self) -> Result<(), String> {
        let Some(storm) = &self.storm else {
            return Ok(());
        };
        if self.server_pid.is_some() {
            return Err("a storm knows the process of its server".to_owned());
        }
        storm.check(self.duration)
    }

    fn check_publishers(&self) -> Result<(), String> {
        let publishers = match self.scenario {
            Scenario::Broadcast | Scenario::Rooms | Scenario::Conflation | Scenario::Publish => {
                self.publishers
            }
            Scenario::Mixed => self.senders().count(),
            _ => return Ok(()),
        };
        if self.scenario != Scenario::Mixed && !(1..=self.clients).contains(&publishers) {
            return Err("publishers are clients: at least 1, at most all of them".to_owned());
        }
        if self.rooms.is_none() && u64::from(publishers) * u64::from(self.clients) > STREAMS_MAX {
            return Err(format!(
                "clients times publishers may be {STREAMS_MAX} at most, for the auditor's memory"
            ));
        }
        Ok(())
    }

    /// TCP connections that all clients together may have.
    pub(crate) fn connections_max(&self) -> u32 {
        let each = self.dialect.connections_max();
        // Who comes back at once may still have the connection that was lost.
        let each = if self.storm.is_some() { each + 1 } else { each };
        let attackers = self.siege.as_ref();
        let attackers = attackers.map_or(0, |siege| siege.attackers.count());
        let publishers = self.publish.as_ref();
        let publishers = publishers.map_or(0, |publish| publish.connections);
        let clients = self.clients.saturating_mul(each);
        clients.saturating_add(attackers).saturating_add(publishers)
    }

    /// Which clients send.
    pub(crate) fn senders(&self) -> Senders {
        let count = match self.scenario {
            Scenario::Storm => 0,
            Scenario::Idle => self.broadcasts.min(1),
            Scenario::Echo | Scenario::Churn | Scenario::Acks => self.clients,
            Scenario::Broadcast | Scenario::Rooms | Scenario::Conflation | Scenario::Publish => {
                self.publishers
            }
            // Those whose messages are for everyone: others have numbers of their own.
            Scenario::Mixed => self
                .mixed
                .as_ref()
                .map_or(0, |mixed| mixed.publishers(self.clients)),
        };
        Senders::new(self.clients, count)
    }
}
