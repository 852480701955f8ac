//! A bit of everything: some clients hold their connections, some echo, some publish to everyone,
//! some do not read for a while, some vanish without a goodbye and come back, some leave and come
//! back. Who does what, and when, follows from a seed; messages come at a fixed rate, whatever the
//! server does.
//!
//! | module | what it is for |
//! |---|---|
//! | [`plan`] | shares and times |
//! | [`cast`] | which client does what |
//! | [`play`] | does it |
//! | [`counts`], [`tally`] | what the server says of its sparks, and whether it is right |
//!
//! The server must write messages that begin with `["all",` to everyone and all others back, as
//! `allspark serve --app mixed` does.
//!
//! # Invariants
//! - A client that vanishes is owed nothing from that moment on; one that leaves has got back
//!   everything of its own before, and misses of others only what is under way; one that does not
//!   read gets everything as soon as it reads again.
//! - A client comes back once its last connection is closed, and if that ended as it was to; one
//!   that broke stays away.
//! - When traffic ends nobody is disturbed any more, and everybody who is away comes back. So at
//!   the end all are there, and the server's count of sparks must say so, and after the last
//!   goodbye it must be what it was before the first connection.

mod cast;
mod counts;
pub(crate) mod plan;
mod play;
mod tally;
mod whereabouts;

use std::time::Duration;

use allspark_protocol::{Dice, Instant};
use serde::Serialize;

use super::alarms::Alarms;
use super::plan::Plan;
use super::target::Target;
use super::unread::Unread;
use crate::console::tell;
use crate::workload::pace::Pace;
use cast::Cast;
pub(super) use cast::Role;
use plan::{MixedPlan, Share};
use whereabouts::Whereabouts;

/// What a mixed load showed, besides what every load shows.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MixedReport {
    /// Who did what, and when, follows from it.
    pub(crate) seed: u64,
    /// How many clients did what.
    pub(crate) roles: Vec<(&'static str, u32)>,
    /// How often somebody stopped reading for a while.
    pub(crate) stalls: u64,
    /// How often somebody vanished.
    pub(crate) vanished: u64,
    /// How often somebody said goodbye and came back.
    pub(crate) left: u64,
    /// How often somebody came back.
    pub(crate) returned: u64,
    /// Sparks that the server has by its own account, if it says so.
    pub(crate) sparks: Option<SparkCounts>,
}

impl MixedReport {
    /// How many clients sent messages.
    pub(crate) fn senders(&self) -> u32 {
        let roles = self.roles.iter();
        let senders = roles.filter(|(name, _)| *name != Share::Idle.name());
        senders.map(|(_, count)| count).sum()
    }
}

/// How many sparks a server had by its own account.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SparkCounts {
    /// Before the first connection.
    pub(crate) before: u64,
    /// When all clients were connected, at the end.
    pub(crate) with_clients: Option<u64>,
    /// After the last goodbye.
    pub(crate) after: Option<u64>,
}

/// Who does what, and what is to be done when.
#[derive(Debug)]
pub(super) struct Mixed {
    plan: MixedPlan,
    cast: Cast,
    /// What each client draws from.
    dice: Vec<Dice>,
    whereabouts: Vec<Whereabouts>,
    /// Of clients that do something to their connections: when.
    alarms: Alarms,
    rate_per_s: u32,
    /// Set when traffic begins.
    pace: Option<Pace>,
    /// Whose turn it is to send.
    next_sender: usize,
    /// Cables and sockets that are not read, with whom they belong to.
    unread: Unread,
    /// Clients that are to come back.
    away: u32,
    report: MixedReport,
}

impl Mixed {
    pub(super) fn new(plan: &MixedPlan, load: &Plan) -> Self {
        let mut seed = Dice::new(plan.seed);
        let cast = Cast::draw(load.clients, &plan.shares, &mut seed);
        let before = counts::sparks(&load.target);
        if let Err(why) = &before {
            tell!("harness: the server does not say how many sparks it has: {why}");
        }
        Self {
            dice: (0..load.clients).map(|_| Dice::new(seed.roll())).collect(),
            whereabouts: vec![Whereabouts::Here; load.clients as usize],
            alarms: Alarms::default(),
            rate_per_s: load.rate_per_s.unwrap_or(load.clients),
            pace: None,
            next_sender: 0,
            unread: Unread::default(),
            away: 0,
            report: MixedReport {
                seed: plan.seed,
                roles: Share::ALL
                    .map(|share| (share.name(), cast.count(share)))
                    .to_vec(),
                stalls: 0,
                vanished: 0,
                left: 0,
                returned: 0,
                sparks: before.ok().map(|before| SparkCounts {
                    before,
                    with_clients: None,
                    after: None,
                }),
            },
            plan: plan.clone(),
            cast,
        }
    }

    /// What a client does.
    pub(super) fn role(&self, client: u32) -> Role {
        self.cast.role(client)
    }

    /// From now on messages are due, and clients do what they are to do.
    pub(super) fn begin(&mut self, now: Instant) {
        self.pace = Some(Pace::new(now, self.rate_per_s));
        for client in 0..self.whereabouts.len() as u32 {
            self.disturb_later(client, now);
        }
    }

    /// When something is due next. Messages are due only while there is traffic.
    pub(super) fn next_due(&self, has_traffic: bool) -> Option<Instant> {
        let pace = self.pace.as_ref().filter(|_| has_traffic);
        let message = pace.map(Pace::next_due);
        message.into_iter().chain(self.alarms.next()).min()
    }

    /// The longest that somebody who is away may take to come back.
    pub(super) fn away_max(&self) -> Duration {
        2 * self.plan.away.max(self.plan.stall)
    }

    /// Whether everybody is where they belong, and reads.
    pub(super) fn is_calm(&self) -> bool {
        self.away == 0 && self.unread.is_empty()
    }

    /// How many sparks the server had before the first connection, if it says so.
    pub(super) fn sparks_before(&self) -> Option<u64> {
        self.report.sparks.map(|sparks| sparks.before)
    }

    /// Asks the server how many sparks it has, and remembers it for the report.
    pub(super) fn count_sparks(&mut self, target: &Target, is_end: bool) -> Result<u64, String> {
        let count = counts::sparks(target);
        if let Some(sparks) = &mut self.report.sparks {
            match is_end {
                true => sparks.after = count.as_ref().ok().copied(),
                false => sparks.with_clients = count.as_ref().ok().copied(),
            }
        }
        count
    }

    pub(super) fn report(&self) -> MixedReport {
        self.report.clone()
    }

    /// A client does the next thing to its connection after a while, if it is one that does such
    /// things.
    fn disturb_later(&mut self, client: u32, now: Instant) {
        if self.role(client).disturbs() {
            let delay = self.around(client, self.plan.calm);
            self.alarms.set(now + delay, client);
        }
    }

    /// A time of which this is the mean: from half of it to one and a half.
    fn around(&mut self, client: u32, mean: Duration) -> Duration {
        let us = u64::try_from(mean.as_micros()).unwrap_or(u64::MAX);
        let extra = self.dice[client as usize].below(us.saturating_add(1));
        Duration::from_micros((us / 2).saturating_add(extra))
    }
}
