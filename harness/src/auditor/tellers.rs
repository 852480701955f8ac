//! What the judges of reconnects, of sparks and of questions are told, grouped by who tells it.

use std::time::Duration;

use allspark_protocol::Instant;

use super::{Auditor, ConnectionId, Silence};

impl Auditor {
    /// Judges what comes between the connections of clients.
    pub(crate) fn reconnects(&mut self) -> ReconnectsOf<'_> {
        ReconnectsOf(self)
    }

    /// Judges questions and their answers.
    pub(crate) fn acks(&mut self) -> AcksOf<'_> {
        AcksOf(self)
    }

    /// Judges what a server says of its sparks.
    pub(crate) fn sparks(&mut self) -> SparksOf<'_> {
        SparksOf(self)
    }
}

/// What clients do between their connections. Nothing is judged unless it was asked for.
pub(crate) struct ReconnectsOf<'a>(pub(super) &'a mut Auditor);

impl ReconnectsOf<'_> {
    /// A client begins to connect.
    pub(crate) fn attempted(self, client: u32, now: Instant) {
        self.attempted_late(client, now, Duration::ZERO);
    }

    /// A client begins to connect, by this much too late for a reason that is not its own.
    pub(crate) fn attempted_late(self, client: u32, now: Instant, late: Duration) {
        if let Some(judge) = &mut self.0.reconnects {
            judge.attempted(client, (now, late), &mut self.0.findings);
        }
    }

    /// The connection of a client is open.
    pub(crate) fn opened(self, client: u32) {
        if let Some(judge) = &mut self.0.reconnects {
            judge.opened(client);
        }
    }

    /// A client lost its connection, or an attempt to get one failed.
    pub(crate) fn lost(self, client: u32, now: Instant) {
        if let Some(judge) = &mut self.0.reconnects {
            judge.lost(client, now, &mut self.0.findings);
        }
    }

    /// A client gives an attempt up because nobody answers. That it failed is told, too.
    pub(crate) fn timed_out(self, client: u32, now: Instant) {
        if let Some(judge) = &mut self.0.reconnects {
            judge.timed_out(client, now, &mut self.0.findings);
        }
    }

    /// The client or the server has ended it for good.
    pub(crate) fn ended(self, client: u32, now: Instant) {
        if let Some(judge) = &mut self.0.reconnects {
            judge.ended(client, now, &mut self.0.findings);
        }
    }

    /// A client ends by itself.
    pub(crate) fn gave_up(self, client: u32) {
        if let Some(judge) = &mut self.0.reconnects {
            judge.gave_up(client, &mut self.0.findings);
        }
    }
}

/// What servers say of their sparks. Nothing is judged unless it was asked for.
pub(crate) struct SparksOf<'a>(pub(super) &'a mut Auditor);

impl SparksOf<'_> {
    /// A `connection` event.
    pub(crate) fn connected(self, id: ConnectionId, node: u16) {
        if let Some(judge) = &mut self.0.sparks {
            judge.connected(id, node, &mut self.0.findings);
        }
    }

    /// A `disconnection` event.
    pub(crate) fn disconnected(self, id: ConnectionId, now: Instant) {
        if let Some(judge) = &mut self.0.sparks {
            judge.disconnected(id, now, &mut self.0.findings);
        }
    }

    /// Nothing comes from a client any more, though its connection was not closed.
    pub(crate) fn fell_silent(self, id: ConnectionId, silence: Silence) {
        if let Some(judge) = &mut self.0.sparks {
            judge.fell_silent(id, silence);
        }
    }

    /// A server was told to end all its sparks.
    pub(crate) fn node_drains(self, node: u16) {
        if let Some(judge) = &mut self.0.sparks {
            judge.node_drains(node);
        }
    }

    /// A server is gone without a word.
    pub(crate) fn node_gone(self, node: u16) {
        if let Some(judge) = &mut self.0.sparks {
            judge.node_gone(node);
        }
    }
}

/// Questions that want an answer, and what becomes of them. Nothing is judged unless it was asked
/// for.
pub(crate) struct AcksOf<'a>(pub(super) &'a mut Auditor);

impl AcksOf<'_> {
    /// A question was asked over a client's connection.
    pub(crate) fn asked(self, client: u32, id: u64, now: Instant) {
        if let Some(judge) = &mut self.0.acks {
            judge.asked(client, id, now);
        }
    }

    /// Whoever asked was told an answer.
    pub(crate) fn answered(self, client: u32, id: u64, now: Instant) {
        if let Some(judge) = &mut self.0.acks {
            judge.answered(client, id, now, &mut self.0.findings);
        }
    }

    /// Whoever asked was told that no answer came in time.
    pub(crate) fn gave_up(self, client: u32, id: u64, now: Instant) {
        if let Some(judge) = &mut self.0.acks {
            judge.gave_up(client, id, now, &mut self.0.findings);
        }
    }
}
