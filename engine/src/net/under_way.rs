//! What is under way on connections, in number: requests that are not finished, and handshakes of
//! TLS. A connection has one of each at most, and neither any more once it is being closed.

use super::Net;
use super::connection::{Flags, UnderWay};
use crate::memory::Key;

impl<O> Net<O> {
    /// How many requests and handshakes are under way.
    pub(crate) fn under_way(&self) -> UnderWay {
        self.under_way
    }

    /// Notes whether a request is under way on this connection. Returns whether it was noted that
    /// one has begun.
    #[inline]
    pub(crate) fn note_request(&mut self, key: Key, is_under_way: bool) -> bool {
        let connection = self.connection_mut(key);
        let is_under_way = is_under_way && connection.is_open();
        if connection.flags.has(Flags::UNDER_WAY) == is_under_way {
            return false;
        }
        if is_under_way {
            connection.flags.set(Flags::UNDER_WAY);
            self.under_way.requests += 1;
        } else {
            connection.flags.clear(Flags::UNDER_WAY);
            self.under_way.requests -= 1;
        }
        is_under_way
    }

    /// A handshake begins on this connection.
    pub(crate) fn begin_handshake(&mut self, key: Key) {
        let flags = &mut self.connection_mut(key).flags;
        if !flags.has(Flags::SHAKING) {
            flags.set(Flags::SHAKING);
            self.under_way.handshakes += 1;
        }
    }

    /// The handshake on this connection is over, if one was under way.
    pub(crate) fn end_handshake(&mut self, key: Key) {
        let flags = &mut self.connection_mut(key).flags;
        if flags.has(Flags::SHAKING) {
            flags.clear(Flags::SHAKING);
            self.under_way.handshakes -= 1;
        }
    }

    /// The connection is being closed, or is gone.
    pub(super) fn end_under_way(&mut self, key: Key) {
        let flags = self.connection(key).flags;
        if flags.has(Flags::UNDER_WAY) || flags.has(Flags::SHAKING) {
            self.note_request(key, false);
            self.end_handshake(key);
        }
    }
}
