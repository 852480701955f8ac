//! The server is killed and started again, and every client comes back as a client of Primus does:
//! each is a whole client machine ([`allspark_client::core`]), which decides by itself when to
//! connect, when to give an attempt up and when to end. The auditor is told what the machines do
//! to their connections, and judges each attempt and the distribution of all delays.
//!
//! | module | what it is for |
//! |---|---|
//! | [`plan`] | what a storm is, and what is broken on purpose |
//! | [`server`] | the process that is killed |
//! | [`member`], [`play`] | the clients, and what they want done |
//! | [`weather`] | from the first connection to the last goodbye |
//!
//! # Invariants
//! - A connection that breaks is no fault if its server was killed, or is not running; otherwise it
//!   is one. A client that is not back when the time is over is one, too.
//! - A storm is over only when everybody is back, so the delays that were drawn are all seen: if
//!   the longest ones were cut off, their distribution would not be that of the algorithm.
//! - At the end everybody leaves, and it is watched for a while that nobody comes back.

mod member;
pub(crate) mod plan;
mod play;
mod server;
mod weather;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use allspark_client::core::{Client, ClientOptions, Outputs};
use allspark_engine::io::{Driver, Wait};
use allspark_protocol::Instant;
use allspark_protocol::primus::BackoffOptions;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::alarms::Alarms;
use super::cables::Cables;
use super::meter::{Latency, Meter, Window, histogram};
use super::plan::Plan;
use super::progress::Progress;
use super::spec::Spec;
use super::{Opening, Outcome};
use crate::auditor::{Auditor, DelayReport, FirstDelays, ReconnectRule};
use member::Member;
use plan::StormPlan;
use server::ServerProcess;
use weather::Weather;

/// What a storm showed.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StormReport {
    /// From the server's end to its new beginning.
    pub(crate) outage_ms: u64,
    /// How often the server was killed.
    pub(crate) strikes: u32,
    /// Connections that were open when the server was killed.
    pub(crate) struck: u64,
    /// Connections that were opened after that.
    pub(crate) returned: u64,
    /// Attempts to connect, the failed ones included.
    pub(crate) attempts: u64,
    /// Attempts that nobody answered.
    pub(crate) timeouts: u64,
    /// The most attempts that a client needed.
    pub(crate) attempts_max: u32,
    /// From the server's new beginning to the return of each client.
    pub(crate) return_us: Latency,
    /// How clients were told to come back.
    pub(crate) algorithm: Algorithm,
    /// The delays before first attempts, which are all to be the same.
    pub(crate) first_delays: Option<FirstDelays>,
    /// How late attempts began because the load generator was woken late, or had other clients to
    /// serve first.
    pub(crate) lateness_us: Latency,
    /// The delays before all others, by attempt, beside what the algorithm says.
    pub(crate) delays: Vec<DelayReport>,
    /// The same without that lateness. These are judged.
    pub(crate) delays_punctual: Vec<DelayReport>,
}

/// The options of Primus's reconnect algorithm, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Algorithm {
    pub(crate) min_ms: f64,
    pub(crate) factor: f64,
    pub(crate) retries: u32,
    pub(crate) reconnect_timeout_ms: f64,
    /// How late an attempt may begin, or be given up. It may never be early.
    pub(crate) tolerance_ms: f64,
}

impl StormReport {
    /// Whether delays are distributed as the algorithm says only when it is taken into account how
    /// late the load generator was.
    pub(crate) fn is_blurred(&self) -> bool {
        let fail = |delays: &[DelayReport]| {
            let mut tests = delays.iter().filter_map(|delay| delay.tests);
            tests.any(|tests| !tests.fits)
        };
        fail(&self.delays) && !fail(&self.delays_punctual)
    }

    /// Delays that were seen, those before first attempts included.
    pub(crate) fn delays_seen(&self) -> u64 {
        let first = self.first_delays.map_or(0, |first| first.count);
        let others = self.delays.iter().map(|delay| delay.count);
        first + others.sum::<u64>()
    }
}

impl Algorithm {
    fn of(plan: &StormPlan) -> Self {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let BackoffOptions {
            min,
            factor,
            retries,
            reconnect_timeout,
            ..
        } = plan.backoff;
        Self {
            min_ms: ms(min),
            factor,
            retries,
            reconnect_timeout_ms: ms(reconnect_timeout),
            tolerance_ms: ms(plan.tolerance),
        }
    }
}

/// Runs a storm to its end. The server is started first.
pub(super) fn run(driver: impl Driver, plan: Plan, storm: StormPlan) -> io::Result<Outcome> {
    let kind = driver.kind();
    let server = ServerProcess::start(&storm.server_command, plan.target.address())?;
    let mut storm = Storm::new(driver, plan, storm, server)?;
    storm.run()?;
    let report = storm.report();
    let verdict = storm.auditor.conclude(storm.now);
    let report = StormReport {
        first_delays: verdict.first_delays,
        delays: verdict.delays_observed,
        delays_punctual: verdict.delays,
        ..report
    };
    Ok(Outcome {
        opening: storm.opening,
        window: storm.window,
        storm: Some(report),
        series: storm.progress.into_seconds(),
        ..Outcome::empty(storm.plan, kind, verdict.findings)
    })
}

/// The server, the clients, and what was seen.
struct Storm<D> {
    driver: D,
    plan: Plan,
    storm: StormPlan,
    server: ServerProcess,
    weather: Weather,
    /// When the time for all strikes is over, once there was one.
    deadline: Option<Instant>,
    strikes_left: u32,
    /// How many servers there were before this one.
    servers: u32,
    /// Clients that are connected to it. The kernel may show the end of the one before late.
    back: u32,
    members: Vec<Member>,
    cables: Cables,
    /// Cables that the driver has not closed yet.
    cables_open: u32,
    alarms: Alarms,
    out: Outputs,
    auditor: Auditor,
    meter: Meter,
    progress: Progress,
    now: Instant,
    /// When the client that is called now asked to be called, if that is why.
    due: Option<Instant>,
    begin: Instant,
    /// Clients up to here have begun to connect.
    begun: u32,
    /// Clients that have begun, and were never connected yet.
    opening_count: u32,
    opening: Opening,
    window: Option<Window>,
    tally: Tally,
}

/// What is counted for the report.
struct Tally {
    struck: u64,
    attempts: u64,
    timeouts: u64,
    attempts_max: u32,
    return_ns: Histogram<u64>,
    lateness_ns: Histogram<u64>,
}

impl<D: Driver> Storm<D> {
    fn new(driver: D, plan: Plan, storm: StormPlan, server: ServerProcess) -> io::Result<Self> {
        let now = driver.now();
        let mut auditor = Auditor::new(plan.scenario, plan.clients, plan.senders(), None);
        auditor.judge_reconnects(ReconnectRule {
            backoff: storm.backoff,
            tolerance: storm.tolerance,
        });
        let options = Arc::new(client_options(&plan, &storm));
        let member = |_| Member::new(Client::new(Arc::clone(&options), allspark_engine::random()));
        let mut progress = Progress::new(now, plan.clients, plan.progress, None)?;
        progress.follow(server.pid());
        Ok(Self {
            server,
            weather: Weather::begin(now),
            deadline: None,
            strikes_left: storm.strikes,
            servers: 0,
            back: 0,
            members: (0..plan.clients).map(member).collect(),
            cables: Cables::default(),
            cables_open: 0,
            alarms: Alarms::default(),
            out: Outputs::default(),
            auditor,
            meter: Meter::new(None),
            progress,
            now,
            due: None,
            begin: now,
            begun: 0,
            opening_count: 0,
            opening: Opening::default(),
            window: None,
            tally: Tally {
                struck: 0,
                attempts: 0,
                timeouts: 0,
                attempts_max: 0,
                return_ns: histogram(),
                lateness_ns: histogram(),
            },
            driver,
            plan,
            storm,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut completions = Vec::new();
        while self.weather != Weather::Over {
            self.advance()?;
            self.cables.flush(&mut self.driver);
            let wait = self.wait();
            self.driver.turn(wait, &mut completions)?;
            self.cables.reclaim();
            self.now = self.driver.now();
            self.ring_alarms();
            for completion in completions.drain(..) {
                self.complete(completion);
            }
            let state = (self.weather.name(), self.auditor.live_count());
            self.progress.report(self.now, state, &mut self.meter)?;
        }
        Ok(())
    }

    fn wait(&self) -> Wait {
        if self.has_more_to_do() || self.cables.has_any_to_close() {
            return Wait::No;
        }
        let due = [self.deadline, self.weather.deadline(), self.alarms.next()];
        let due = due.into_iter().flatten();
        Wait::Until(due.fold(self.progress.next_due(), Instant::min))
    }

    /// What was counted; what the auditor has to add is missing.
    fn report(&self) -> StormReport {
        StormReport {
            outage_ms: u64::try_from(self.storm.outage.as_millis()).unwrap_or(u64::MAX),
            strikes: self.storm.strikes - self.strikes_left,
            struck: self.tally.struck,
            returned: self.tally.return_ns.len(),
            attempts: self.tally.attempts,
            timeouts: self.tally.timeouts,
            attempts_max: self.tally.attempts_max,
            return_us: Latency::of(&self.tally.return_ns),
            algorithm: Algorithm::of(&self.storm),
            lateness_us: Latency::of(&self.tally.lateness_ns),
            first_delays: None,
            delays: Vec::new(),
            delays_punctual: Vec::new(),
        }
    }
}

/// What the clients are told. As in the library that Primus serves they expect a ping every one and
/// a half intervals, and none from a server that does not ping.
fn client_options(plan: &Plan, storm: &StormPlan) -> ClientOptions {
    let spec = Spec::fetch(&plan.target).ok();
    let interval = spec.and_then(|spec| spec.ping_interval());
    ClientOptions {
        host: plan.target.host().to_owned(),
        target: plan.target.pathname().to_owned(),
        speech: plan.dialect.speech(),
        parser: plan.wording.parser(),
        ping_timeout: interval.map(|interval| interval + interval / 2),
        reconnect: storm.backoff_of_clients(),
        ..ClientOptions::default()
    }
}
