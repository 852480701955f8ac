//! Values of keys, of which only the newest matters: whether none arrived behind a newer one of its
//! key, none twice, none at somebody it was not for, and whether at the end everybody has the
//! newest one of each key.
//!
//! A sender has so many keys, and sends values of them in turn, so its count of messages says which
//! key a value is of. Which values of different keys came first is not judged: a value may overtake
//! others.

use super::audience::Receivers;
use super::{Fault, Findings};
use crate::workload::message::Stamp;

/// What became of the values that clients were to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrivals {
    /// Values that were sent to clients who were there.
    pub(crate) owed: u64,
    /// Values that arrived.
    pub(crate) arrived: u64,
    /// Keys whose newest value has not arrived.
    pub(crate) behind: u64,
}

impl Arrivals {
    /// Values that did not arrive because a newer one took their place.
    pub(crate) fn replaced(self) -> u64 {
        self.owed - self.arrived - self.behind
    }

    /// Adds those of another client.
    pub(crate) fn add(&mut self, other: Self) {
        self.owed += other.owed;
        self.arrived += other.arrived;
        self.behind += other.behind;
    }
}

/// All values.
#[derive(Debug)]
pub(super) struct Values {
    keys_each: u32,
    /// By sender, one sender's keys behind the other's.
    keys: Vec<Key>,
    /// By sender, how many values it has sent.
    sent: Vec<u32>,
    clients: Vec<Arrivals>,
    outstanding: u64,
}

#[derive(Debug)]
struct Key {
    receivers: Receivers,
    /// How many messages its sender had sent, its newest value included; 0 if there is none.
    last: u32,
    /// The same of what arrived last, by place in `receivers`.
    newest: Vec<u32>,
}

impl Values {
    /// Each sender has as many keys; whom the values of each are for is told for one sender's keys
    /// after the other's.
    pub(super) fn new(clients: u32, keys_each: u32, receivers: Vec<Receivers>) -> Self {
        assert!(keys_each > 0 && receivers.len().is_multiple_of(keys_each as usize));
        let senders = receivers.len() / keys_each as usize;
        let keys = receivers.into_iter().map(|receivers| Key {
            newest: vec![0; receivers.len()],
            receivers,
            last: 0,
        });
        Self {
            keys_each,
            keys: keys.collect(),
            sent: vec![0; senders],
            clients: vec![Arrivals::default(); clients as usize],
            outstanding: 0,
        }
    }

    fn key_of(&self, sender: u32, sequence: u32) -> usize {
        (sender * self.keys_each + sequence % self.keys_each) as usize
    }

    /// A sender sent its next value, to those of its receivers who are live.
    pub(super) fn sent(&mut self, sender: u32, sequence: u32, live: &[bool]) {
        let place = self.key_of(sender, sequence);
        let count = &mut self.sent[sender as usize];
        assert_eq!(*count, sequence, "a sender counts its values");
        *count += 1;
        let key = &mut self.keys[place];
        let before = std::mem::replace(&mut key.last, sequence + 1);
        for (client, newest) in key.receivers.iter().zip(&mut key.newest) {
            if !live[*client as usize] {
                // It is owed nothing of this, should it come later.
                *newest = key.last;
                continue;
            }
            let arrivals = &mut self.clients[*client as usize];
            arrivals.owed += 1;
            let fell_behind = u64::from(*newest == before);
            arrivals.behind += fell_behind;
            self.outstanding += fell_behind;
        }
    }

    /// A live client received a value.
    pub(super) fn received(&mut self, client: u32, stamp: Stamp, findings: &mut Findings) {
        let Stamp { from, sequence, .. } = stamp;
        let value = || format!("client {client} got value {sequence} of sender {from}");
        let sent = self.sent.get(from as usize);
        if sent.is_none_or(|sent| sequence >= *sent) {
            return findings.note(Fault::Invented, value);
        }
        let place = self.key_of(from, sequence);
        let key = &mut self.keys[place];
        let Ok(place) = key.receivers.binary_search(&client) else {
            return findings.note(Fault::Misdelivered, value);
        };
        let newest = &mut key.newest[place];
        if *newest == sequence + 1 {
            return findings.note(Fault::Duplicated, || format!("{} again", value()));
        }
        if *newest > sequence {
            let newer = *newest - 1;
            return findings.note(Fault::Backwards, || format!("{} behind {newer}", value()));
        }
        *newest = sequence + 1;
        let is_last = *newest == key.last;
        let arrivals = &mut self.clients[client as usize];
        arrivals.arrived += 1;
        arrivals.behind -= u64::from(is_last);
        self.outstanding -= u64::from(is_last);
    }

    /// The client gets nothing more. Of which keys it has not got the newest value is a fault,
    /// unless nobody wants to know.
    pub(super) fn left(&mut self, client: u32, findings: Option<&mut Findings>) {
        let arrivals = &mut self.clients[client as usize];
        let missing = std::mem::take(&mut arrivals.behind);
        // They are neither owed any more nor replaced.
        arrivals.owed -= missing;
        self.outstanding -= missing;
        if missing > 0
            && let Some(findings) = findings
        {
            findings.note_many(Fault::Lost, missing, || {
                format!("client {client} never got the newest value of {missing} keys")
            });
        }
    }

    /// Keys whose newest value somebody has not got, each counted for each of these.
    pub(super) fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// By client.
    pub(super) fn arrivals(&self) -> &[Arrivals] {
        &self.clients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One sender with two keys, whose values are for clients 0 and 2 of three.
    fn values() -> Values {
        let receivers: Receivers = [0, 2].into();
        Values::new(3, 2, vec![receivers.clone(), receivers])
    }

    /// What is found if five values were sent, 0, 2 and 4 of one key, and client 0 got these.
    fn found(received: &[u32]) -> Vec<&'static str> {
        let (mut values, mut findings) = (values(), Findings::default());
        (0..5).for_each(|sequence| values.sent(0, sequence, &[true; 3]));
        for sequence in received {
            values.received(0, stamp(*sequence), &mut findings);
        }
        values.left(0, Some(&mut findings));
        values.left(2, None);
        assert_eq!(values.outstanding(), 0);
        findings.found().map(|(fault, _)| fault.name()).collect()
    }

    fn stamp(sequence: u32) -> Stamp {
        Stamp {
            from: 0,
            sequence,
            sent_ns: 0,
        }
    }

    #[test]
    fn only_the_newest_of_each_key_must_arrive_and_none_behind_a_newer_one() {
        for right in [&[4, 3][..], &[0, 1, 2, 3, 4], &[1, 0, 4, 3]] {
            assert!(found(right).is_empty(), "{right:?}");
        }
        assert_eq!(found(&[4]), ["lost"]);
        assert_eq!(found(&[0, 2, 3]), ["lost"]);
        assert_eq!(found(&[4, 2, 3]), ["backwards"]);
        assert_eq!(found(&[4, 3, 3]), ["duplicated"]);
        assert_eq!(found(&[4, 3, 5]), ["invented"]);
    }

    #[test]
    fn a_value_for_others_is_found() {
        let (mut values, mut findings) = (values(), Findings::default());
        values.sent(0, 0, &[true; 3]);
        values.received(1, stamp(0), &mut findings);
        assert_eq!(findings.count(Fault::Misdelivered), 1);
    }

    #[test]
    fn what_was_replaced_is_counted_for_who_was_there() {
        let (mut values, mut findings) = (values(), Findings::default());
        (0..2).for_each(|sequence| values.sent(0, sequence, &[true, true, false]));
        (2..6).for_each(|sequence| values.sent(0, sequence, &[true; 3]));
        assert_eq!(values.outstanding(), 4);
        for sequence in [0, 4, 5] {
            values.received(0, stamp(sequence), &mut findings);
        }
        // Client 2 misses one key, and has the other one's values but the first.
        values.received(2, stamp(5), &mut findings);
        values.left(2, Some(&mut findings));
        assert_eq!(findings.count(Fault::Lost), 1);
        assert_eq!(values.outstanding(), 0);
        let [first, none, second] = values.arrivals() else {
            panic!("three clients");
        };
        assert_eq!((first.owed, first.replaced()), (6, 3));
        assert_eq!((none.owed, none.replaced()), (0, 0));
        assert_eq!((second.owed, second.arrived, second.replaced()), (3, 1, 2));
    }
}
