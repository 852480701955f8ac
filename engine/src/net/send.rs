//! Writing only queues. At the end of a turn everything that waits for a connection leaves in one
//! send, and what the kernel does not take of it comes back.

use super::connection::{Closing, Flags};
use super::queue::{Admission, Batch, Bound, SendQueue};
use super::{Net, token_of};
use crate::io::Op;
use crate::limits::{ANSWERS_COST_MAX, EXEMPT_BYTES_MAX};
use crate::memory::{BlockPool, FrameClass, FrameTooLong, Key, Slice};

/// More waits for a peer than it may, or a frame is longer than any may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch;

/// What [`Net::flush`] did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flushed {
    /// Bytes that the kernel is offered.
    pub(crate) offered_bytes: usize,
    /// Whether nothing waits any more, unless the kernel refuses what it was just offered.
    pub(crate) is_all_sent: bool,
}

impl<O> Net<O> {
    /// Writes bytes that stand for what was admitted elsewhere, or that come seldom.
    ///
    /// # Errors
    /// More waits already than this may. Nothing was written.
    pub(crate) fn write(
        &mut self,
        key: Key,
        frame: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), TooMuch> {
        if self.connection(key).queue_cost() > self.rules.kept_cost_max {
            return Err(TooMuch);
        }
        self.write_class(key, FrameClass::Kept, frame)
    }

    /// Writes an HTTP answer: as [`Net::write`], but a peer that asks must read.
    ///
    /// # Errors
    /// More answers wait already than may. Nothing was written.
    pub(crate) fn write_answer(
        &mut self,
        key: Key,
        answer: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), TooMuch> {
        if self.connection(key).queue_cost() > ANSWERS_COST_MAX {
            return Err(TooMuch);
        }
        self.write(key, answer)
    }

    fn write_class(
        &mut self,
        key: Key,
        class: FrameClass,
        frame: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), TooMuch> {
        let Some((queue, blocks)) = self.queue_mut(key) else {
            return Ok(());
        };
        let before = queue.bytes();
        queue.write(blocks, class, frame).map_err(|_| TooMuch)?;
        if queue.bytes() > before {
            self.grew(key);
        } else if queue.is_empty() {
            // Nothing was written, and nothing waits: the connection stays as it was. Otherwise a
            // session that writes nothing whenever everything is sent would be asked without end.
            let queue = self.connection_mut(key).queue.take();
            self.buffers.recycle(queue);
        }
        Ok(())
    }

    /// Writes an answer of the transport, in the place of one that still waits, if there is one.
    ///
    /// # Errors
    /// More of such waits than may.
    pub(crate) fn write_latest(&mut self, key: Key, bytes: &[u8]) -> Result<(), TooMuch> {
        let Some((queue, blocks)) = self.queue_mut(key) else {
            return Ok(());
        };
        queue.write_latest(blocks, bytes);
        let exempt_bytes = queue.exempt_bytes();
        self.grew(key);
        match exempt_bytes > EXEMPT_BYTES_MAX {
            true => Err(TooMuch),
            false => Ok(()),
        }
    }

    /// The queue of a connection that may still be written to, and the memory for it. Whoever has
    /// written says so ([`Net::grew`]).
    pub(crate) fn queue_mut(&mut self, key: Key) -> Option<(&mut SendQueue, &mut BlockPool)> {
        let connection = self.connections.get_mut(key)?;
        if !connection.is_open() {
            return None;
        }
        Some(self.buffers.queue(&mut connection.queue))
    }

    /// Writes one message within the bound. `None` if the connection may not be written to.
    #[inline]
    pub(crate) fn write_message(
        &mut self,
        key: Key,
        bound: Bound,
        frame: impl FnOnce(&mut Vec<u8>),
    ) -> Option<Result<Admission, FrameTooLong>> {
        let connection = self.connections.get_mut(key)?;
        if !connection.is_open() {
            return None;
        }
        let (queue, blocks) = self.buffers.queue(&mut connection.queue);
        let written = queue.write_message(blocks, bound, frame);
        if let Ok(Admission::Queued { .. }) = written {
            if connection.begin_dirty() {
                self.dirty.push_back(key);
            } else if connection.is_blocked() {
                self.grew_blocked(key);
            }
        }
        Some(written)
    }

    /// More waits for this connection than before.
    pub(crate) fn grew(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        if connection.begin_dirty() {
            self.dirty.push_back(key);
        } else if connection.is_blocked() {
            self.grew_blocked(key);
        }
    }

    /// The same while the kernel takes nothing.
    #[cold]
    fn grew_blocked(&mut self, key: Key) {
        let pause_bytes = self.rules.pause_bytes;
        let connection = self.connection_mut(key);
        if !connection.flags.has(Flags::UNREAD) && connection.queue_bytes() > pause_bytes {
            // An echo must not fill the queue.
            self.hold(key, Flags::UNREAD);
            self.measure_unread(key);
        }
    }

    /// A message in the queue of this connection lies in a receive buffer.
    pub(crate) fn borrows(&mut self, key: Key) {
        self.borrowing.push(key);
    }

    /// Everything was sent that is sent in this turn: who has something left that lies in a receive
    /// buffer keeps a copy instead.
    pub(crate) fn own_unsent(&mut self) {
        while let Some(key) = self.borrowing.pop() {
            if let Some(connection) = self.connections.get_mut(key)
                && let Some(queue) = &mut connection.queue
            {
                queue.own(&mut self.buffers.blocks);
            }
        }
        self.buffers.blocks.give_back_held();
    }

    /// How many connections have something to send.
    pub(crate) fn dirty_len(&self) -> usize {
        self.dirty.len()
    }

    /// Takes the next connection with something to send, which is then to be flushed; `None` for
    /// one that is gone.
    pub(crate) fn next_dirty(&mut self) -> Option<Key> {
        let key = self.dirty.pop_front()?;
        self.connections.get(key).is_some().then_some(key)
    }

    /// Sends what waits for a connection. What does not fit into one send stays for the next turn.
    pub(crate) fn flush(&mut self, key: Key) -> Flushed {
        let turn = self.turn;
        let connection = self
            .connections
            .get_mut(key)
            .expect("the caller looked it up");
        connection.flags.clear(Flags::DIRTY);
        let nothing = Flushed {
            offered_bytes: 0,
            is_all_sent: false,
        };
        if connection.is_blocked() || connection.closing == Closing::Asked {
            return nothing;
        }
        assert!(
            connection.sent_turn != turn,
            "one send per turn and connection"
        );
        let Some(queue) = &mut connection.queue else {
            // What the driver kept of it has left.
            self.sent_all(key);
            return Flushed {
                offered_bytes: 0,
                is_all_sent: true,
            };
        };
        let before = queue.bytes();
        if let Some(batch) = queue.next(&mut self.buffers.blocks) {
            connection.sent_turn = turn;
            let socket = connection.socket;
            self.ops.push(match batch {
                Batch::One(bytes) => Op::Send { socket, bytes },
                Batch::Many(slices) => Op::SendMany { socket, slices },
            });
        }
        let (offered_bytes, is_all_sent) = (before - queue.bytes(), queue.is_empty());
        connection.count_taken(offered_bytes);
        self.traffic.offered(offered_bytes);
        if is_all_sent {
            let queue = connection.queue.take();
            self.buffers.recycle(queue);
            self.sent_all(key);
        } else {
            connection.flags.set(Flags::DIRTY);
            self.dirty.push_back(key);
        }
        Flushed {
            offered_bytes,
            is_all_sent,
        }
    }

    fn sent_all(&mut self, key: Key) {
        let connection = self.connection(key);
        if connection.closing == Closing::AfterSending {
            self.finishing.push(key);
        } else if connection.flags.has(Flags::UNREAD.or(Flags::WATCHED)) {
            self.caught_up.push(key);
        }
    }

    /// Sends shared bytes at once, if nothing else waits for the connection and nothing was sent to
    /// it in this turn. Returns how many bytes.
    #[inline]
    pub(crate) fn send_now(
        &mut self,
        key: Key,
        piece: impl FnOnce(&mut BlockPool) -> Option<Slice>,
    ) -> Option<usize> {
        let turn = self.turn;
        let connection = self.connections.get_mut(key)?;
        if !connection.is_free() || connection.sent_turn == turn {
            return None;
        }
        let bytes = piece(&mut self.buffers.blocks)?;
        connection.sent_turn = turn;
        let (socket, offered_bytes) = (connection.socket, bytes.len());
        self.traffic.offered(offered_bytes);
        self.ops.push(Op::Send { socket, bytes });
        Some(offered_bytes)
    }

    /// The kernel did not take everything.
    pub(crate) fn stalled(&mut self, key: Key, rest: Slice) {
        let connection = self
            .connections
            .get_mut(key)
            .expect("the caller looked it up");
        if connection.closing == Closing::Asked {
            return;
        }
        let socket = connection.socket;
        // Each of several slices may have a rest; the last slice comes first.
        if !connection.flags.has(Flags::BLOCKED) {
            connection.flags.set(Flags::BLOCKED);
            self.ops.push(Op::AwaitWritable { socket });
        }
        connection.count_refused(rest.len());
        self.traffic.refused(rest.len());
        if !rest.is_empty() {
            let (queue, blocks) = self.buffers.queue(&mut connection.queue);
            queue.push_front(rest, blocks);
            self.grew(key);
        }
        self.watch_if_idle(key);
    }

    /// The kernel would take more.
    pub(crate) fn writable(&mut self, key: Key) {
        let connection = self.connection_mut(key);
        connection.flags.clear(Flags::BLOCKED);
        if !connection.flags.has(Flags::DIRTY) {
            connection.flags.set(Flags::DIRTY);
            self.dirty.push_back(key);
        }
    }

    /// Receives from a connection again.
    pub(super) fn receive(&mut self, key: Key) {
        let socket = self.connection(key).socket;
        let token = token_of(key);
        self.ops.push(Op::Receive { socket, token });
    }
}
