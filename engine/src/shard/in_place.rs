//! A large message that is written back as it came is not copied: the header of the frame in which
//! it is sent is written in the place of the header with which it came, and the frame is sent from
//! the receive buffer. A client's header is longer, by its mask, so there is room.
//!
//! The receive buffers are few and all connections of the shard share them, so none of them waits
//! for a client: what the kernel does not take at once is copied ([`SendQueue::own`]).
//!
//! [`SendQueue::own`]: crate::net::SendQueue::own

use allspark_protocol::parser::Parser;
use allspark_protocol::transformer::{Kind, Transformer};

use super::core::Core;
use super::framed::Framed;
use super::write::Target;
use crate::memory::{Key, Lease, Slice};
use crate::net::Bound;

impl<T: Transformer> Core<T> {
    /// A message of a client, which lies behind the header of its frame.
    pub(super) fn framed_message<'i>(
        &mut self,
        spark: Key,
        kind: Kind,
        (bytes, start): (&'i mut [u8], usize),
        lease: &Lease<'i>,
    ) {
        let answer_kind = self.options.parser.kind(kind);
        let (room, payload) = bytes.split_at_mut(start);
        let Some((slot, transformer)) = self.sessions.with_transformer(spark) else {
            return;
        };
        let wire = slot.state.wire;
        let header_bytes = transformer.frame_in_place(wire, answer_kind, payload, room);
        let Some(header_bytes) = header_bytes else {
            return self.message(spark, kind, payload);
        };
        let frame = match lease.freeze(&mut bytes[start - header_bytes..]) {
            Ok(received) => Slice::hold(received, &mut self.net.buffers.blocks),
            Err(frame) => return self.message(spark, kind, &frame[header_bytes..]),
        };
        self.framed = Some(Framed {
            spark,
            wire,
            kind: answer_kind,
            frame: frame.clone(),
            header_bytes,
        });
        self.message(spark, kind, &frame[header_bytes..]);
        self.framed = None;
        frame.give_back(&mut self.net.buffers.blocks);
    }

    /// Writes that message from where it lies. Returns whether it could be: it is to leave in this
    /// turn, on the connection of its spark.
    pub(super) fn write_in_place(&mut self, target: Target, bound: Bound) -> bool {
        let (Some(framed), Target::Connection(key)) = (&self.framed, target) else {
            return false;
        };
        let (spark, frame) = (framed.spark, framed.frame.clone());
        let slot = self.sessions.get(spark);
        let is_as_before = slot.is_some_and(|s| s.is_open() && s.state.wire == framed.wire);
        let is_blocked = self.net.get(key).is_none_or(|c| c.is_blocked());
        if !is_as_before || is_blocked {
            return false;
        }
        let Some((queue, blocks)) = self.net.queue_mut(key) else {
            return false;
        };
        let admission = queue.push_messages(frame, bound, blocks);
        self.net.borrows(key);
        self.admitted(spark, target, admission, 1);
        true
    }
}
