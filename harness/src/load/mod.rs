//! The load generator: one thread that plays as many clients as it can, on the engine's own
//! driver, and an auditor that judges what the server did.
//!
//! | module | what it is for |
//! |---|---|
//! | [`plan`], [`target`] | what to do to which server |
//! | [`runner`], [`advance`], [`phase`] | the loop, and the way from connecting to goodbye |
//! | [`client`], [`outbox`] | the clients, and what they send in one turn |
//! | [`dialect`] | which transformer is spoken, and by which of its carriers |
//! | [`transport`], [`handshake`] | the client's half of the wire, where it is a plain WebSocket |
//! | [`sessions`] | client halves and their connections, where it is not |
//! | [`traffic`] | who says what, and what is made of what comes in |
//! | [`transcript`] | what everybody receives alike, read once |
//! | [`churn`] | connections that come and go |
//! | [`storm`], [`server`] | the server is killed, and everyone comes back |
//! | [`meter`], [`memory`], [`series`] | what is measured, on the whole and second by second |
//! | [`spec`] | what the server says about itself |
//!
//! It never trusts the server: whatever comes in, or does not, the load ends by itself and says
//! what was wrong.
//!
//! # Invariants
//! - A client that is open owns no heap memory between two messages, if it is a plain WebSocket.
//! - Traffic of the warm-up is audited as all traffic is, but not measured.
//! - A run without findings has seen every message arrive and every connection close in good form.

mod advance;
pub(crate) mod churn;
mod client;
pub(crate) mod dialect;
mod handshake;
pub(crate) mod memory;
pub(crate) mod meter;
mod outbox;
mod phase;
pub(crate) mod plan;
mod runner;
pub(crate) mod series;
mod server;
mod sessions;
pub(crate) mod spec;
pub(crate) mod storm;
pub(crate) mod target;
mod traffic;
mod transcript;
mod transport;

use std::io;

use allspark_engine::io::{Driver, DriverKind};

use crate::auditor::{Findings, HeartbeatReport};
use crate::system::ProcessMemory;
use churn::{Churn, ChurnReport};
use memory::{MemoryReport, Snapshot};
use meter::Window;
use plan::Plan;
use runner::Runner;
use series::Second;
use server::ServerProcess;
use storm::StormReport;

/// What a load has shown.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) driver: DriverKind,
    /// Clients that got a connection.
    pub(crate) opened: u32,
    /// From the first attempt until every client was connected or refused.
    pub(crate) opening_seconds: f64,
    /// What was measured; nothing if no client got a connection.
    pub(crate) window: Option<Window>,
    /// What each broadcast at the end of an idle load showed, until the last client had it.
    pub(crate) broadcasts: Vec<Window>,
    /// What the coming and going of connections showed, if they did.
    pub(crate) churn: Option<ChurnReport>,
    /// How the clients came back, if the server was killed.
    pub(crate) storm: Option<StormReport>,
    /// One sample per second, from the first connection on.
    pub(crate) series: Vec<Second>,
    pub(crate) memory: Option<MemoryReport>,
    pub(crate) heartbeats: Option<HeartbeatReport>,
    /// Messages, or goodbyes in a churn, that were due but not sent, because the server did not
    /// read fast enough.
    pub(crate) skipped: u64,
    pub(crate) findings: Findings,
}

/// Runs a load to its end.
///
/// # Errors
/// Only what has nothing to do with the server's conduct: the driver or `/proc` fails. What the
/// server did wrong is in [`Outcome::findings`].
pub(crate) fn run(driver: impl Driver, plan: Plan) -> io::Result<Outcome> {
    let kind = driver.kind();
    let before = Snapshot::take(plan.server_pid)?;
    let plan_pid = plan.server_pid;
    let address = plan.target.address();
    let command = plan.server_command.as_deref();
    let server = command.map(|command| ServerProcess::start(command, address));
    let server = server.transpose()?;
    let mut runner = Runner::new(driver, plan, server);
    runner.run()?;
    let at_end = plan_pid.and_then(|pid| ProcessMemory::rss_anon_bytes_of(pid).ok());
    runner.complete_churn_report(before.server.map(|server| server.rss_anon_bytes), at_end);
    let goodbyes_skipped = runner.churn.as_ref().map_or(0, Churn::skipped);
    let skipped = runner.traffic.skipped() + goodbyes_skipped;
    let (findings, heartbeats) = runner.auditor.finish(runner.now);
    let memory = runner.with_connections.and_then(|after| {
        (after.connections > 0)
            .then(|| MemoryReport::between(before, after.memory, after.connections))
    });
    Ok(Outcome {
        driver: kind,
        opened: runner.fleet.opened(),
        opening_seconds: runner.opening.as_secs_f64(),
        window: runner.window,
        broadcasts: runner.broadcasts,
        churn: runner.churn_report,
        storm: runner.storm_report,
        series: runner.series.into_seconds(),
        memory,
        heartbeats,
        skipped,
        findings,
        plan: runner.plan,
    })
}
