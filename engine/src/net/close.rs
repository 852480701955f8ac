//! How connections end. [`Net::finish`] sends what waits, shuts down, and reads on for a moment, so
//! that the peer gets the last bytes instead of a reset; [`Net::close`] closes at once. Both ends
//! of that are given as long as the peer takes what is sent ([`super::slow`]).

use super::connection::Closing;
use super::{Net, token_of};
use crate::io::Op;
use crate::limits::LINGER_MS;
use crate::memory::Key;

impl<O> Net<O> {
    /// Closes the connection once everything that waits is sent. Returns whether that begins now.
    pub(crate) fn finish(&mut self, key: Key) -> bool {
        let connection = self.connection_mut(key);
        if !connection.is_open() {
            return false;
        }
        connection.closing = Closing::AfterSending;
        let (blocked, is_watched) = (connection.is_blocked(), connection.is_watched());
        self.finishing.push(key);
        if is_watched {
            // It still is, for as long as the peer takes what waits.
        } else if blocked {
            self.start_watch(key);
        } else {
            self.set_timer_ms(key, LINGER_MS);
        }
        self.charges.set(key.index, 0);
        self.end_under_way(key);
        true
    }

    /// Goes on with connections whose last bytes were submitted.
    pub(crate) fn after_submit(&mut self) {
        self.buffers.blocks.reclaim();
        for _ in 0..self.finishing.len() {
            let key = self.finishing.pop().expect("counted above");
            let Some(connection) = self.connections.get_mut(key) else {
                continue;
            };
            // Once the rest is sent, it is put into the list again.
            if connection.closing != Closing::AfterSending || connection.has_unsent() {
                continue;
            }
            if connection.input_ended() {
                self.close(key);
            } else {
                self.linger(key);
            }
        }
    }

    /// Everything is sent: the peer is told so, and listened to until it closes, too.
    fn linger(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        connection.closing = Closing::Lingering;
        let was_held = connection.flags.clear_holds();
        let socket = connection.socket;
        self.ops.push(Op::Shutdown { socket });
        self.end_watch(key);
        self.set_timer_ms(key, LINGER_MS);
        if was_held {
            // Its bytes are of no interest, but its end is.
            self.receive(key);
        }
    }

    /// Closes the connection now. Returns whether that begins now.
    pub(crate) fn close(&mut self, key: Key) -> bool {
        let connection = self.connection_mut(key);
        if connection.closing == Closing::Asked {
            return false;
        }
        connection.closing = Closing::Asked;
        let (socket, queue) = (connection.socket, connection.queue.take());
        self.buffers.recycle(queue);
        self.cancel_timer(key);
        self.charges.set(key.index, 0);
        self.end_under_way(key);
        let token = token_of(key);
        self.ops.push(Op::Close { socket, token });
        true
    }
}
