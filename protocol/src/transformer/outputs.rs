//! What a session wants done.

use std::ops::Range;

use super::{Carrier, End, Kind};
use crate::http::Response;
use crate::limits::{PORTION_BYTES, PORTION_MESSAGES};

/// One thing that a session wants done.
#[derive(Debug)]
pub enum Output {
    /// Hand a message to the application. The bytes are found with [`Outputs::bytes`].
    Message {
        /// Text has been checked to be UTF-8.
        kind: Kind,
        /// Where the message lies.
        bytes: Range<usize>,
    },
    /// A sign of life below the level of messages, which counts like a Primus pong.
    Alive,
    /// Answer the request of this carrier, which is then free again.
    Respond(Carrier, Response),
    /// Begin to answer the request of this carrier; the body follows in parts.
    Begin(Carrier, Response),
    /// Write to this carrier: a part of the body that was begun, or, after an upgrade, bytes.
    Write(Carrier, Range<usize>),
    /// Write this answer to what the peer asks as often as it likes to an upgraded carrier. While
    /// it waits, a later one with the same first byte stands for both, so only that is sent.
    Latest(Carrier, Range<usize>),
    /// The body that was begun is complete; the carrier is free again.
    Finish(Carrier),
    /// Answer with this `101`; from then on the session receives the carrier's bytes.
    Upgrade(Carrier, Response),
    /// From now on messages are framed for the session's wire and sent on this upgraded carrier.
    Stream(Carrier),
    /// Close this carrier once everything written to it is sent.
    Close(Carrier),
    /// The request that the session is being asked about, in [`Transformer::exchange`], was for it
    /// to know of, but not to answer: it is answered as if there were no such session, see
    /// [`Transformer::absent`].
    ///
    /// [`Transformer::exchange`]: super::Transformer::exchange
    /// [`Transformer::absent`]: super::Transformer::absent
    Decline(Carrier),
    /// The transport is over: the spark ends now, if it has not ended already.
    Ended(End),
    /// Forget the session. Carriers that it still has are closed.
    Over,
}

/// What a session wants done, in order. Reused from call to call, so that it costs no allocation.
#[derive(Debug, Default)]
pub struct Outputs {
    list: Vec<Output>,
    bytes: Vec<u8>,
    has_more: bool,
}

impl Outputs {
    /// Whether nothing is wanted, not even to be asked for more.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.has_more
    }

    /// Everything that is wanted, in order.
    pub fn list(&self) -> &[Output] {
        &self.list
    }

    /// Takes the list out, so that it can be worked through while the bytes are read.
    pub fn take_list(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.list)
    }

    /// Takes the outputs out, in order, and keeps their bytes and the memory of the list.
    pub fn drain(&mut self) -> impl Iterator<Item = Output> + use<'_> {
        self.list.drain(..)
    }

    /// Forgets the bytes of outputs that were taken out; of the memory as much is kept as is often
    /// needed.
    pub fn forget_bytes(&mut self) {
        debug_assert!(self.list.is_empty(), "their bytes are still needed");
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT_MAX);
        self.list.shrink_to(OUTPUTS_KEPT_MAX);
    }

    /// The bytes of an output.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Empties it for the next call. `list` is what [`Outputs::take_list`] gave; of its memory and
    /// of that of the bytes as much is kept as is often needed.
    pub fn recycle(&mut self, mut list: Vec<Output>) {
        list.clear();
        self.list = list;
        self.bytes.clear();
        self.bytes.shrink_to(BYTES_KEPT_MAX);
        self.list.shrink_to(OUTPUTS_KEPT_MAX);
    }

    /// See [`Output::Message`].
    pub fn message(&mut self, kind: Kind, payload: &[u8]) {
        let bytes = self.append(|out| out.extend_from_slice(payload));
        self.list.push(Output::Message { kind, bytes });
    }

    /// Whether a session should hand on no more messages in this call. If it has more it says so
    /// with [`Outputs::more`].
    pub fn is_portion(&self) -> bool {
        self.list.len() >= PORTION_MESSAGES || self.bytes.len() >= PORTION_BYTES
    }

    /// The session has more messages to hand on, and is to be asked for them with
    /// [`Transformer::proceed`], once. It must not say so again before that.
    ///
    /// [`Transformer::proceed`]: super::Transformer::proceed
    pub fn more(&mut self) {
        self.has_more = true;
    }

    /// Whether the session has said that it has more, since this was asked last.
    pub fn take_more(&mut self) -> bool {
        std::mem::take(&mut self.has_more)
    }

    /// See [`Output::Alive`].
    pub fn alive(&mut self) {
        self.list.push(Output::Alive);
    }

    /// See [`Output::Respond`].
    pub fn respond(&mut self, carrier: Carrier, response: Response) {
        self.list.push(Output::Respond(carrier, response));
    }

    /// See [`Output::Begin`].
    pub fn begin(&mut self, carrier: Carrier, response: Response) {
        self.list.push(Output::Begin(carrier, response));
    }

    /// See [`Output::Write`]. What `write` appends is written.
    #[inline]
    pub fn write(&mut self, carrier: Carrier, write: impl FnOnce(&mut Vec<u8>)) {
        let bytes = self.append(write);
        self.list.push(Output::Write(carrier, bytes));
    }

    /// See [`Output::Latest`]. What `write` appends is written.
    #[inline]
    pub fn latest(&mut self, carrier: Carrier, write: impl FnOnce(&mut Vec<u8>)) {
        let bytes = self.append(write);
        self.list.push(Output::Latest(carrier, bytes));
    }

    /// See [`Output::Finish`].
    pub fn finish(&mut self, carrier: Carrier) {
        self.list.push(Output::Finish(carrier));
    }

    /// See [`Output::Upgrade`].
    pub fn upgrade(&mut self, carrier: Carrier, response: Response) {
        self.list.push(Output::Upgrade(carrier, response));
    }

    /// See [`Output::Stream`].
    pub fn stream(&mut self, carrier: Carrier) {
        self.list.push(Output::Stream(carrier));
    }

    /// See [`Output::Close`].
    pub fn close(&mut self, carrier: Carrier) {
        self.list.push(Output::Close(carrier));
    }

    /// See [`Output::Decline`].
    pub fn decline(&mut self, carrier: Carrier) {
        self.list.push(Output::Decline(carrier));
    }

    /// See [`Output::Ended`].
    pub fn ended(&mut self, end: End) {
        self.list.push(Output::Ended(end));
    }

    /// See [`Output::Over`].
    pub fn over(&mut self) {
        self.list.push(Output::Over);
    }

    fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.bytes.len();
        write(&mut self.bytes);
        start..self.bytes.len()
    }
}

/// Bytes up to which the memory for bytes is kept.
const BYTES_KEPT_MAX: usize = 64 * 1024;

/// Outputs up to which the memory for outputs is kept.
const OUTPUTS_KEPT_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_more_wants_something_although_there_is_nothing_yet() {
        let mut outputs = Outputs::default();
        assert!(outputs.is_empty() && !outputs.is_portion());
        outputs.more();
        assert!(!outputs.is_empty());
        assert!(outputs.take_more() && !outputs.take_more() && outputs.is_empty());
    }

    #[test]
    fn a_portion_is_full_of_messages_or_of_bytes() {
        let mut outputs = Outputs::default();
        (1..PORTION_MESSAGES).for_each(|_| outputs.message(Kind::Text, b""));
        assert!(!outputs.is_portion());
        outputs.message(Kind::Text, b"");
        assert!(outputs.is_portion());
        let list = outputs.take_list();
        outputs.recycle(list);
        assert!(!outputs.is_portion());
        outputs.message(Kind::Text, &[0; PORTION_BYTES]);
        assert!(outputs.is_portion());
    }
}
