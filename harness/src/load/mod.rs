//! The load generator: one thread that plays as many clients as it can, on the engine's own
//! driver, and an auditor that judges what the server did.
//!
//! | module | what it is for |
//! |---|---|
//! | [`plan`], [`target`] | what to do to which server |
//! | [`runner`], [`advance`], [`phase`] | the loop, and the way from connecting to goodbye |
//! | [`client`], [`outbox`] | the clients, and what they send in one turn |
//! | [`dialect`] | which transformer is spoken, and by which of its carriers |
//! | [`plain`], [`transport`], [`handshake`] | clients that are plain WebSockets, and their bytes |
//! | [`sessions`] | client halves and their connections, where it is not |
//! | [`traffic`] | who says what, and what is made of what comes in |
//! | [`transcript`] | what everybody receives alike, read once |
//! | [`churn`] | connections that come and go |
//! | [`mixed`] | a bit of everything |
//! | [`rooms`] | clients in rooms, and messages to rooms |
//! | [`conflation`] | values in rooms, of which only the newest matters |
//! | [`acks`] | questions that want an acknowledgement |
//! | [`publish`], [`published`] | messages that come over the server's HTTP API |
//! | [`storm`] | the server is killed, and everyone comes back |
//! | [`siege`], [`besieged`] | attackers beside any of these |
//! | [`cables`], [`alarms`] | connections of clients that have several; when these are called |
//! | [`reading`], [`unread`] | clients stop reading for a while |
//! | [`meter`], [`memory`] | what is measured on the whole |
//! | [`series`], [`progress`] | what happened second by second |
//! | [`spec`], [`app`] | what the server says about itself |
//! | [`trust`] | whom clients over TLS believe to be the server |
//!
//! It never trusts the server: whatever comes in, or does not, the load ends by itself and says
//! what was wrong.
//!
//! # Invariants
//! - A client that is open owns no heap memory between two messages, if it is a plain WebSocket.
//! - Traffic of the warm-up is audited as all traffic is, but not measured.
//! - A run without findings has seen every message arrive and every connection close in good form.

pub(crate) mod acks;
mod advance;
mod alarms;
pub(crate) mod app;
mod besieged;
mod cables;
pub(crate) mod churn;
mod client;
pub(crate) mod conflation;
pub(crate) mod dialect;
mod handshake;
pub(crate) mod memory;
pub(crate) mod meter;
pub(crate) mod mixed;
mod outbox;
mod phase;
mod plain;
pub(crate) mod plan;
mod progress;
pub(crate) mod publish;
mod published;
mod reading;
pub(crate) mod rooms;
mod runner;
pub(crate) mod series;
mod sessions;
pub(crate) mod siege;
pub(crate) mod spec;
pub(crate) mod storm;
pub(crate) mod target;
mod traffic;
mod transcript;
mod transport;
pub(crate) mod trust;
mod unread;

use std::io;

use allspark_engine::io::{Driver, DriverKind};

use crate::auditor::{Findings, HeartbeatReport};
use crate::system::ProcessMemory;
use acks::AcksReport;
use churn::{Churn, ChurnReport};
use conflation::ConflationReport;
use memory::{MemoryReport, Snapshot};
use meter::Window;
use mixed::MixedReport;
use plan::Plan;
use publish::{PublishReport, Publishers};
use rooms::{Rooms, RoomsReport};
use runner::Runner;
use series::Second;
use siege::{Siege, SiegeReport};
use storm::StormReport;

/// What a load has shown.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) driver: DriverKind,
    pub(crate) opening: Opening,
    /// What was measured; nothing if no client got a connection.
    pub(crate) window: Option<Window>,
    /// What each broadcast at the end of an idle load showed, until the last client had it.
    pub(crate) broadcasts: Vec<Window>,
    /// What the coming and going of connections showed, if they did.
    pub(crate) churn: Option<ChurnReport>,
    /// What the clients did, if that was a bit of everything.
    pub(crate) mixed: Option<MixedReport>,
    /// Who was in which rooms, if it was about rooms.
    pub(crate) rooms: Option<RoomsReport>,
    /// What became of values, if it was about those.
    pub(crate) conflation: Option<ConflationReport>,
    /// How questions fared, if it was about those.
    pub(crate) acks: Option<AcksReport>,
    /// What was seen of publishing over HTTP.
    pub(crate) publish: Option<PublishReport>,
    /// How the clients came back, if the server was killed.
    pub(crate) storm: Option<StormReport>,
    /// What attackers did to the server and to the clients, if there were any.
    pub(crate) siege: Option<SiegeReport>,
    /// One sample per second, from the first connection on.
    pub(crate) series: Vec<Second>,
    pub(crate) memory: Option<MemoryReport>,
    pub(crate) heartbeats: Option<HeartbeatReport>,
    /// Messages, or goodbyes in a churn, that were due but not sent, because the server did not
    /// read fast enough.
    pub(crate) skipped: u64,
    pub(crate) findings: Findings,
}

/// How the clients got their connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Opening {
    /// Clients that got one.
    pub(crate) opened: u32,
    /// From the first attempt until every client was connected or refused.
    pub(crate) seconds: f64,
    /// Why it was stopped before everybody had had a chance, in a sentence.
    pub(crate) stopped: Option<String>,
}

impl Opening {
    /// Nobody gets through any more: so many clients wait for an answer, and so many had no turn.
    fn stop(&mut self, unanswered: u32, never_begun: u32) {
        self.stopped = Some(format!(
            "connecting was stopped because for {} s nobody got through: {} were connected, \
             {unanswered} had asked and got no answer, {never_begun} had not begun",
            phase::OPENING_STALL.as_secs(),
            self.opened,
        ));
    }
}

/// Runs a load to its end.
///
/// # Errors
/// Only what has nothing to do with the server's conduct: the driver or `/proc` fails. What the
/// server did wrong is in [`Outcome::findings`].
pub(crate) fn run(driver: impl Driver, mut plan: Plan) -> io::Result<Outcome> {
    if let Some(storm) = plan.storm.take() {
        return storm::run(driver, plan, storm);
    }
    let kind = driver.kind();
    let before = Snapshot::take(plan.server_pid)?;
    let plan_pid = plan.server_pid;
    let mut runner = Runner::new(driver, plan)?;
    runner.run()?;
    let at_end = plan_pid.and_then(|pid| ProcessMemory::rss_anon_bytes_of(pid).ok());
    runner.complete_churn_report(before.server.map(|server| server.rss_anon_bytes), at_end);
    let goodbyes_skipped = runner.churn.as_ref().map_or(0, Churn::skipped);
    let skipped = runner.traffic.skipped() + goodbyes_skipped;
    let mixed = runner.mixed_report();
    let rooms = runner.rooms.as_ref().map(Rooms::report);
    let conflation = runner.conflation_report();
    let acks = runner.acks_report();
    let publish = runner.publishers.as_ref().and_then(Publishers::report);
    let siege = runner.siege.map(Siege::into_report);
    if let Some(siege) = &siege {
        siege.judge(&mut runner.auditor);
    }
    let (findings, heartbeats) = runner.auditor.finish(runner.now);
    let memory = runner.with_connections.and_then(|after| {
        (after.connections > 0)
            .then(|| MemoryReport::between(before, after.memory, after.connections))
    });
    Ok(Outcome {
        mixed,
        rooms,
        conflation,
        acks,
        publish,
        siege,
        opening: runner.opening,
        window: runner.window,
        broadcasts: runner.broadcasts,
        churn: runner.churn_report,
        series: runner.progress.into_seconds(),
        memory,
        heartbeats,
        skipped,
        ..Outcome::empty(runner.plan, kind, findings)
    })
}

impl Outcome {
    /// What a load that has measured nothing has shown.
    fn empty(plan: Plan, driver: DriverKind, findings: Findings) -> Self {
        Self {
            plan,
            driver,
            opening: Opening::default(),
            window: None,
            broadcasts: Vec::new(),
            churn: None,
            mixed: None,
            rooms: None,
            conflation: None,
            acks: None,
            publish: None,
            storm: None,
            siege: None,
            series: Vec::new(),
            memory: None,
            heartbeats: None,
            skipped: 0,
            findings,
        }
    }
}
