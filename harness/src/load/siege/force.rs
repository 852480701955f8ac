//! All attackers, and their connections on the driver of the load.
//!
//! # Invariants
//! - A completion of a connection that is over changes nothing: each has a name of its own.
//! - An attacker whose connection ended tries again when its turn comes, not at once: a server that
//!   refuses everybody is not asked more often than one that does not.
//! - What an attacker says waits for its connection; while it waits, nothing more is said.

use allspark_engine::io::{Completion, Driver, Op, Socket, Token};
use allspark_engine::memory::Slice;
use allspark_protocol::Instant;

use super::attack::CHUNK_BYTES;
use super::foreign;
use super::plan::Attackers;
use super::troop::{State, Troop, TroopReport};
use crate::load::outbox::{Outbox, Seat};
use crate::load::target::Target;

/// The kind of the tokens of attackers; those of honest clients have another one.
const TOKEN_KIND: u8 = 1;

/// Turns that are taken, and connections that are begun or closed, at a time: what comes in for
/// honest clients is not to wait. A connection, or a send of 64 KiB, takes some 20 us.
const MOVES_PER_TURN: u32 = 32;

/// Where an attacker stands: the number of its troop, and its place there.
type Place = (usize, u32);

pub(super) struct Force {
    target: Target,
    /// Connections that may be opening at the same time.
    opening_max: u32,
    opening: u32,
    /// Connections that are not closed yet, and those that are opening.
    open: u32,
    troops: Vec<Troop>,
    /// The number of the first attacker of each troop, among all.
    firsts: Vec<u32>,
    /// Honest clients have addresses before those of attackers.
    clients: u32,
    outbox: Outbox,
    /// Where it is put together what an attacker says.
    words: Vec<u8>,
    /// What those say who send much that means nothing: nobody copies it.
    filler: Slice,
    /// Part of the names that attackers give to sessions: a server still has those of the load
    /// before.
    nonce: u64,
    /// Attackers up to here have been told to leave, if they are to.
    withdrawn: Option<u32>,
}

impl Force {
    pub(super) fn new(attackers: &Attackers, target: &Target, limits: (u32, u32)) -> Self {
        let (clients, opening_max) = limits;
        let troops = attackers.0.iter();
        let troops: Vec<Troop> = troops
            .map(|&(kind, count)| Troop::new(kind, count))
            .collect();
        let mut first = 0;
        let firsts = troops.iter().map(|troop| {
            let own = first;
            first += troop.len();
            own
        });
        Self {
            target: target.clone(),
            opening_max,
            opening: 0,
            open: 0,
            firsts: firsts.collect(),
            troops,
            clients,
            outbox: Outbox::default(),
            words: Vec::new(),
            filler: Slice::copy_of(&vec![b'x'; CHUNK_BYTES as usize]),
            nonce: allspark_engine::random(),
            withdrawn: None,
        }
    }

    /// Whether a completion is one of an attacker.
    pub(super) fn owns(completion: &Completion) -> bool {
        token_of(completion).is_some_and(|token| token.kind() == TOKEN_KIND)
    }

    /// The attack begins.
    pub(super) fn begin(&mut self, now: Instant) {
        for troop in &mut self.troops {
            troop.begin(now);
        }
    }

    /// Whether every attacker has had a connection, or was refused one.
    pub(super) fn has_tried(&self) -> bool {
        self.troops.iter().all(Troop::has_tried)
    }

    /// The attack ends: everybody leaves without a word.
    pub(super) fn withdraw(&mut self) {
        self.withdrawn = Some(0);
        for troop in &mut self.troops {
            troop.withdraw();
        }
    }

    /// Whether nobody has a connection.
    pub(super) fn is_gone(&self) -> bool {
        self.open == 0
    }

    /// When somebody has something to do next, besides what completions bring.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.troops.iter().filter_map(Troop::next_due).min()
    }

    /// Whether somebody has something to do that waits for nothing.
    pub(super) fn has_more_to_do(&self) -> bool {
        let count: u32 = self.troops.iter().map(Troop::len).sum();
        let can_open = self.opening < self.opening_max;
        let wants_to = self.troops.iter().any(|troop| !troop.waiting.is_empty());
        (can_open && wants_to) || self.withdrawn.is_some_and(|next| next < count)
    }

    pub(super) fn report(&self) -> Vec<TroopReport> {
        self.troops.iter().map(|troop| troop.report).collect()
    }

    /// Does what is due now.
    pub(super) fn advance(&mut self, now: Instant, driver: &mut impl Driver) {
        for troop in 0..self.troops.len() {
            // Nobody has two turns at a time, which would be two sends.
            for _ in 0..MOVES_PER_TURN.min(self.troops[troop].len()) {
                let Some(place) = self.troops[troop].take_turn(now) else {
                    break;
                };
                self.have_turn((troop, place), driver);
            }
            self.open_more(troop, driver);
        }
        self.let_go(driver);
    }

    /// Hands the driver what was said in this turn.
    pub(super) fn flush(&mut self, driver: &mut impl Driver) {
        let (troops, firsts) = (&mut self.troops, &self.firsts);
        self.outbox.flush(|number, bytes| {
            let (troop, place) = place_of(firsts, number);
            let troop = &mut troops[troop];
            let attacker = &mut troop.attackers[place as usize];
            attacker.seat = Seat::NONE;
            if attacker.state == State::Attacking {
                troop.report.sent_bytes += bytes.len() as u64;
                let socket = attacker.socket;
                driver.push(Op::Send { socket, bytes });
            }
        });
    }

    pub(super) fn reclaim(&mut self) {
        self.outbox.reclaim();
    }

    /// Something happened to the connection of an attacker.
    pub(super) fn complete(&mut self, completion: Completion, driver: &mut impl Driver) {
        let token = token_of(&completion).expect("it was asked whose it is");
        let at @ (troop, place) = place_of(&self.firsts, token.index());
        let attacker = self.troops[troop].attackers[place as usize];
        if token.generation() != attacker.generation {
            return;
        }
        match completion {
            Completion::Connected { result, .. } | Completion::Adopted { result, .. } => {
                self.opening -= 1;
                match result {
                    Ok(socket) => self.connected(at, socket, driver),
                    Err(_) => self.refused(at),
                }
            }
            Completion::Closed { .. } => {
                self.open -= 1;
                self.troops[troop].closed(place);
                self.outbox.forget(token.index());
                if self.troops[troop].attack.leaves_by_itself() {
                    self.troops[troop].queue(place);
                }
            }
            _ if attacker.state != State::Attacking => {}
            Completion::Received { buffer, .. } => self.answered(at, &buffer, driver),
            Completion::Introduced { .. } if !self.troops[troop].attack.reads() => {
                let socket = attacker.socket;
                driver.push(Op::StopReceive { socket });
            }
            Completion::ReceiveEnded { .. } | Completion::SendFailed { .. } => {
                self.troops[troop].report.ended += 1;
                self.close(at, driver);
            }
            Completion::SendStalled { rest, .. } => {
                let troop = &mut self.troops[troop];
                troop.report.sent_bytes -= rest.len() as u64;
                let seat = &mut troop.attackers[place as usize].seat;
                self.outbox.stall(token.index(), seat, &rest);
                let socket = attacker.socket;
                driver.push(Op::AwaitWritable { socket });
            }
            Completion::Writable { .. } => {
                let seat = &mut self.troops[troop].attackers[place as usize].seat;
                self.outbox.resume(token.index(), seat);
            }
            _ => {}
        }
    }

    /// It is an attacker's turn.
    fn have_turn(&mut self, at: Place, driver: &mut impl Driver) {
        let (troop, place) = at;
        let attack = self.troops[troop].attack;
        let attacker = &mut self.troops[troop].attackers[place as usize];
        match attacker.state {
            State::Away => self.troops[troop].queue(place),
            State::Attacking if attack.leaves_by_itself() => self.close(at, driver),
            State::Attacking if !attacker.seat.is_stalled() => {
                attacker.turns += 1;
                let turns = attacker.turns;
                if let Some(count) = attack.fills(turns)
                    && attacker.seat == Seat::NONE
                {
                    return self.fill(at, count, driver);
                }
                let name = self.name_of(at);
                let target = self.target.clone();
                self.say(at, |out| {
                    attack.go_on(target.host(), target.pathname(), name, turns, out);
                });
            }
            State::Attacking | State::Waiting | State::Connecting | State::Closing => {}
        }
    }

    /// An attacker sends so much that means nothing.
    fn fill(&mut self, (troop, place): Place, count: usize, driver: &mut impl Driver) {
        if count > 0 {
            let troop = &mut self.troops[troop];
            troop.report.sent_bytes += count as u64;
            let socket = troop.attackers[place as usize].socket;
            let bytes = self.filler.clone().split_front(count);
            driver.push(Op::Send { socket, bytes });
        }
    }

    fn say(&mut self, (troop, place): Place, write: impl FnOnce(&mut Vec<u8>)) {
        self.words.clear();
        write(&mut self.words);
        if self.words.is_empty() {
            return;
        }
        let (number, words) = (self.firsts[troop] + place, &self.words);
        let seat = &mut self.troops[troop].attackers[place as usize].seat;
        self.outbox
            .say(number, seat, |out| out.extend_from_slice(words))
            .expect("who is stalled says nothing");
    }

    /// Connects as many as may be connecting.
    fn open_more(&mut self, troop: usize, driver: &mut impl Driver) {
        for _ in 0..MOVES_PER_TURN {
            if self.opening >= self.opening_max {
                return;
            }
            let Some(place) = self.troops[troop].waiting.pop_front() else {
                return;
            };
            self.connect((troop, place), driver);
        }
    }

    fn connect(&mut self, at: Place, driver: &mut impl Driver) {
        let (troop, place) = at;
        let number = self.firsts[troop] + place;
        let attack = self.troops[troop].attack;
        let attacker = &mut self.troops[troop].attackers[place as usize];
        attacker.state = State::Connecting;
        attacker.generation = (attacker.generation + 1) % Token::GENERATIONS;
        let token = Token::new(TOKEN_KIND, attacker.generation, number);
        self.opening += 1;
        self.open += 1;
        let address = self.target.address_of(self.clients.saturating_add(number));
        if !attack.is_raw() {
            return driver.push(Op::Connect { address, token });
        }
        match foreign::open(address, attack.is_from_many().then_some(place)) {
            Ok(socket) => driver.push(Op::Adopt {
                socket: socket.into(),
                token,
            }),
            Err(_) => {
                self.opening -= 1;
                self.refused(at);
            }
        }
    }

    fn refused(&mut self, (troop, place): Place) {
        self.open -= 1;
        let troop = &mut self.troops[troop];
        troop.attackers[place as usize].state = State::Away;
        troop.report.refused += 1;
        troop.tried(place);
    }

    fn connected(&mut self, at: Place, socket: Socket, driver: &mut impl Driver) {
        let (troop, place) = at;
        let attack = self.troops[troop].attack;
        self.troops[troop].connected(place, socket);
        self.troops[troop].tried(place);
        let token = self.token(at);
        // This names the connection, for those that do not read as well.
        driver.push(Op::Receive { socket, token });
        // Over TLS hands are to be shaken first.
        if !attack.reads() && self.target.trust().is_none() {
            driver.push(Op::StopReceive { socket });
        }
        if self.withdrawn.is_some() {
            return self.close(at, driver);
        }
        let target = self.target.clone();
        let name = self.name_of(at);
        self.say(at, |out| {
            attack.begin(target.host(), target.pathname(), name, out);
        });
    }

    /// What the connection of an attacker is called.
    fn token(&self, (troop, place): Place) -> Token {
        let generation = self.troops[troop].attackers[place as usize].generation;
        Token::new(TOKEN_KIND, generation, self.firsts[troop] + place)
    }

    /// What an attacker calls itself on this connection.
    fn name_of(&self, at: Place) -> u64 {
        self.nonce.wrapping_add(self.token(at).as_u64())
    }

    /// The server has said something.
    fn answered(&mut self, at: Place, bytes: &[u8], driver: &mut impl Driver) {
        let (troop, _) = at;
        self.troops[troop].report.errors += u64::from(is_error(bytes));
        if self.troops[troop].attack.leaves_when_answered() {
            self.close(at, driver);
        }
    }

    fn close(&mut self, at: Place, driver: &mut impl Driver) {
        let (troop, place) = at;
        let attacker = &mut self.troops[troop].attackers[place as usize];
        attacker.state = State::Closing;
        let (socket, token) = (attacker.socket, self.token(at));
        self.outbox.forget(token.index());
        driver.push(Op::Close { socket, token });
    }

    /// If everybody is to leave, closes the next connections.
    fn let_go(&mut self, driver: &mut impl Driver) {
        let Some(next) = self.withdrawn else { return };
        let count: u32 = self.troops.iter().map(Troop::len).sum();
        let end = next.saturating_add(MOVES_PER_TURN).min(count);
        for number in next..end {
            let at @ (troop, place) = place_of(&self.firsts, number);
            if self.troops[troop].attackers[place as usize].state == State::Attacking {
                self.close(at, driver);
            }
        }
        self.withdrawn = Some(end);
    }
}

/// Where the attacker of this number stands.
fn place_of(firsts: &[u32], number: u32) -> Place {
    let troop = firsts.partition_point(|&first| first <= number) - 1;
    (troop, number - firsts[troop])
}

/// Whether an answer of HTTP begins here that is an error.
fn is_error(bytes: &[u8]) -> bool {
    let rest = bytes.strip_prefix(b"HTTP/1.1 ");
    rest.is_some_and(|rest| matches!(rest.first(), Some(b'4' | b'5')))
}

/// The name of the connection that something happened to.
fn token_of(completion: &Completion) -> Option<Token> {
    match completion {
        Completion::Connected { token, .. }
        | Completion::Received { token, .. }
        | Completion::ReceiveEnded { token, .. }
        | Completion::SendStalled { token, .. }
        | Completion::SendFailed { token, .. }
        | Completion::Unsent { token, .. }
        | Completion::Writable { token }
        | Completion::Released { token, .. }
        | Completion::Introduced { token, .. }
        | Completion::Held { token, .. }
        | Completion::Adopted { token, .. }
        | Completion::Closed { token } => Some(*token),
        Completion::Accepted { .. } | Completion::AcceptFailed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_its_place() {
        let firsts = [0, 3, 4];
        let places = [0, 2, 3, 4, 9].map(|number| place_of(&firsts, number));
        assert_eq!(places, [(0, 0), (0, 2), (1, 0), (2, 0), (2, 5)]);
    }

    #[test]
    fn errors_are_told_from_other_answers() {
        assert!(is_error(b"HTTP/1.1 503 Service Unavailable\r\n"));
        assert!(!is_error(b"HTTP/1.1 101 Switching Protocols\r\n"));
        assert!(!is_error(b"\x81\x05HTTP/"));
    }
}
