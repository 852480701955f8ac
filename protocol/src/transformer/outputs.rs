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
    /// The peer is alive, although it sent no message. It counts as the pong of Primus.
    Alive,
    /// Answer the request of this carrier. After that the session does not own the carrier any
    /// more.
    Respond(Carrier, Response),
    /// Begin to answer the request of this carrier. The parts of the body follow as
    /// [`Output::Write`].
    Begin(Carrier, Response),
    /// Write bytes to this carrier: a part of the body after [`Output::Begin`], plain bytes after
    /// [`Output::Upgrade`].
    Write(Carrier, Range<usize>),
    /// Write an answer to an upgraded carrier, to a question that the peer may repeat without end:
    /// a ping, for instance. As long as the answer waits to be sent, a later answer with the same
    /// first byte replaces it. So a peer that asks and does not read costs one answer.
    Latest(Carrier, Range<usize>),
    /// The body is complete. After that the session does not own the carrier any more.
    Finish(Carrier),
    /// Answer the request of this carrier with this `101`. From then on the session receives the
    /// bytes of the carrier.
    Upgrade(Carrier, Response),
    /// From now on the session streams: the engine frames messages for the session's wire and
    /// writes them to this upgraded carrier.
    Stream(Carrier),
    /// Close this carrier as soon as everything that was written to it is sent.
    Close(Carrier),
    /// The session does not answer the request that [`Transformer::exchange`] gave it. The engine
    /// answers the request as if the session did not exist: with [`Transformer::absent`].
    ///
    /// [`Transformer::exchange`]: super::Transformer::exchange
    /// [`Transformer::absent`]: super::Transformer::absent
    Decline(Carrier),
    /// The session has ended. The engine ends the spark, unless the spark has ended before.
    Ended(End),
    /// Forget the session. The engine closes the carriers that the session still owns.
    Over,
}

/// What a session wants done, in order. The engine reuses it for every call, so that a call does
/// not allocate.
#[derive(Debug, Default)]
pub struct Outputs {
    list: Vec<Output>,
    bytes: Vec<u8>,
    has_more: bool,
}

impl Outputs {
    /// Whether the session wants nothing, not even a call of [`Transformer::proceed`].
    ///
    /// [`Transformer::proceed`]: super::Transformer::proceed
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && !self.has_more
    }

    /// Everything that the session wants, in order.
    pub fn list(&self) -> &[Output] {
        &self.list
    }

    /// Takes the list out, so that the caller can change it while it reads the bytes.
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

    /// Empties it for the next call. `list` is what [`Outputs::take_list`] returned. It keeps as
    /// much memory of the list and of the bytes as many calls need, and frees the rest.
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

    /// Whether this call has handed on as many messages as one call should. A session that has more
    /// calls [`Outputs::more`] and returns.
    pub fn is_portion(&self) -> bool {
        self.list.len() >= PORTION_MESSAGES || self.bytes.len() >= PORTION_BYTES
    }

    /// The session has more messages to hand on. The engine calls [`Transformer::proceed`] once;
    /// only then may the session say so again.
    ///
    /// [`Transformer::proceed`]: super::Transformer::proceed
    pub fn more(&mut self) {
        self.has_more = true;
    }

    /// Whether the session has called [`Outputs::more`] since the last call of this function.
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
