//! Tells of requests that were answered, if somebody wants to know ([`crate::access`]). Who does
//! not pays a comparison per request, and nothing per message.

use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use crate::access::Place;
use crate::memory::Key;

impl<T: Transformer> Core<T> {
    /// A request has come, or its head has.
    #[inline]
    pub(super) fn note_asked(&mut self, key: Key, head: &RequestHead<'_>) {
        if self.accesses.is_some() {
            self.keep_asked(key, head);
        }
    }

    #[cold]
    fn keep_asked(&mut self, key: Key, head: &RequestHead<'_>) {
        let peer = self.net.connection(key).peer;
        let client = self.options.client(head, peer).unwrap_or(peer);
        if let Some(accesses) = &mut self.accesses {
            let at = (self.clock.now, self.clock.unix_ms);
            accesses.asked(key, at, client, head);
        }
    }

    /// A whole answer was queued.
    #[inline]
    pub(super) fn note_answer(&mut self, key: Key, response: &Response, head_only: bool) {
        if self.accesses.is_some() {
            let bytes = match head_only {
                true => 0,
                false => response.body_bytes().len(),
            };
            self.tell_answer(key, response.status(), bytes);
        }
    }

    #[cold]
    fn tell_answer(&mut self, key: Key, status: u16, bytes: usize) {
        let place = self.access_place(key);
        if let Some(accesses) = &mut self.accesses {
            accesses.answered(key, status, bytes, &place);
        }
    }

    /// The head of an answer was queued, whose body comes later.
    #[inline]
    pub(super) fn note_answer_begun(&mut self, key: Key, response: &Response) {
        if let Some(accesses) = &mut self.accesses {
            accesses.begun(key, response.status());
        }
    }

    /// A part of its body was queued.
    #[inline]
    pub(super) fn note_answer_part(&mut self, key: Key, bytes: usize) {
        if let Some(accesses) = &mut self.accesses {
            accesses.sent(key, bytes);
        }
    }

    /// Its body is over, or its connection is being closed.
    #[inline]
    pub(super) fn note_answer_end(&mut self, key: Key) {
        if self
            .accesses
            .as_ref()
            .is_some_and(|accesses| accesses.has(key))
        {
            self.tell_answer_end(key);
        }
    }

    #[cold]
    fn tell_answer_end(&mut self, key: Key) {
        let place = self.access_place(key);
        if let Some(accesses) = &mut self.accesses {
            accesses.ended(key, &place);
        }
    }

    fn access_place(&self, key: Key) -> Place {
        let connection = self.net.connection(key);
        let known = self.introductions.of(key);
        Place {
            now: self.clock.now,
            unix_ms: self.clock.unix_ms,
            peer: connection.peer,
            listener: connection.listener,
            shard: self.shard,
            is_secure: known.is_some_and(|known| known.secure.is_some()),
        }
    }
}
