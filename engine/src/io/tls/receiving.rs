//! What comes in.

use std::io;

use super::channel::{RECORD_BYTES_MAX, record_len};
use super::fault::{PLAIN_HTTP_ANSWER, TlsFault, alert, is_plain_http};
use super::handshake::{Handshake, Outcome};
use super::session::{Flags, Found, Session, Stage};
use super::{Tls, inner_token};
use crate::guard;
use crate::io::{Completion, Driver, Introduction, Op};
use crate::limits::{HELD_BYTES_MIN, TLS_HANDSHAKES_PER_TURN};
use crate::memory::{Key, LentBuffer};

/// What became of the records of a buffer.
struct Gone {
    /// Bytes for the shard, from where the first record began.
    opened: usize,
    /// The records end here.
    end: usize,
    /// The peer has ended its stream, or broken it.
    last: Option<Result<(), TlsFault>>,
}

impl<D: Driver> Tls<D> {
    pub(super) fn received(
        &mut self,
        key: Key,
        mut buffer: LentBuffer,
        completions: &mut Vec<Completion>,
    ) {
        if self.waits(key) {
            let token = inner_token(key);
            return self
                .backlog
                .push_back(Completion::Received { token, buffer });
        }
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let token = connection.token;
        let Some(session) = &mut connection.session else {
            return completions.push(Completion::Received { token, buffer });
        };
        if session.flags.has(Flags::INPUT_OVER) {
            return;
        }
        match session.stage {
            Stage::Failed => {}
            Stage::Fresh(_) | Stage::Shaking(_) => self.show(key, buffer, completions),
            Stage::Open(_) => {
                let begin = match session.partial.is_empty() {
                    true => 0,
                    false => match session.complete_partial(&buffer) {
                        Ok(begin) => begin,
                        Err(fault) => return self.fail(key, fault, completions),
                    },
                };
                self.open_partial(key, completions);
                if begin == buffer.len() {
                    return self.tell_held(key, completions);
                }
                if begin > 0 {
                    let end = buffer.len();
                    buffer = buffer.narrow(begin..end);
                }
                match self.waits(key) {
                    true => self.received(key, buffer, completions),
                    false => self.open_buffer(key, buffer, completions),
                }
            }
        }
    }

    /// Shows a handshake what has come, until it has something to do. What lies behind that may be
    /// no part of it, and waits: a client's first request comes along with its last word.
    fn show(&mut self, key: Key, buffer: LentBuffer, completions: &mut Vec<Completion>) {
        let (mut begin, len) = (0, buffer.len());
        while begin < len && !self.waits(key) {
            let end = len.min(begin + RECORD_BYTES_MAX);
            self.shake(key, &buffer[begin..end], completions);
            begin = end;
        }
        if begin < len {
            let (token, buffer) = (inner_token(key), buffer.narrow(begin..len));
            self.backlog
                .push_back(Completion::Received { token, buffer });
        }
    }

    /// Whether records of a connection have found no room.
    pub(super) fn is_stuck(&mut self, key: Key) -> bool {
        let session = self.session_mut(key);
        session.is_some_and(|session| session.flags.has(Flags::STUCK))
    }

    /// Whether what comes for a connection has to wait, as records before it found no room, or as
    /// its handshake waits for its turn.
    fn waits(&mut self, key: Key) -> bool {
        let session = self.session_mut(key);
        session.is_some_and(|session| session.flags.has(Flags::STUCK.or(Flags::SHAKE_QUEUED)))
    }

    /// Opens the records of a buffer where they lie.
    fn open_buffer(&mut self, key: Key, mut buffer: LentBuffer, completions: &mut Vec<Completion>) {
        let gone = self.open_records(key, &mut buffer);
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let token = connection.token;
        if let Some(session) = &mut connection.session
            && gone.last.is_none()
        {
            session.partial.extend_from_slice(&buffer[gone.end..]);
        }
        if gone.opened > 0 {
            let buffer = buffer.narrow(0..gone.opened);
            completions.push(Completion::Received { token, buffer });
        }
        self.end_records(key, gone.last, completions);
    }

    fn open_records(&mut self, key: Key, bytes: &mut [u8]) -> Gone {
        let mut gone = Gone {
            opened: 0,
            end: 0,
            last: None,
        };
        let Some(connection) = self.connections.get_mut(key) else {
            return gone;
        };
        let Some(session) = connection.session.as_deref_mut() else {
            return gone;
        };
        while gone.last.is_none() {
            let len = match record_len(&bytes[gone.end..]) {
                Ok(Some(len)) if len <= bytes.len() - gone.end => len,
                Ok(_) => break,
                Err(fault) => {
                    gone.last = Some(Err(fault));
                    break;
                }
            };
            let Stage::Open(channel) = &session.stage else {
                break;
            };
            let opening = self.keys.opening(key, channel);
            let record = &mut bytes[gone.opened..gone.end + len];
            match session.open(opening, record, gone.end - gone.opened) {
                Ok(Found::Data(count)) => gone.opened += count,
                Ok(Found::Nothing) => {}
                Ok(Found::NewKeys) => self.keys.forget(key),
                Ok(Found::End) => gone.last = Some(Ok(())),
                Err(fault) => gone.last = Some(Err(fault)),
            }
            gone.end += len;
        }
        gone
    }

    /// Opens the records that came in parts, as far as there is room for what is in them.
    pub(super) fn open_partial(&mut self, key: Key, completions: &mut Vec<Completion>) {
        while let Some(session) = self.session_mut(key) {
            let len = match session.whole_partial() {
                Ok(Some(len)) => len,
                Ok(None) => break,
                Err(fault) => return self.fail(key, fault, completions),
            };
            if self.room.next().is_none() {
                if let Some(session) = self.session_mut(key) {
                    session.flags.set(Flags::STUCK);
                    self.stuck.push_back(key);
                }
                break;
            }
            let mut partial = match self.session_mut(key) {
                Some(session) => std::mem::take(&mut session.partial),
                None => return,
            };
            let gone = self.open_records(key, &mut partial[..len]);
            if gone.opened > 0
                && let Some(room) = self.room.next()
                && let Some(connection) = self.connections.get(key)
            {
                room[..gone.opened].copy_from_slice(&partial[..gone.opened]);
                let (token, buffer) = (connection.token, self.room.lend(gone.opened));
                completions.push(Completion::Received { token, buffer });
            }
            if let Some(session) = self.session_mut(key) {
                // Mostly nothing is left, and then no memory is.
                session.partial = match partial.len() > len {
                    true => partial.split_off(len),
                    false => Vec::new(),
                };
            }
            if self.end_records(key, gone.last, completions) {
                return;
            }
        }
        self.tell_held(key, completions);
    }

    /// Returns whether nothing more comes.
    fn end_records(
        &mut self,
        key: Key,
        last: Option<Result<(), TlsFault>>,
        completions: &mut Vec<Completion>,
    ) -> bool {
        let is_over = last.is_some();
        match last {
            None => {
                self.tell_held(key, completions);
                if self
                    .session_mut(key)
                    .is_some_and(|s| s.flags.has(Flags::UPDATE_ASKED))
                {
                    self.queue_send(key);
                }
            }
            Some(Ok(())) => self.end_input(key, Ok(()), completions),
            Some(Err(fault)) => self.fail(key, fault, completions),
        }
        is_over
    }

    /// The inner driver says that nothing more comes.
    pub(super) fn input_ended(
        &mut self,
        key: Key,
        result: io::Result<()>,
        completions: &mut Vec<Completion>,
    ) {
        if self.waits(key) {
            let token = inner_token(key);
            return self
                .backlog
                .push_back(Completion::ReceiveEnded { token, result });
        }
        let Some(session) = self.session_mut(key) else {
            return self.end_input(key, result, completions);
        };
        let result = match &session.stage {
            Stage::Shaking(_) if result.is_ok() && session.flags.has(Flags::SHAKE_QUEUED) => {
                return session.flags.set(Flags::ENDED_EARLY);
            }
            Stage::Shaking(_) => {
                let what = match result {
                    Ok(()) => "the peer goes in the middle of the handshake".into(),
                    Err(error) => format!("in the middle of the handshake: {error}"),
                };
                Err(TlsFault::silent(what).into_io())
            }
            Stage::Open(_) if result.is_ok() && !session.partial.is_empty() => {
                Err(TlsFault::silent("the peer goes in the middle of a record").into_io())
            }
            _ => result,
        };
        self.end_input(key, result, completions);
    }

    /// Tells the shard, once, that nothing more comes.
    fn end_input(&mut self, key: Key, result: io::Result<()>, completions: &mut Vec<Completion>) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let (token, socket) = (connection.token, connection.socket);
        if let Some(session) = &mut connection.session {
            session.partial = Vec::new();
            if session.flags.has(Flags::INPUT_OVER) {
                return;
            }
            session.flags.set(Flags::INPUT_OVER);
            if !connection.is_leaving {
                self.inner.push(Op::StopReceive { socket });
            }
        }
        completions.push(Completion::ReceiveEnded { token, result });
    }

    /// Ends a connection with which nothing more can be done. The peer is told why, if it is to be.
    pub(super) fn fail(&mut self, key: Key, fault: TlsFault, completions: &mut Vec<Completion>) {
        if let Some(number) = fault.alert {
            self.queue_alert(key, number);
        }
        if let Some(session) = self.session_mut(key) {
            session.stage = Stage::Failed;
            session.partial = Vec::new();
            self.queue_send(key);
        }
        self.keys.forget(key);
        self.tell_held(key, completions);
        self.end_input(key, Err(fault.into_io()), completions);
    }

    /// Tells the shard what is held for a connection, if it is worth it.
    pub(super) fn tell_held(&mut self, key: Key, completions: &mut Vec<Completion>) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let token = connection.token;
        let Some(session) = connection.session.as_deref_mut() else {
            return;
        };
        let bytes = session.held_bytes() as u32;
        let is_worth_it = bytes.max(session.held) >= HELD_BYTES_MIN as u32;
        if bytes != session.held && is_worth_it && !connection.is_leaving {
            session.held = bytes;
            completions.push(Completion::Held { token, bytes });
        }
    }

    /// Bytes come for a handshake. It goes on when it is its turn.
    fn shake(&mut self, key: Key, bytes: &[u8], completions: &mut Vec<Completion>) {
        let Some(session) = self.session_mut(key) else {
            return;
        };
        if let Stage::Fresh(Some(acceptor)) = &session.stage {
            if bytes.first().copied().is_some_and(is_plain_http) {
                session.out.extend_from_slice(PLAIN_HTTP_ANSWER);
                let fault = TlsFault::silent("the peer speaks plain HTTP");
                return self.fail(key, fault, completions);
            }
            match Handshake::server(acceptor.terms()) {
                Ok(handshake) => session.stage = Stage::Shaking(Box::new(handshake)),
                Err(fault) => return self.fail(key, fault, completions),
            }
        }
        let Stage::Shaking(handshake) = &mut session.stage else {
            return;
        };
        if let Err(fault) = handshake.add(bytes) {
            return self.fail(key, fault, completions);
        }
        if handshake.has_record() && !session.flags.has(Flags::SHAKE_QUEUED) {
            session.flags.set(Flags::SHAKE_QUEUED);
            self.to_shake.push_back(key);
        }
        self.tell_held(key, completions);
    }

    /// Drives handshakes on, as many as one turn has time for.
    pub(super) fn shake_hands(&mut self, completions: &mut Vec<Completion>) {
        for _ in 0..self.to_shake.len().min(TLS_HANDSHAKES_PER_TURN) {
            let key = self.to_shake.pop_front().expect("counted above");
            let Some(session) = self.session_mut(key) else {
                continue;
            };
            session.flags.take(Flags::SHAKE_QUEUED);
            if let Stage::Shaking(handshake) = &mut session.stage {
                // Whatever a peer finds out about rustls, it ends its own connection only.
                let proceeded = guard::call(|| handshake.proceed(&mut session.out));
                let proceeded = proceeded.unwrap_or_else(|panicked| {
                    Err(TlsFault::silent(format!("rustls has panicked: {panicked}")))
                });
                self.shaken(key, proceeded, completions);
            }
        }
    }

    fn shaken(
        &mut self,
        key: Key,
        proceeded: Result<bool, TlsFault>,
        completions: &mut Vec<Completion>,
    ) {
        match proceeded {
            Ok(true) => self.open(key, completions),
            Ok(false) => self.queue_send(key),
            Err(fault) => self.fail(key, fault, completions),
        }
        self.tell_held(key, completions);
        let ended = |session: &mut Session| session.flags.take(Flags::ENDED_EARLY);
        if self.session_mut(key).is_some_and(ended) {
            self.input_ended(key, Ok(()), completions);
        }
    }

    /// A handshake is done: from now on there are only records.
    fn open(&mut self, key: Key, completions: &mut Vec<Completion>) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        let token = connection.token;
        let Some(session) = connection.session.as_deref_mut() else {
            return;
        };
        let Stage::Shaking(handshake) = std::mem::replace(&mut session.stage, Stage::Failed) else {
            return;
        };
        let outcome = match handshake.finish() {
            Ok(outcome) => outcome,
            Err(fault) => return self.fail(key, fault, completions),
        };
        let Outcome {
            channel,
            secure,
            rest,
            tickets,
        } = outcome;
        session.stage = Stage::Open(channel);
        (session.partial, session.tickets) = (rest, tickets);
        let about = Box::new(Introduction {
            secure: Some(secure),
            ..Introduction::default()
        });
        completions.push(Completion::Introduced { token, about });
        self.queue_send(key);
        self.open_partial(key, completions);
        self.writable_if_idle(key, completions);
    }

    /// A client says the first word.
    pub(super) fn begin_as_client(&mut self, key: Key) {
        let Some((config, name)) = &self.client else {
            return;
        };
        let (config, name) = (config.clone(), name.clone());
        let Some(session) = self.session_mut(key) else {
            return;
        };
        if !matches!(session.stage, Stage::Fresh(None)) {
            return;
        }
        let mut reports = Vec::new();
        match Handshake::client(config, name) {
            Ok(mut handshake) => {
                let proceeded = handshake.proceed(&mut session.out);
                session.stage = Stage::Shaking(Box::new(handshake));
                self.shaken(key, proceeded, &mut reports);
            }
            Err(fault) => self.fail(key, fault, &mut reports),
        }
        self.reports.append(&mut reports);
    }

    /// Tells the peer why nothing more comes.
    fn queue_alert(&mut self, key: Key, number: u8) {
        let level = alert::level(number);
        self.seal_own(key, super::channel::kind::ALERT, &[level, number]);
        if let Some(session) = self.session_mut(key)
            && !matches!(session.stage, Stage::Open(_))
        {
            assert!(number != alert::CLOSE_NOTIFY, "it says what is wrong");
            let record = [super::channel::kind::ALERT, 3, 3, 0, 2, level, number];
            session.out.extend_from_slice(&record);
        }
    }
}
