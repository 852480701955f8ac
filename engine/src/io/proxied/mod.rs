//! A driver that reads headers of the PROXY protocol before anything else comes from a connection,
//! on those listeners that have it. It decorates any driver; the shard hears
//! [`Completion::Introduced`] and then the bytes behind the header, and never the header.
//!
//! # Invariants
//! - A header counts only from trusted peers. Where one is required nobody else gets a byte
//!   through.
//! - Of a connection whose header has not come whole no more is kept than a header may have. How
//!   long it may take is the business of whoever waits for the first request.
//! - What stands behind a header in the same buffer goes on in this buffer.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;

use allspark_protocol::Instant;
use allspark_protocol::http::TrustedProxies;

use super::sim::SimDriver;
use super::{Completion, Driver, DriverKind, Op, Socket, Token, Wait, Waker};
use crate::memory::{GiveBack, kept};

mod fault;
mod reading;

pub use fault::ProxyFault;
use reading::{Read, Reading};

/// Whether connections begin with a header of the PROXY protocol, in which a proxy says whom they
/// come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// They do not; one that does is no request. The default.
    #[default]
    Off,
    /// Those of these peers may. A header of anybody else is no request.
    Optional(TrustedProxies),
    /// All of them do, and they come from these peers. Any other one is closed.
    Required(TrustedProxies),
}

impl ProxyProtocol {
    /// What is to be read of a connection first, if something is.
    fn reading(&self, peer: SocketAddr) -> Option<Reading> {
        match self {
            Self::Off => None,
            Self::Optional(proxies) => proxies
                .trusts_peer(peer)
                .then(|| Reading::Header(false, Vec::new())),
            Self::Required(proxies) => Some(match proxies.trusts_peer(peer) {
                true => Reading::Header(true, Vec::new()),
                false => Reading::Stranger,
            }),
        }
    }
}

/// A driver some of whose listeners have the PROXY protocol.
#[derive(Debug)]
pub struct Proxied<D> {
    inner: D,
    /// What each listener of the driver wants, by its number.
    listeners: Vec<ProxyProtocol>,
    /// Connections that were accepted, until they are received from.
    accepted: HashMap<Socket, Reading>,
    /// Connections whose header is still to come.
    reading: HashMap<Token, Reading>,
    /// What the next turn reports.
    told: Vec<Completion>,
    /// What the driver has reported in this turn.
    reported: Vec<Completion>,
}

impl<D: Driver> Proxied<D> {
    /// A driver whose listeners want this, each by its number.
    pub fn new(inner: D, listeners: Vec<ProxyProtocol>) -> Self {
        Self {
            inner,
            listeners,
            accepted: HashMap::new(),
            reading: HashMap::new(),
            told: Vec::new(),
            reported: Vec::new(),
        }
    }

    /// Sets what the listeners want. Whoever was accepted stays as it is.
    pub fn set_listeners(&mut self, listeners: Vec<ProxyProtocol>) {
        self.listeners = listeners;
    }

    /// Connections of which a header is awaited, or was refused.
    pub fn unintroduced(&self) -> usize {
        self.accepted.len() + self.reading.len()
    }

    /// The shard begins to receive. Returns whether the driver is to.
    fn begin(&mut self, socket: Socket, token: Token) -> bool {
        let Some(reading) = self.accepted.remove(&socket) else {
            return true;
        };
        let is_stranger = matches!(reading, Reading::Stranger);
        if is_stranger {
            self.told.push(ProxyFault::Stranger.end(token));
        }
        self.reading.insert(token, reading);
        !is_stranger
    }

    fn report(&mut self, completion: Completion, completions: &mut Vec<Completion>) {
        match completion {
            Completion::Accepted {
                socket,
                peer,
                listener,
            } => {
                let wanted = self.listeners.get(usize::from(listener));
                if let Some(reading) = wanted.and_then(|wanted| wanted.reading(peer)) {
                    self.accepted.insert(socket, reading);
                }
                completions.push(completion);
            }
            Completion::Received { token, buffer } => match self.reading.get_mut(&token) {
                None => completions.push(Completion::Received { token, buffer }),
                Some(reading) => {
                    if reading.read(token, buffer, completions) == Read::Whole {
                        self.forget(token);
                    }
                }
            },
            // That it ended was said before.
            Completion::ReceiveEnded { token, .. }
                if self.reading.get(&token).is_some_and(Reading::has_failed) => {}
            Completion::Closed { token } | Completion::Released { token, .. } => {
                self.forget(token);
                completions.push(completion);
            }
            other => completions.push(other),
        }
    }

    fn forget(&mut self, token: Token) {
        self.reading.remove(&token);
    }
}

impl<D: Driver> Driver for Proxied<D> {
    fn kind(&self) -> DriverKind {
        self.inner.kind()
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn unix_ms(&self) -> u64 {
        self.inner.unix_ms()
    }

    fn push(&mut self, op: Op) {
        match &op {
            Op::Receive { socket, token }
                if !self.accepted.is_empty() && !self.begin(*socket, *token) =>
            {
                return;
            }
            Op::Close { socket, .. } | Op::Release { socket, .. } => {
                self.accepted.remove(socket);
            }
            _ => {}
        }
        self.inner.push(op);
    }

    fn turn(&mut self, wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        let wait = if self.told.is_empty() { wait } else { Wait::No };
        completions.append(&mut self.told);
        let before = completions.len();
        self.inner.turn(wait, completions)?;
        let is_accepting = || {
            let mut new = completions[before..].iter();
            new.any(|completion| matches!(completion, Completion::Accepted { .. }))
        };
        if self.listeners.is_empty() || (self.unintroduced() == 0 && !is_accepting()) {
            return Ok(());
        }
        let mut reported = std::mem::take(&mut self.reported);
        reported.extend(completions.drain(before..));
        for completion in reported.drain(..) {
            self.report(completion, completions);
        }
        self.reported = reported;
        Ok(())
    }

    fn rested_from(&self) -> Option<Instant> {
        self.inner.rested_from()
    }

    fn has_more(&self) -> bool {
        !self.told.is_empty() || self.inner.has_more()
    }

    fn give_back(&mut self) {
        self.inner.give_back();
        self.told.give_back();
        self.reported.give_back();
        if let Some(kept) = kept(self.reading.len(), self.reading.capacity()) {
            self.reading.shrink_to(kept);
        }
        if let Some(kept) = kept(self.accepted.len(), self.accepted.capacity()) {
            self.accepted.shrink_to(kept);
        }
    }

    fn waker(&self) -> Waker {
        self.inner.waker()
    }
}

impl Proxied<SimDriver> {
    /// Whether the next turn has something to do or to report.
    pub fn has_work(&self) -> bool {
        !self.told.is_empty() || self.inner.has_work()
    }
}

#[cfg(test)]
mod tests;
