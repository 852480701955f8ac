//! Whether each message arrived once, in order, at everyone it was for.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{Fault, Findings};
use crate::workload::message::Stamp;

/// Gaps that are remembered in all. A gap that is not remembered counts as lost at once; if it is
/// filled later, that counts as duplication. Either way the run has failed long before.
const GAPS_MAX: usize = 1 << 16;

/// Messages of one publisher that may be under way when a client joins: seconds of them at any rate
/// at which they are worth to be judged one by one.
const UNDER_WAY_MAX: u32 = 4096;

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// There are no messages.
    Nobody,
    /// The sender itself; sender and client have the same number.
    Sender,
    /// Every live client.
    Everyone,
    /// Of publishers, which are the first senders, every live client; of the others the sender
    /// itself, whose number as a client comes after those of the publishers. Clients come and go
    /// while publishers send.
    Both,
}

/// All streams of messages: one per pair of receiver and sender.
pub(super) struct Deliveries {
    shape: Shape,
    /// Senders whose messages are for everyone.
    publishers: u32,
    /// For each sender, how many messages it has sent.
    sent: Vec<u32>,
    /// For each stream, the sequence number that should come next.
    next: Vec<u32>,
    /// Sequence numbers that were skipped, by stream. Empty unless something is wrong.
    gaps: HashMap<usize, Vec<Range<u32>>>,
    gap_count: usize,
    outstanding: u64,
    /// Streams of clients that joined when messages might be under way, and have got none yet.
    joining: HashSet<usize>,
}

impl Deliveries {
    /// `senders` counts, where both shapes are, only the publishers.
    pub(super) fn new(shape: Shape, clients: u32, senders: u32) -> Self {
        let publishers = match shape {
            Shape::Nobody | Shape::Sender => 0,
            Shape::Everyone | Shape::Both => senders,
        };
        let senders = match shape {
            Shape::Both => senders + clients,
            _ => senders,
        };
        let streams = clients as usize * Self::streams_per_client(shape, publishers);
        Self {
            shape,
            publishers,
            joining: HashSet::new(),
            sent: vec![0; senders as usize],
            next: vec![0; streams],
            gaps: HashMap::new(),
            gap_count: 0,
            outstanding: 0,
        }
    }

    /// Deliveries that live clients still have to get.
    pub(super) fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// From now on the client gets what is sent. What publishers have under way at this moment it
    /// may get or not, but if it gets a message it gets all that follow.
    pub(super) fn joined(&mut self, client: u32) {
        for stream in self.streams_of(client) {
            let sender = self.sender_of(stream);
            self.next[stream] = self.sent[sender];
            if self.shape == Shape::Both && sender < self.publishers as usize {
                self.joining.insert(stream);
            }
        }
    }

    /// The client is about to leave, and others do not wait for that: what they have under way may
    /// miss it. What it has skipped until now is lost.
    pub(super) fn parted(&mut self, client: u32, findings: &mut Findings) {
        for stream in self.streams_of(client) {
            let sender = self.sender_of(stream);
            if sender < self.publishers as usize {
                self.outstanding -= u64::from(self.sent[sender] - self.next[stream]);
                self.next[stream] = self.sent[sender];
            }
        }
        self.left(client, Some(findings));
    }

    /// Whether a client has got back everything that was for it alone.
    pub(super) fn has_own(&self, client: u32) -> bool {
        let mut streams = self.streams_of(client);
        streams.all(|stream| {
            let sender = self.sender_of(stream);
            sender < self.publishers as usize || self.next[stream] == self.sent[sender]
        })
    }

    /// The client gets nothing more. What it should have got until now is lost, unless nobody
    /// wants to know, because the reason is known already.
    pub(super) fn left(&mut self, client: u32, mut findings: Option<&mut Findings>) {
        for stream in self.streams_of(client) {
            self.joining.remove(&stream);
            let sender = self.sender_of(stream);
            let tail = u64::from(self.sent[sender] - self.next[stream]);
            let gaps = self.gaps.remove(&stream).unwrap_or_default();
            self.gap_count -= gaps.len();
            let skipped: u64 = gaps.iter().map(|gap| u64::from(gap.end - gap.start)).sum();
            let missing = tail + skipped;
            self.outstanding -= missing;
            if missing > 0
                && let Some(findings) = &mut findings
            {
                let first = gaps.first().map_or(self.next[stream], |gap| gap.start);
                findings.note_many(Fault::Lost, missing, || {
                    format!(
                        "client {client} never got {missing} messages of sender {sender}, \
                         the first of them number {first}"
                    )
                });
            }
        }
    }

    /// A sender sent its next message, which is for so many clients if it is for everyone.
    pub(super) fn sent(&mut self, sender: u32, sequence: u32, live_clients: u32) {
        let sent = &mut self.sent[sender as usize];
        assert_eq!(*sent, sequence, "a sender counts its messages");
        *sent += 1;
        self.outstanding += match self.shape {
            Shape::Nobody => 0,
            _ if sender < self.publishers => u64::from(live_clients),
            _ => 1,
        };
    }

    /// A live client received a message.
    pub(super) fn received(&mut self, client: u32, stamp: Stamp, findings: &mut Findings) {
        let Stamp { from, sequence, .. } = stamp;
        let message = || format!("client {client} got message {sequence} of sender {from}");
        if self
            .sent
            .get(from as usize)
            .is_none_or(|&sent| sequence >= sent)
        {
            findings.note(Fault::Invented, message);
            return;
        }
        let Some(stream) = self.stream(client, from) else {
            findings.note(Fault::Misdelivered, message);
            return;
        };
        if !self.joining.is_empty() && self.joining.remove(&stream) {
            self.begin_early(stream, sequence);
        }
        let next = self.next[stream];
        if sequence == next {
            self.next[stream] = next + 1;
        } else if sequence > next {
            self.next[stream] = sequence + 1;
            self.remember_gap(stream, next..sequence, client, findings);
        } else if self.fill_gap(stream, sequence) {
            findings.note(Fault::Reordered, || format!("{} too late", message()));
        } else {
            findings.note(Fault::Duplicated, || format!("{} again", message()));
            return;
        }
        self.outstanding -= 1;
    }

    /// The first message that a client got may be one that was under way when it joined: then it
    /// gets all from that one on.
    fn begin_early(&mut self, stream: usize, sequence: u32) {
        let next = self.next[stream];
        if (next.saturating_sub(UNDER_WAY_MAX)..next).contains(&sequence) {
            self.outstanding += u64::from(next - sequence);
            self.next[stream] = sequence;
        }
    }

    fn remember_gap(
        &mut self,
        stream: usize,
        gap: Range<u32>,
        client: u32,
        findings: &mut Findings,
    ) {
        if self.gap_count < GAPS_MAX {
            self.gaps.entry(stream).or_default().push(gap);
            self.gap_count += 1;
            return;
        }
        let missing = u64::from(gap.end - gap.start);
        self.outstanding -= missing;
        findings.note_many(Fault::Lost, missing, || {
            format!("client {client} did not get {missing} messages in a row")
        });
    }

    /// Takes a sequence number out of the gaps. Returns whether it was in one.
    fn fill_gap(&mut self, stream: usize, sequence: u32) -> bool {
        let Some(gaps) = self.gaps.get_mut(&stream) else {
            return false;
        };
        let Some(position) = gaps.iter().position(|gap| gap.contains(&sequence)) else {
            return false;
        };
        let gap = gaps.remove(position);
        let parts = [gap.start..sequence, sequence + 1..gap.end];
        let before = gaps.len() + 1;
        for part in parts.into_iter().rev().filter(|part| !part.is_empty()) {
            gaps.insert(position, part);
        }
        self.gap_count = self.gap_count + gaps.len() - before;
        true
    }

    /// Which stream leads from this sender to this client, if one does.
    fn stream(&self, client: u32, sender: u32) -> Option<usize> {
        let first = self.streams_of(client).start;
        match self.shape {
            Shape::Nobody => None,
            _ if sender < self.publishers => Some(first + sender as usize),
            Shape::Everyone => None,
            Shape::Sender | Shape::Both => {
                let is_own = sender - self.publishers == client;
                is_own.then_some(first + self.publishers as usize)
            }
        }
    }

    /// The streams that lead to this client.
    fn streams_of(&self, client: u32) -> Range<usize> {
        let each = Self::streams_per_client(self.shape, self.publishers);
        client as usize * each..(client as usize + 1) * each
    }

    /// One of each publisher, and, if clients have messages for themselves, one of these.
    fn streams_per_client(shape: Shape, publishers: u32) -> usize {
        publishers as usize + usize::from(matches!(shape, Shape::Sender | Shape::Both))
    }

    fn sender_of(&self, stream: usize) -> usize {
        let publishers = self.publishers as usize;
        let each = Self::streams_per_client(self.shape, self.publishers);
        match stream % each {
            publisher if publisher < publishers => publisher,
            _ => publishers + stream / each,
        }
    }
}

#[cfg(test)]
mod tests;
