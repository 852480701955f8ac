//! A client that is asked about before it has a spark: its request waits, and what was said about
//! it goes with it.

use std::sync::{Arc, Mutex, PoisonError};

use allspark::{LayerError, LayerTicket, Response};

use super::reply::Refuse;
use super::verdict::Verdict;

/// What a client is told whose refusal says nothing.
const STATUS: u16 = 403;
const MESSAGE: &str = "refused";

/// A request that waits. Who decides first has decided; when nobody can any more it is a 503.
#[derive(Clone, Debug)]
pub(super) struct Asking(Arc<Mutex<Option<LayerTicket>>>);

/// What was said about a client that was let in, until it has a spark.
#[derive(Default)]
pub(super) struct LetIn(pub(super) Verdict);

/// What became of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decided {
    LetIn,
    Refused,
    /// It is told to come again.
    TurnedAway,
}

impl Asking {
    pub(super) fn new(ticket: LayerTicket) -> Self {
        Self(Arc::new(Mutex::new(Some(ticket))))
    }

    /// Does what was said, unless it is decided already.
    pub(super) fn decide(&self, verdict: Verdict) -> Option<Decided> {
        let ticket = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut ticket = ticket?;
        Some(match &verdict.refuse {
            None => {
                ticket.attach(LetIn(verdict));
                ticket.next();
                Decided::LetIn
            }
            Some(refuse) if refuse.is_later() => {
                ticket.answer(come_again());
                Decided::TurnedAway
            }
            Some(refuse) => {
                ticket.fail(refusal(refuse));
                Decided::Refused
            }
        })
    }
}

fn refusal(refuse: &Refuse) -> LayerError {
    let status = refuse.status.filter(|status| (400..600).contains(status));
    let message = refuse.message.as_deref().unwrap_or(MESSAGE);
    LayerError::new(message).status(status.unwrap_or(STATUS))
}

/// The answer to who may come again.
pub(super) fn come_again() -> Response {
    Response::text(503, "Service Unavailable\n").header("Retry-After", "1")
}
