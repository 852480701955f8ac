//! Whether each message arrived once, in order, at everyone it was for.

use std::collections::HashMap;
use std::ops::Range;

use super::{Fault, Findings};
use crate::workload::message::Stamp;

/// Gaps that are remembered in all. A gap that is not remembered counts as lost at once; if it is
/// filled later, that counts as duplication. Either way the run has failed long before.
const GAPS_MAX: usize = 1 << 16;

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// There are no messages.
    Nobody,
    /// The sender itself; sender and client have the same number.
    Sender,
    /// Every live client.
    Everyone,
}

/// All streams of messages: one per pair of receiver and sender.
pub(super) struct Deliveries {
    shape: Shape,
    senders: u32,
    /// For each sender, how many messages it has sent.
    sent: Vec<u32>,
    /// For each stream, the sequence number that should come next.
    next: Vec<u32>,
    /// Sequence numbers that were skipped, by stream. Empty unless something is wrong.
    gaps: HashMap<usize, Vec<Range<u32>>>,
    gap_count: usize,
    outstanding: u64,
}

impl Deliveries {
    pub(super) fn new(shape: Shape, clients: u32, senders: u32) -> Self {
        let streams = match shape {
            Shape::Nobody => 0,
            Shape::Sender => clients as usize,
            Shape::Everyone => clients as usize * senders as usize,
        };
        Self {
            shape,
            senders,
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

    /// From now on the client gets what is sent.
    pub(super) fn joined(&mut self, client: u32) {
        for stream in self.streams_of(client) {
            self.next[stream] = self.sent[self.sender_of(stream)];
        }
    }

    /// The client gets nothing more. What it should have got until now is lost, unless nobody
    /// wants to know, because the reason is known already.
    pub(super) fn left(&mut self, client: u32, mut findings: Option<&mut Findings>) {
        for stream in self.streams_of(client) {
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
            Shape::Sender => 1,
            Shape::Everyone => u64::from(live_clients),
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
        match self.shape {
            Shape::Nobody => None,
            Shape::Sender => (client == sender).then_some(client as usize),
            Shape::Everyone => Some(client as usize * self.senders as usize + sender as usize),
        }
    }

    /// The streams that lead to this client.
    fn streams_of(&self, client: u32) -> Range<usize> {
        let (client, senders) = (client as usize, self.senders as usize);
        match self.shape {
            Shape::Nobody => 0..0,
            Shape::Sender => client..client + 1,
            Shape::Everyone => client * senders..(client + 1) * senders,
        }
    }

    fn sender_of(&self, stream: usize) -> usize {
        match self.shape {
            Shape::Nobody | Shape::Sender => stream,
            Shape::Everyone => stream % self.senders as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `sent` messages from sender 0 to two clients and lets client 1 receive `order`.
    fn judged(sent: u32, order: &[u32]) -> Findings {
        let mut findings = Findings::default();
        let mut deliveries = Deliveries::new(Shape::Everyone, 2, 1);
        for sequence in 0..sent {
            deliveries.sent(0, sequence, 2);
            deliveries.received(0, stamp(0, sequence), &mut findings);
        }
        for &sequence in order {
            deliveries.received(1, stamp(0, sequence), &mut findings);
        }
        deliveries.left(0, Some(&mut findings));
        deliveries.left(1, Some(&mut findings));
        assert_eq!(deliveries.outstanding(), 0);
        assert_eq!(deliveries.gap_count, 0);
        findings
    }

    fn stamp(from: u32, sequence: u32) -> Stamp {
        Stamp {
            from,
            sequence,
            sent_ns: 0,
        }
    }

    fn found(findings: &Findings) -> Vec<(&'static str, u64)> {
        findings
            .found()
            .map(|(fault, count)| (fault.name(), count))
            .collect()
    }

    #[test]
    fn order_without_gaps_is_right() {
        assert_eq!(found(&judged(4, &[0, 1, 2, 3])), []);
    }

    #[test]
    fn a_gap_that_stays_is_loss() {
        assert_eq!(found(&judged(6, &[0, 4, 5])), [("lost", 3)]);
        assert_eq!(found(&judged(3, &[0])), [("lost", 2)]);
        assert_eq!(found(&judged(3, &[])), [("lost", 3)]);
    }

    #[test]
    fn a_gap_that_is_filled_is_reordering() {
        assert_eq!(found(&judged(3, &[1, 0, 2])), [("reordered", 1)]);
        assert_eq!(found(&judged(5, &[0, 4, 2, 1, 3])), [("reordered", 3)]);
        let both = judged(5, &[4, 2, 2]);
        assert_eq!(
            found(&both),
            [("lost", 3), ("duplicated", 1), ("reordered", 1)]
        );
    }

    #[test]
    fn what_comes_again_is_duplication() {
        assert_eq!(found(&judged(3, &[0, 1, 1, 2, 0])), [("duplicated", 2)]);
    }

    #[test]
    fn what_was_not_sent_is_invented() {
        assert_eq!(found(&judged(1, &[0, 1])), [("invented", 1)]);
        let mut findings = Findings::default();
        let mut deliveries = Deliveries::new(Shape::Everyone, 1, 1);
        deliveries.received(0, stamp(7, 0), &mut findings);
        assert_eq!(found(&findings), [("invented", 1)]);
    }

    #[test]
    fn an_echo_is_for_its_sender_alone() {
        let mut findings = Findings::default();
        let mut deliveries = Deliveries::new(Shape::Sender, 2, 2);
        deliveries.sent(0, 0, 2);
        assert_eq!(deliveries.outstanding(), 1);
        deliveries.received(1, stamp(0, 0), &mut findings);
        deliveries.received(0, stamp(0, 0), &mut findings);
        assert_eq!(deliveries.outstanding(), 0);
        assert_eq!(found(&findings), [("misdelivered", 1)]);
    }

    /// What is wrong with an order of arrival, counted in the plainest way.
    fn counted(sent: u32, order: &[u32]) -> [u64; 4] {
        let (mut duplicated, mut reordered, mut invented) = (0, 0, 0);
        let mut seen = std::collections::BTreeSet::new();
        for &sequence in order {
            if sequence >= sent {
                invented += 1;
            } else if seen.contains(&sequence) {
                duplicated += 1;
            } else {
                reordered += u64::from(seen.last().is_some_and(|&last| last > sequence));
                seen.insert(sequence);
            }
        }
        let lost = u64::from(sent) - seen.len() as u64;
        [lost, duplicated, reordered, invented]
    }

    proptest::proptest! {
        #[test]
        fn any_trace_is_counted_right(
            sent in 0..12u32,
            order in proptest::collection::vec(0..14u32, 0..40),
        ) {
            let findings = judged(sent, &order);
            let faults = [Fault::Lost, Fault::Duplicated, Fault::Reordered, Fault::Invented];
            let found = faults.map(|fault| findings.count(fault));
            proptest::prop_assert_eq!(found, counted(sent, &order));
        }
    }

    #[test]
    fn two_senders_are_two_orders() {
        let mut findings = Findings::default();
        let mut deliveries = Deliveries::new(Shape::Everyone, 1, 2);
        for sequence in 0..2 {
            deliveries.sent(0, sequence, 1);
            deliveries.sent(1, sequence, 1);
        }
        for (from, sequence) in [(1, 0), (1, 1), (0, 0), (0, 1)] {
            deliveries.received(0, stamp(from, sequence), &mut findings);
        }
        deliveries.left(0, Some(&mut findings));
        assert_eq!(found(&findings), []);
    }
}
