//! Connections that come and go: each echoes a few messages, says goodbye, and a new one takes
//! its place.
//!
//! # Invariants
//! - There are never more connections than clients. A client begins anew only when the driver has
//!   closed its last connection, which the server closed in good form; one that broke stays away,
//!   so that a server that refuses everybody is not asked for ever.
//! - At a fixed rate a goodbye that is due counts as skipped if no client has its echoes yet.

use std::collections::VecDeque;

use allspark_engine::io::Driver;
use allspark_protocol::Instant;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::client::State;
use super::meter::{Latency, histogram};
use super::plan::Plan;
use super::runner::Runner;
use crate::workload::pace::Pace;

/// Goodbyes that are said in one turn.
const GOODBYES_PER_TURN: u32 = 512;

/// What the coming and going showed inside the measured window.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ChurnReport {
    /// Messages that each connection echoes.
    pub(crate) messages_per_connection: u16,
    /// Connections that were opened.
    pub(crate) connections: u64,
    pub(crate) connections_per_second: f64,
    /// From the first attempt to connect to the answer to the handshake.
    pub(crate) opening_us: Latency,
    /// Heap, stacks and buffers of the server before the first connection, if its process is
    /// known.
    pub(crate) server_rss_anon_before_bytes: Option<u64>,
    /// The same after the last connection was closed.
    pub(crate) server_rss_anon_after_bytes: Option<u64>,
}

/// Who has what to do, and what was measured.
#[derive(Debug)]
pub(super) struct Churn {
    messages: u16,
    rate_per_s: Option<u32>,
    /// Set when traffic begins, if there is a rate.
    pace: Option<Pace>,
    turns: Vec<Turn>,
    /// Clients that have their echoes, the first one first.
    ready: VecDeque<u32>,
    skipped: u64,
    /// Connections that were opened in the window.
    opening_ns: Histogram<u64>,
}

/// What is known of the present connection of a client.
#[derive(Clone, Copy, Debug)]
struct Turn {
    begun: Instant,
    /// Messages that it has not got back yet.
    left: u16,
    /// Whether the client begins anew when the connection is closed.
    returns: bool,
}

impl Churn {
    pub(super) fn new(plan: &Plan) -> Self {
        let turn = Turn {
            begun: Instant::ZERO,
            left: 0,
            returns: false,
        };
        Self {
            messages: plan.messages,
            rate_per_s: plan.rate_per_s,
            pace: None,
            turns: vec![turn; plan.clients as usize],
            ready: VecDeque::new(),
            skipped: 0,
            opening_ns: histogram(),
        }
    }

    /// From now on connections come and go.
    pub(super) fn begin(&mut self, now: Instant) {
        self.pace = self.rate_per_s.map(|rate_per_s| Pace::new(now, rate_per_s));
    }

    /// The window opens.
    pub(super) fn begin_window(&mut self) {
        self.opening_ns.reset();
    }

    /// The window closes.
    pub(super) fn end_window(&self, seconds: f64) -> ChurnReport {
        let connections = self.opening_ns.len();
        ChurnReport {
            messages_per_connection: self.messages,
            connections,
            connections_per_second: connections as f64 / seconds,
            opening_us: Latency::of(&self.opening_ns),
            server_rss_anon_before_bytes: None,
            server_rss_anon_after_bytes: None,
        }
    }

    /// A client begins to connect.
    pub(super) fn connecting(&mut self, client: u32, now: Instant) {
        self.turns[client as usize] = Turn {
            begun: now,
            left: self.messages,
            returns: false,
        };
    }

    /// A client is connected.
    pub(super) fn opened(&mut self, client: u32, now: Instant) {
        let opening = now - self.turns[client as usize].begun;
        let ns = u64::try_from(opening.as_nanos()).unwrap_or(u64::MAX);
        self.opening_ns.saturating_record(ns);
    }

    /// A client got one of its messages back. Returns whether it sends another one.
    pub(super) fn echoed(&mut self, client: u32) -> bool {
        let turn = &mut self.turns[client as usize];
        if turn.left == 0 {
            // The server repeats itself, which the auditor has noticed.
            return false;
        }
        turn.left -= 1;
        if turn.left == 0 {
            self.ready.push_back(client);
        }
        turn.left > 0
    }

    /// A client has left in good form.
    pub(super) fn left(&mut self, client: u32) {
        self.turns[client as usize].returns = true;
    }

    /// The driver is done with a client's connection. Returns whether it begins anew.
    fn take_return(&mut self, client: u32) -> bool {
        std::mem::take(&mut self.turns[client as usize].returns)
    }

    /// When the next goodbye is due, if there is a rate.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.pace.as_ref().map(Pace::next_due)
    }

    /// Whether a goodbye waits for nothing.
    pub(super) fn has_ready(&self) -> bool {
        self.pace.is_none() && !self.ready.is_empty()
    }

    /// Goodbyes that were due when no client was ready.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Takes the next client that is to say goodbye now.
    fn take_due(&mut self, now: Instant) -> Option<u32> {
        let Some(pace) = &mut self.pace else {
            return self.ready.pop_front();
        };
        while pace.take_due(now).is_some() {
            if let Some(client) = self.ready.pop_front() {
                return Some(client);
            }
            self.skipped += 1;
        }
        None
    }
}

impl<D: Driver> Runner<D> {
    /// Says the goodbyes that are due.
    pub(super) fn replace_due(&mut self) {
        for _ in 0..GOODBYES_PER_TURN {
            let now = self.now;
            let Some(index) = self.churn.as_mut().and_then(|churn| churn.take_due(now)) else {
                return;
            };
            if self.fleet.client(index).state == State::Open {
                self.say_goodbye(index);
            }
        }
    }

    /// The connection of a client is closed: it may begin anew.
    pub(super) fn gone(&mut self, index: u32) {
        let Some(churn) = &mut self.churn else { return };
        if churn.take_return(index) && self.phase.has_traffic() {
            self.fleet.begin_again(index);
            self.connect(index);
        }
    }

    /// Memory of the server after everybody has left, as far as it can be known.
    pub(super) fn complete_churn_report(&mut self, before_bytes: Option<u64>, after: Option<u64>) {
        if let Some(report) = &mut self.churn_report {
            report.server_rss_anon_before_bytes = before_bytes;
            report.server_rss_anon_after_bytes = after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn churn(clients: usize, messages: u16, pace: Option<Pace>) -> Churn {
        let turn = Turn {
            begun: Instant::ZERO,
            left: 0,
            returns: false,
        };
        Churn {
            messages,
            rate_per_s: None,
            pace,
            turns: vec![turn; clients],
            ready: VecDeque::new(),
            skipped: 0,
            opening_ns: histogram(),
        }
    }

    #[test]
    fn a_client_leaves_after_its_echoes_and_returns_once() {
        let mut churn = churn(1, 2, None);
        churn.connecting(0, Instant::from_ms(10));
        churn.opened(0, Instant::from_ms(14));
        assert!(churn.echoed(0), "the second message");
        assert_eq!(churn.take_due(Instant::ZERO), None);
        assert!(!churn.echoed(0));
        assert!(!churn.echoed(0), "what comes again changes nothing");
        assert!(churn.has_ready());
        assert_eq!(churn.take_due(Instant::ZERO), Some(0));
        assert!(!churn.take_return(0), "it has not left yet");
        assert!(!churn.has_ready());
        churn.left(0);
        assert!(churn.take_return(0) && !churn.take_return(0));
        let report = churn.end_window(2.0);
        assert_eq!(report.connections, 1);
        assert!((report.opening_us.p50 - 4000.0).abs() < 5.0, "{report:?}");
    }

    #[test]
    fn a_rate_skips_what_nobody_is_ready_for() {
        let mut churn = churn(2, 1, Some(Pace::new(Instant::from_ms(1000), 10)));
        churn.connecting(1, Instant::ZERO);
        assert_eq!(churn.take_due(Instant::from_ms(1150)), None);
        assert_eq!(churn.skipped(), 2, "due at 1000 and 1100 ms");
        churn.echoed(1);
        assert!(!churn.has_ready(), "it waits for its time");
        assert_eq!(churn.take_due(Instant::from_ms(1150)), None);
        assert_eq!(churn.take_due(Instant::from_ms(1200)), Some(1));
    }
}
