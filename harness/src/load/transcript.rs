//! What everybody receives alike is read once.
//!
//! In a broadcast all clients receive the same messages, nearly always in the same order. Who
//! receives one first decodes it and checks every byte. Its frame is kept, and the bytes of all
//! others are compared with it: equal bytes, where a frame begins, are the same message, and who
//! sent it, when, and as which of its messages is known already. Nothing is taken on trust: one
//! differing byte, and the message is decoded like any other.
//!
//! # Invariants
//! - A frame is kept only if a client has decoded its message and found it right.
//! - Where a client is said to be is a guess. A wrong one costs a comparison, never a verdict.
//! - What is kept is bounded, however much is received.

use std::collections::VecDeque;
use std::ops::Range;

use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

use crate::workload::message::Stamp;

/// Bytes of frames that are kept: of a few hundred clients, what one is behind another. It should
/// fit into a processor's own cache.
const KEPT_BYTES_MAX: usize = 256 * 1024;

/// Bytes of the longest message that is kept. To decode a longer one costs little more than to
/// compare it.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Of a client that is nowhere.
const NOWHERE: u64 = u64::MAX;

/// The frames that came last, and where each client is among them.
#[derive(Debug)]
pub(super) struct Transcript {
    bytes: Vec<u8>,
    frames: VecDeque<Frame>,
    /// The number of the first frame that is kept; all that ever were are counted.
    first: u64,
    /// For each client, the number of the frame that should come next.
    places: Vec<u64>,
    /// For each sender, the sequence number of its latest message and the number of the frame.
    latest: Vec<Option<(u32, u64)>>,
}

/// A frame and what its message says about itself.
#[derive(Clone, Debug)]
struct Frame {
    range: Range<usize>,
    stamp: Stamp,
}

impl Transcript {
    /// Of so many clients and senders.
    pub(super) fn new(clients: u32, senders: u32) -> Self {
        Self {
            bytes: Vec::new(),
            frames: VecDeque::new(),
            first: 0,
            places: vec![0; clients as usize],
            latest: vec![None; senders as usize],
        }
    }

    /// If the input of a client begins with the frame that should come next, the bytes of that
    /// frame and its stamp. The caller must be sure that a frame begins here.
    #[inline]
    pub(super) fn recognize(&mut self, client: u32, input: &[u8]) -> Option<(usize, Stamp)> {
        let place = &mut self.places[client as usize];
        let frame = self.frames.get(place.checked_sub(self.first)? as usize)?;
        let range = frame.range.clone();
        if input.get(..range.len())? != &self.bytes[range.clone()] {
            return None;
        }
        *place += 1;
        Some((range.len(), frame.stamp))
    }

    /// A client has decoded a message and found it right.
    pub(super) fn read(&mut self, client: u32, kind: Kind, text: &[u8], stamp: Stamp) {
        let Some(&latest) = self.latest.get(stamp.from as usize) else {
            return;
        };
        let place = self.places[client as usize];
        self.places[client as usize] = match latest {
            Some((sequence, number)) if sequence == stamp.sequence => number + 1,
            Some((sequence, _)) if sequence > stamp.sequence => match self.frame(place) {
                Some(frame) if frame.stamp == stamp => place + 1,
                _ => NOWHERE,
            },
            _ if text.len() > MESSAGE_BYTES_MAX => NOWHERE,
            _ => self.keep(kind, text, stamp) + 1,
        };
    }

    fn frame(&self, number: u64) -> Option<&Frame> {
        self.frames.get(number.checked_sub(self.first)? as usize)
    }

    /// Keeps a frame, the way every server frames this message. Returns its number.
    fn keep(&mut self, kind: Kind, text: &[u8], stamp: Stamp) -> u64 {
        if self.bytes.len() > KEPT_BYTES_MAX {
            self.forget_half();
        }
        let begin = self.bytes.len();
        encode::message(kind, text, None, &mut self.bytes);
        let range = begin..self.bytes.len();
        let number = self.first + self.frames.len() as u64;
        self.frames.push_back(Frame { range, stamp });
        self.latest[stamp.from as usize] = Some((stamp.sequence, number));
        number
    }

    fn forget_half(&mut self) {
        let count = self.frames.len().div_ceil(2);
        let bytes = self.frames[count - 1].range.end;
        self.frames.drain(..count);
        self.bytes.drain(..bytes);
        for frame in &mut self.frames {
            frame.range = frame.range.start - bytes..frame.range.end - bytes;
        }
        self.first += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::message;

    fn stamp(from: u32, sequence: u32) -> Stamp {
        Stamp {
            from,
            sequence,
            sent_ns: 7,
        }
    }

    fn text(stamp: Stamp) -> Vec<u8> {
        let mut text = Vec::new();
        message::encode(stamp, 100, &mut text);
        text
    }

    fn framed(stamp: Stamp) -> Vec<u8> {
        let mut out = Vec::new();
        encode::message(Kind::Text, &text(stamp), None, &mut out);
        out
    }

    fn read(transcript: &mut Transcript, client: u32, stamp: Stamp) {
        transcript.read(client, Kind::Text, &text(stamp), stamp);
    }

    #[test]
    fn what_one_has_read_others_recognize() {
        let mut transcript = Transcript::new(3, 2);
        let stamps = [stamp(0, 0), stamp(1, 0), stamp(0, 1)];
        for stamp in stamps {
            read(&mut transcript, 0, stamp);
        }
        let input: Vec<u8> = stamps.into_iter().flat_map(framed).collect();
        let mut rest = &input[..];
        for stamp in stamps {
            let (bytes, found) = transcript.recognize(1, rest).unwrap();
            assert_eq!(found, stamp);
            rest = &rest[bytes..];
        }
        assert!(rest.is_empty());
        assert_eq!(
            transcript.recognize(1, &input),
            None,
            "nobody has read more"
        );
    }

    #[test]
    fn no_changed_or_missing_byte_is_recognized() {
        let mut transcript = Transcript::new(2, 1);
        read(&mut transcript, 0, stamp(0, 0));
        let frame = framed(stamp(0, 0));
        for position in 0..frame.len() {
            let mut broken = frame.clone();
            broken[position] ^= 1;
            assert_eq!(transcript.recognize(1, &broken), None, "byte {position}");
            assert_eq!(transcript.recognize(1, &frame[..position]), None);
        }
        assert!(transcript.recognize(1, &frame).is_some());
    }

    #[test]
    fn who_lost_his_place_finds_it_again() {
        let mut transcript = Transcript::new(2, 2);
        for sequence in 0..3 {
            read(&mut transcript, 0, stamp(0, sequence));
            read(&mut transcript, 0, stamp(1, sequence));
        }
        // Number 1 of sender 0 is not what comes next, and no longer its latest.
        read(&mut transcript, 1, stamp(0, 1));
        assert_eq!(transcript.recognize(1, &framed(stamp(1, 1))), None);
        read(&mut transcript, 1, stamp(0, 2));
        let recognized = transcript.recognize(1, &framed(stamp(1, 2)));
        assert_eq!(recognized.unwrap().1, stamp(1, 2));
    }

    #[test]
    fn a_frame_that_came_in_parts_leads_on() {
        let mut transcript = Transcript::new(2, 1);
        for sequence in 0..3 {
            read(&mut transcript, 0, stamp(0, sequence));
        }
        assert!(transcript.recognize(1, &framed(stamp(0, 0))).is_some());
        read(&mut transcript, 1, stamp(0, 1));
        assert!(transcript.recognize(1, &framed(stamp(0, 2))).is_some());
    }

    #[test]
    fn what_is_kept_is_bounded_and_who_is_far_behind_is_nowhere() {
        let mut transcript = Transcript::new(2, 1);
        for sequence in 0..20_000 {
            read(&mut transcript, 0, stamp(0, sequence));
        }
        assert!(transcript.bytes.len() <= KEPT_BYTES_MAX + 200);
        assert_eq!(
            transcript.frames.back().unwrap().range.end,
            transcript.bytes.len()
        );
        assert_eq!(transcript.recognize(1, &framed(stamp(0, 0))), None);
        read(&mut transcript, 1, stamp(0, 0));
        assert_eq!(transcript.places[1], NOWHERE);
        read(&mut transcript, 1, stamp(7, 0));
        read(&mut transcript, 1, stamp(0, 19_999));
        read(&mut transcript, 0, stamp(0, 20_000));
        assert!(transcript.recognize(1, &framed(stamp(0, 20_000))).is_some());
    }
}
