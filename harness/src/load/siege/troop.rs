//! Attackers of one kind: how far each has come, whose turn it is, and what became of them.

use std::collections::VecDeque;

use allspark_engine::io::Socket;
use allspark_protocol::Instant;
use serde::Serialize;

use super::attack::Attack;
use crate::load::outbox::Seat;
use crate::workload::pace::Pace;

/// How far an attacker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It has no connection.
    Away,
    /// It waits for its turn to connect.
    Waiting,
    Connecting,
    Attacking,
    /// The driver was asked to close the connection.
    Closing,
}

/// One attacker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attacker {
    /// Meaningless but while it attacks.
    pub(super) socket: Socket,
    /// Where its bytes of this turn are in the outbox.
    pub(super) seat: Seat,
    pub(super) state: State,
    /// Which of its connections this is.
    pub(super) generation: u32,
    /// Turns that it had on this connection.
    pub(super) turns: u32,
    /// Whether it has had a connection, or was refused one.
    pub(super) has_tried: bool,
}

/// What became of the attackers of one kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct TroopReport {
    pub(crate) attack: &'static str,
    pub(crate) attackers: u32,
    /// Connections that were made, again and again.
    pub(crate) connections: u64,
    /// Attempts to connect that failed.
    pub(crate) refused: u64,
    /// Answers of HTTP that are errors: 408, 503 and others.
    pub(crate) errors: u64,
    /// Connections that the server has ended.
    pub(crate) ended: u64,
    /// The most that were connected at a time.
    pub(crate) at_once_max: u32,
    /// Bytes that were sent.
    pub(crate) sent_bytes: u64,
}

/// The attackers of one kind. Each has the number of its place.
#[derive(Debug)]
pub(super) struct Troop {
    pub(super) attack: Attack,
    pub(super) attackers: Vec<Attacker>,
    /// Those that want to connect, the first one first.
    pub(super) waiting: VecDeque<u32>,
    pub(super) report: TroopReport,
    /// Set when the attack begins.
    pace: Option<Pace>,
    /// Whose turn it is.
    next: u32,
    at_once: u32,
    tried: u32,
}

impl Troop {
    pub(super) fn new(attack: Attack, count: u32) -> Self {
        let attacker = Attacker {
            socket: Socket(0),
            seat: Seat::NONE,
            state: State::Away,
            generation: 0,
            turns: 0,
            has_tried: false,
        };
        Self {
            attack,
            attackers: vec![attacker; count as usize],
            waiting: VecDeque::new(),
            report: TroopReport {
                attack: attack.name(),
                attackers: count,
                connections: 0,
                refused: 0,
                errors: 0,
                ended: 0,
                at_once_max: 0,
                sent_bytes: 0,
            },
            pace: None,
            next: 0,
            at_once: 0,
            tried: 0,
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.attackers.len() as u32
    }

    /// Everybody wants to connect.
    pub(super) fn begin(&mut self, now: Instant) {
        // Whole turns per second, so that few attackers may have theirs a little earlier.
        let per_second = f64::from(self.len()) / self.attack.interval().as_secs_f64();
        self.pace = Some(Pace::new(now, (per_second.ceil() as u32).max(1)));
        for place in 0..self.len() {
            self.queue(place);
        }
    }

    /// Nobody has a turn any more, nor connects.
    pub(super) fn withdraw(&mut self) {
        self.pace = None;
        for place in self.waiting.drain(..) {
            self.attackers[place as usize].state = State::Away;
        }
    }

    /// An attacker without a connection wants one.
    pub(super) fn queue(&mut self, place: u32) {
        let attacker = &mut self.attackers[place as usize];
        if attacker.state == State::Away && self.pace.is_some() {
            attacker.state = State::Waiting;
            self.waiting.push_back(place);
        }
    }

    /// When the next turn is.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.pace.as_ref().map(Pace::next_due)
    }

    /// Whose turn it is, if it is anybody's.
    pub(super) fn take_turn(&mut self, now: Instant) -> Option<u32> {
        self.pace.as_mut()?.take_due(now)?;
        let place = self.next;
        self.next = (place + 1) % self.len();
        Some(place)
    }

    /// An attacker has tried to connect, for the first time or again.
    pub(super) fn tried(&mut self, place: u32) {
        let attacker = &mut self.attackers[place as usize];
        self.tried += u32::from(!attacker.has_tried);
        attacker.has_tried = true;
    }

    /// Whether everybody has tried.
    pub(super) fn has_tried(&self) -> bool {
        self.tried == self.len()
    }

    pub(super) fn connected(&mut self, place: u32, socket: Socket) {
        let attacker = &mut self.attackers[place as usize];
        attacker.state = State::Attacking;
        attacker.socket = socket;
        attacker.seat = Seat::NONE;
        attacker.turns = 0;
        self.report.connections += 1;
        self.at_once += 1;
        self.report.at_once_max = self.report.at_once_max.max(self.at_once);
    }

    /// The driver has closed the connection of an attacker.
    pub(super) fn closed(&mut self, place: u32) {
        self.attackers[place as usize].state = State::Away;
        self.at_once -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_turn_in_each_interval() {
        let mut troop = Troop::new(Attack::Messages, 3);
        assert_eq!(troop.take_turn(Instant::from_ms(0)), None);
        troop.begin(Instant::from_ms(1000));
        assert_eq!(troop.waiting, [0, 1, 2]);
        let mut turns = Vec::new();
        while let Some(place) = troop.take_turn(Instant::from_ms(2999)) {
            turns.push(place);
        }
        assert_eq!(turns, [0, 1, 2, 0, 1, 2]);
        troop.withdraw();
        assert!(troop.waiting.is_empty() && troop.next_due().is_none());
    }

    #[test]
    fn who_has_tried_is_counted_once() {
        let mut troop = Troop::new(Attack::Flood, 2);
        troop.begin(Instant::ZERO);
        for _ in 0..2 {
            troop.tried(0);
        }
        assert!(!troop.has_tried());
        troop.tried(1);
        assert!(troop.has_tried());
    }
}
