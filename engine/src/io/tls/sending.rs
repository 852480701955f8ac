//! What goes out.

use super::channel::{PLAIN_BYTES_MAX, kind};
use super::fault::alert;
use super::flight::{Flight, Plain, Source};
use super::session::{Flags, Stage};
use super::{Tls, inner_token, key_of};
use crate::io::{Completion, Driver, Op};
use crate::limits::TLS_RECORDS_PER_SEND;
use crate::memory::{Key, Slice, unshared};

impl<D: Driver> Tls<D> {
    /// The shard sends something.
    pub(super) fn send(&mut self, key: Key, plain: Plain) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let (token, socket) = (connection.token, connection.socket);
        let Some(session) = &mut connection.session else {
            return self.inner.push(match plain {
                Plain::One(bytes) => Op::Send { socket, bytes },
                Plain::Many(slices) => Op::SendMany { socket, slices },
            });
        };
        let is_client = session.flags.has(Flags::CLIENT);
        let can_send =
            !session.flags.has(Flags::POLLING.or(Flags::SHUT)) && session.sent_turn != self.turn;
        match &session.stage {
            Stage::Open(_) if can_send => self.seal_and_send(key, plain),
            Stage::Open(_) => plain.report(token, 0, false, &mut self.reports),
            Stage::Fresh(_) | Stage::Shaking(_) if is_client => {
                plain.report(token, 0, false, &mut self.reports);
            }
            // Who sends something to a client that has not shaken hands gives up on it.
            Stage::Fresh(_) | Stage::Shaking(_) | Stage::Failed => {}
        }
    }

    fn seal_and_send(&mut self, key: Key, plain: Plain) {
        self.update_own_keys(key);
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let socket = connection.socket;
        let Some(session) = connection.session.as_deref_mut() else {
            return;
        };
        let Stage::Open(channel) = &mut session.stage else {
            return;
        };
        let sealing = self.keys.sealing(key, channel);
        let mut block = self.blocks.take();
        let out = unshared(&mut block).writer();
        let sealed = plain
            .len()
            .min(usize::from(session.window) * PLAIN_BYTES_MAX);
        let records = sealed.div_ceil(PLAIN_BYTES_MAX);
        out.reserve(session.out.len() + sealed + records * channel.suite().overhead());
        out.append(&mut session.out);
        session.out = Vec::new();
        let lead = out.len();
        let is_followed = session.flags.has(Flags::AWAITS.or(Flags::SHUT));
        self.is_awaited |= is_followed || sealed < plain.len();
        let mut source = Source::new(plain.slices());
        let mut left = sealed;
        while left > 0 {
            let len = left.min(PLAIN_BYTES_MAX);
            channel.seal(sealing, kind::DATA, len, out, |out| source.copy(len, out));
            left -= len;
        }
        let cipher = Slice::new(&block, 0..block.len());
        self.blocks.give_back(block);
        session.sent_turn = self.turn;
        session.flight = self.flights.len() as u32;
        self.inner.push(Op::Send {
            socket,
            bytes: cipher.clone(),
        });
        self.flights.push(Flight {
            key,
            cipher,
            lead,
            plain: Some(plain),
            sealed,
            is_settled: false,
        });
    }

    /// A connection has something to be sent beside what the shard sends.
    pub(super) fn queue_send(&mut self, key: Key) {
        if let Some(session) = self.session_mut(key)
            && !session.flags.has(Flags::QUEUED)
        {
            session.flags.set(Flags::QUEUED);
            self.to_send.push(key);
        }
    }

    /// Sends what is to be sent beside what the shard sends.
    pub(super) fn send_all_own(&mut self) {
        for key in std::mem::take(&mut self.to_send) {
            if let Some(session) = self.session_mut(key) {
                session.flags.take(Flags::QUEUED);
            }
            self.send_own(key);
        }
    }

    pub(super) fn send_own(&mut self, key: Key) {
        let turn = self.turn;
        let Some(session) = self.session_mut(key) else {
            return;
        };
        if session.flags.has(Flags::POLLING) {
            // It goes on when there is room.
            return;
        }
        if session.sent_turn == turn {
            return self.queue_send(key);
        }
        self.update_own_keys(key);
        self.notify_end(key);
        let Some(connection) = self.connections.get_mut(key).filter(|c| !c.is_leaving) else {
            return;
        };
        let socket = connection.socket;
        let Some(session) = connection.session.as_deref_mut() else {
            return;
        };
        if session.out.is_empty() {
            return self.end_stream(key);
        }
        let mut block = self.blocks.take();
        unshared(&mut block).writer().append(&mut session.out);
        session.out = Vec::new();
        self.is_awaited |= session.flags.has(Flags::AWAITS.or(Flags::SHUT));
        let cipher = Slice::new(&block, 0..block.len());
        self.blocks.give_back(block);
        session.sent_turn = turn;
        session.flight = self.flights.len() as u32;
        self.inner.push(Op::Send {
            socket,
            bytes: cipher.clone(),
        });
        self.flights.push(Flight {
            key,
            lead: cipher.len(),
            cipher,
            plain: None,
            sealed: 0,
            is_settled: false,
        });
    }

    /// After the last alert the stream ends.
    fn end_stream(&mut self, key: Key) {
        if let Some(connection) = self.connections.get_mut(key)
            && let Some(session) = &mut connection.session
            && session.flags.has(Flags::SHUT)
            && !session.flags.has(Flags::FIN)
        {
            session.flags.set(Flags::FIN);
            let socket = connection.socket;
            self.inner.push(Op::Shutdown { socket });
        }
    }

    /// Says that nothing more comes from here.
    fn notify_end(&mut self, key: Key) {
        let Some(session) = self.session_mut(key) else {
            return;
        };
        if session.flags.has(Flags::SHUT) && !session.flags.has(Flags::NOTIFIED) {
            /// Alerts of this level are no complaint.
            const WARNING: u8 = 1;
            session.flags.set(Flags::NOTIFIED);
            self.seal_own(key, kind::ALERT, &[WARNING, alert::CLOSE_NOTIFY]);
        }
    }

    /// Changes the keys, if the peer has asked for it or they are used up.
    fn update_own_keys(&mut self, key: Key) {
        const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 0];
        let Some(session) = self.session_mut(key) else {
            return;
        };
        let is_asked = session.flags.take(Flags::UPDATE_ASKED);
        let Stage::Open(channel) = &session.stage else {
            return;
        };
        if !is_asked && !channel.is_key_used_up() {
            return;
        }
        if !channel.is_tls13() {
            // It has no other keys; the next one has to come with a new connection.
            session.stage = Stage::Failed;
            let token = self.token_of(key);
            let fault = super::TlsFault::silent("the keys of the connection are used up");
            let error = |token| Completion::SendFailed {
                token,
                error: fault.into_io(),
            };
            return self.reports.extend(token.map(error));
        }
        self.seal_own(key, kind::HANDSHAKE, &KEY_UPDATE);
        if let Some(session) = self.session_mut(key)
            && let Stage::Open(channel) = &mut session.stage
        {
            channel.update_sealing();
        }
        self.keys.forget(key);
    }

    /// Seals a record that is not the shard's, if the connection is open.
    pub(super) fn seal_own(&mut self, key: Key, kind: u8, content: &[u8]) {
        if let Some(connection) = self.connections.get_mut(key)
            && let Some(session) = connection.session.as_deref_mut()
            && let Stage::Open(channel) = &mut session.stage
        {
            let sealing = self.keys.sealing(key, channel);
            let fill = |out: &mut Vec<u8>| out.extend_from_slice(content);
            channel.seal(sealing, kind, content.len(), &mut session.out, fill);
        }
    }

    /// Finds out what became of the sends of this turn. Of a send without a word everything was
    /// taken.
    pub(super) fn settle_flights(
        &mut self,
        raw: &mut Vec<Completion>,
        completions: &mut Vec<Completion>,
    ) {
        raw.retain(|completion| {
            let (key, rest) = match completion {
                Completion::SendStalled { token, rest } => (key_of(*token), Some(rest)),
                Completion::SendFailed { token, .. } => (key_of(*token), None),
                _ => return true,
            };
            let Some(key) = key else {
                return true;
            };
            match rest {
                Some(rest) => self.stalled(key, rest.len(), completions),
                None => self.failed(key, completions),
            }
            rest.is_none()
        });
        let mut flights = std::mem::take(&mut self.flights);
        for flight in flights.drain(..) {
            if !flight.is_settled {
                self.arrived(flight, completions);
            }
        }
        self.flights = flights;
        self.blocks.reclaim();
        self.translate_failures(raw);
    }

    /// The flight of this turn that a connection has.
    fn flight_of(&mut self, key: Key) -> Option<&mut Flight> {
        let number = self.session_mut(key)?.flight;
        let flight = self.flights.get_mut(number as usize)?;
        (flight.key == key && !flight.is_settled).then_some(flight)
    }

    /// The kernel took everything but so many bytes.
    fn stalled(&mut self, key: Key, rest: usize, completions: &mut Vec<Completion>) {
        let Some(flight) = self.flight_of(key) else {
            return;
        };
        flight.is_settled = true;
        let (lead, sealed, cipher) = (flight.lead, flight.sealed, flight.cipher.clone());
        let plain = flight.plain.take();
        let taken = cipher.len() - rest;
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let token = connection.token;
        let Some(session) = connection.session.as_deref_mut() else {
            return;
        };
        let mut begun = 0;
        let mut end = lead;
        if let Stage::Open(channel) = &mut session.stage {
            let record_bytes = PLAIN_BYTES_MAX + channel.suite().overhead();
            let records = sealed.div_ceil(PLAIN_BYTES_MAX);
            begun = taken.saturating_sub(lead).div_ceil(record_bytes);
            channel.unseal(records - begun);
            end = (lead + begun * record_bytes).min(cipher.len());
            session.window = (begun as u8 + 1).min(TLS_RECORDS_PER_SEND);
        }
        // Nothing was added since: what a peer sends is looked at only after this.
        session.out = cipher[taken..end.max(taken)].to_vec();
        if let Some(plain) = plain {
            let taken = sealed.min(begun * PLAIN_BYTES_MAX);
            plain.report(token, taken, false, completions);
        }
        self.tell_held(key, completions);
        self.poll(key);
    }

    /// The connection is of no further use.
    fn failed(&mut self, key: Key, completions: &mut Vec<Completion>) {
        if let Some(flight) = self.flight_of(key) {
            flight.is_settled = true;
        }
        if let Some(session) = self.session_mut(key) {
            session.stage = Stage::Failed;
            session.out = Vec::new();
        }
        self.tell_held(key, completions);
    }

    /// The kernel took everything.
    fn arrived(&mut self, flight: Flight, completions: &mut Vec<Completion>) {
        let Flight {
            key, plain, sealed, ..
        } = flight;
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let token = connection.token;
        let Some(session) = connection.session.as_deref_mut() else {
            return;
        };
        if let Some(plain) = plain {
            if sealed < plain.len() {
                session.window = (session.window * 2).min(TLS_RECORDS_PER_SEND);
            }
            plain.report(token, sealed, true, completions);
        }
        if session.flags.has(Flags::SHUT) {
            self.queue_send(key);
        }
        self.tell_held(key, completions);
        self.writable_if_idle(key, completions);
    }

    /// There is room again.
    pub(super) fn became_writable(&mut self, key: Key, completions: &mut Vec<Completion>) {
        let Some(session) = self.session_mut(key) else {
            return;
        };
        session.flags.take(Flags::POLLING);
        if session.out.is_empty() && !session.flags.has(Flags::SHUT) {
            self.writable_if_idle(key, completions);
        } else {
            self.queue_send(key);
        }
    }

    /// Tells the shard that it can send, if it waits for that and can.
    pub(super) fn writable_if_idle(&mut self, key: Key, completions: &mut Vec<Completion>) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let token = connection.token;
        if let Some(session) = &mut connection.session
            && matches!(session.stage, Stage::Open(_))
            && session.out.is_empty()
            && !session.flags.has(Flags::POLLING)
            && session.flags.take(Flags::AWAITS)
        {
            completions.push(Completion::Writable { token });
        }
    }

    /// Failures of sends carry the names that the shard has.
    fn translate_failures(&self, raw: &mut [Completion]) {
        for completion in raw {
            if let Completion::SendFailed { token, .. } = completion
                && let Some(key) = key_of(*token)
                && let Some(connection) = self.connections.get(key)
            {
                assert!(*token == inner_token(key), "one name of each kind");
                *token = connection.token;
            }
        }
    }
}
