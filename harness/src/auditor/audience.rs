//! Whether each message arrived once, in order, at exactly those it was for, where whoever tells of
//! a message names its receivers: messages to rooms, beside broadcasts and messages for one.
//!
//! Of values with a key only the newest must arrive, and none behind a newer one. A value may take
//! the place of an older one of its key that has not arrived, and so overtake what was written in
//! between.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use super::{Fault, Findings};
use crate::workload::message::Stamp;

/// Messages of one sender whose receivers are remembered after they were sent: if one of them
/// arrives at somebody who does not wait for it, they tell whether it came again or went astray.
const RECENT_MAX: usize = 256;

/// Messages that one client may wait for. An older one counts as lost.
const OWED_MAX: usize = 1 << 16;

/// A key of values, as whoever tells of them numbers it. All its values are of one sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ValueKey(pub(crate) u32);

/// Whom a message is for: clients in ascending order, each once.
pub(crate) type Receivers = Rc<[u32]>;

/// All that clients wait for.
#[derive(Debug)]
pub(super) struct Audiences {
    senders: Vec<Sender>,
    /// By client, in the order in which it was sent.
    owed: Vec<VecDeque<Owed>>,
    /// By client and key, the number of the newest value that arrived.
    newest: HashMap<(u32, ValueKey), u32>,
    outstanding: u64,
    replaced: u64,
}

#[derive(Debug, Default)]
struct Sender {
    /// How many messages it has sent.
    sent: u32,
    /// Whom the last of them were for, and their keys.
    recent: VecDeque<(Receivers, Option<ValueKey>)>,
}

/// A message that has to arrive.
#[derive(Clone, Copy, Debug)]
struct Owed {
    sender: u32,
    sequence: u32,
    key: Option<ValueKey>,
    /// A later message of its sender has arrived.
    is_passed: bool,
}

impl Audiences {
    pub(super) fn new(clients: u32) -> Self {
        Self {
            senders: Vec::new(),
            owed: vec![VecDeque::new(); clients as usize],
            newest: HashMap::new(),
            outstanding: 0,
            replaced: 0,
        }
    }

    /// Deliveries that clients still have to get, or values whose place a newer one may take.
    pub(super) fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// Values that did not arrive because a newer one took their place.
    pub(super) fn replaced(&self) -> u64 {
        self.replaced
    }

    /// A sender sent a message to those of its receivers who are live. Numbers that were left out
    /// are those of messages that nobody was to get.
    pub(super) fn sent(
        &mut self,
        (number, sequence): (u32, u32),
        (receivers, key): (&Receivers, Option<ValueKey>),
        live: &[bool],
        findings: &mut Findings,
    ) {
        let index = number as usize;
        if self.senders.len() <= index {
            self.senders.resize_with(index + 1, Sender::default);
        }
        self.senders[index].count(sequence, receivers, key);
        let is_live = |client: &&u32| live[**client as usize];
        for &client in receivers.iter().filter(is_live) {
            let owed = &mut self.owed[client as usize];
            owed.push_back(Owed {
                sender: number,
                sequence,
                key,
                is_passed: false,
            });
            self.outstanding += 1;
            if owed.len() > OWED_MAX {
                owed.pop_front();
                self.outstanding -= 1;
                findings.note(Fault::Lost, || {
                    format!("client {client} waits for more than {OWED_MAX} messages")
                });
            }
        }
    }

    /// A live client received a message.
    pub(super) fn received(&mut self, client: u32, stamp: Stamp, findings: &mut Findings) {
        let Stamp { from, sequence, .. } = stamp;
        let sender = self.senders.get(from as usize);
        if sender.is_none_or(|sender| sequence >= sender.sent) {
            return findings.note(Fault::Invented, || got(client, stamp));
        }
        let owed = &mut self.owed[client as usize];
        let is_it = |one: &Owed| one.sender == from && one.sequence == sequence;
        let Some((place, one)) = owed.iter().copied().enumerate().find(|(_, one)| is_it(one))
        else {
            return self.unexpected(client, stamp, findings);
        };
        if one.is_passed {
            findings.note(Fault::Reordered, || {
                format!("{} too late", got(client, stamp))
            });
        }
        // A value that takes the place of older ones overtakes what is behind the first of them.
        let is_older = |other: &Owed| other.key.is_some() && other.key == one.key;
        let first = owed.iter().take(place).position(is_older);
        pass(owed, first.unwrap_or(place), from);
        owed.remove(place);
        self.outstanding -= 1;
        if let Some(key) = one.key {
            self.value_arrived(client, key, place, findings);
            self.newest.insert((client, key), sequence);
        }
    }

    /// Older values of a key need not arrive any more.
    fn value_arrived(
        &mut self,
        client: u32,
        key: ValueKey,
        before: usize,
        findings: &mut Findings,
    ) {
        let mut place = 0;
        let (mut replaced, mut lost) = (0, 0);
        self.owed[client as usize].retain(|one| {
            let is_older = place < before && one.key == Some(key);
            place += 1;
            replaced += u64::from(is_older && !one.is_passed);
            lost += u64::from(is_older && one.is_passed);
            !is_older
        });
        self.outstanding -= replaced + lost;
        self.replaced += replaced;
        if lost > 0 {
            findings.note_many(Fault::Lost, lost, || {
                format!("client {client} never got {lost} values that nothing took the place of")
            });
        }
    }

    /// A client got what it does not wait for.
    fn unexpected(&self, client: u32, stamp: Stamp, findings: &mut Findings) {
        let message = got(client, stamp);
        let Some((receivers, key)) = self.senders[stamp.from as usize].recall(stamp.sequence)
        else {
            return findings.note(Fault::Duplicated, || format!("{message} long after"));
        };
        let newest = key.and_then(|key| self.newest.get(&(client, key)));
        if receivers.binary_search(&client).is_err() {
            findings.note(Fault::Misdelivered, || message);
        } else if newest.is_some_and(|newest| *newest > stamp.sequence) {
            findings.note(Fault::Backwards, || {
                format!("{message} behind a newer value")
            });
        } else {
            findings.note(Fault::Duplicated, || format!("{message} again"));
        }
    }

    /// The client gets nothing more. What it should have got until now is lost, unless nobody
    /// wants to know.
    pub(super) fn left(&mut self, client: u32, findings: Option<&mut Findings>) {
        let owed = std::mem::take(&mut self.owed[client as usize]);
        self.outstanding -= owed.len() as u64;
        let Some(findings) = findings else { return };
        let is_missing = |place: &usize| !is_superseded(&owed, *place);
        let missing: Vec<usize> = (0..owed.len()).filter(is_missing).collect();
        if let Some(&first) = missing.first() {
            findings.note_many(Fault::Lost, missing.len() as u64, || {
                let Owed {
                    sender, sequence, ..
                } = owed[first];
                format!(
                    "client {client} never got {} messages, the first of them number {sequence} \
                     of sender {sender}",
                    missing.len()
                )
            });
        }
    }
}

impl Sender {
    /// Its next message is this one.
    fn count(&mut self, sequence: u32, receivers: &Receivers, key: Option<ValueKey>) {
        assert!(self.sent <= sequence, "a sender counts its messages");
        let nobody: Receivers = Rc::new([]);
        for _ in self.sent.max(sequence.saturating_sub(RECENT_MAX as u32))..sequence {
            self.remember(&nobody, None);
        }
        self.remember(receivers, key);
        self.sent = sequence + 1;
    }

    fn remember(&mut self, receivers: &Receivers, key: Option<ValueKey>) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((Rc::clone(receivers), key));
    }

    /// Whom one of its messages was for, if that is not too long ago, and its key.
    fn recall(&self, sequence: u32) -> Option<&(Receivers, Option<ValueKey>)> {
        let back = (self.sent - sequence) as usize;
        self.recent.get(self.recent.len().checked_sub(back)?)
    }
}

/// A message of a sender arrived at a client that waited for others of that sender before it. What
/// a newer value may take the place of need not come any more.
fn pass(owed: &mut VecDeque<Owed>, before: usize, sender: u32) {
    for place in 0..before {
        if owed[place].sender == sender && !is_superseded(owed, place) {
            owed[place].is_passed = true;
        }
    }
}

/// Whether a newer value of the same key is on its way as well.
fn is_superseded(owed: &VecDeque<Owed>, place: usize) -> bool {
    let key = owed[place].key;
    let mut later = owed.range(place + 1..);
    key.is_some() && later.any(|one| one.key == key)
}

fn got(client: u32, stamp: Stamp) -> String {
    let Stamp { from, sequence, .. } = stamp;
    format!("client {client} got message {sequence} of sender {from}")
}

#[cfg(test)]
mod tests;
