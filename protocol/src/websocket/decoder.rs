//! Received bytes become messages, pings, pongs and closes.

use super::deflate::Inflater;
use super::frame::Opcode;
use super::item::{Item, control_item, inflated_item};
use super::partial::Partial;
use super::rules::Rules;
use super::{Role, Violation, utf8};
use crate::input::Input;
use crate::transformer::{Kind, Progress};

/// The receiving half of one connection after the handshake.
///
/// A message that came in one frame and lies whole in the input is unmasked in place and lent out;
/// only one that is incomplete or fragmented is copied. Nothing is allocated between messages.
#[derive(Debug)]
pub struct Decoder {
    partial: Option<Box<Partial>>,
    message_bytes_max: u32,
    role: Role,
    ended: bool,
}

const _: () = assert!(
    size_of::<Decoder>() <= 16,
    "there is one in every idle connection"
);

impl Decoder {
    /// A decoder for what the peer sends; `role` is our end of the connection. Messages of more
    /// than `message_bytes_max` bytes are refused; a bound above 4 GiB - 1 means 4 GiB - 1.
    pub fn new(role: Role, message_bytes_max: usize) -> Self {
        Self {
            partial: None,
            message_bytes_max: u32::try_from(message_bytes_max).unwrap_or(u32::MAX),
            role,
            ended: false,
        }
    }

    /// Whether the next byte begins a message: neither a frame nor a message is under way.
    #[inline]
    pub fn is_between_messages(&self) -> bool {
        self.partial.is_none() && !self.ended
    }

    /// Whether a frame or a message is under way.
    #[inline]
    pub fn is_receiving(&self) -> bool {
        self.partial.is_some()
    }

    /// What came of the message under way since the last call; `None` if nothing is under way.
    pub fn take_progress(&mut self) -> Option<Progress> {
        Some(self.partial.as_mut()?.take_progress())
    }

    /// Bytes of heap memory that it holds: none between two messages, and at most twice what has
    /// come of the one under way.
    #[inline]
    pub fn held_bytes(&self) -> usize {
        let partial = self.partial.as_deref();
        partial.map_or(0, |partial| size_of::<Partial>() + partial.held_bytes())
    }

    /// Consumes from `input` up to the end of the next item. `None` means that all of it has been
    /// consumed; what it held of an incomplete item is kept. After a close or a violation, all
    /// input is discarded (RFC 6455, 1.4 and 7.1.7).
    ///
    /// # Errors
    /// The first [`Violation`] of the peer, as soon as the bytes show it.
    #[inline]
    pub fn next<'i>(&mut self, input: &mut Input<'i>) -> Result<Option<Item<'i>>, Violation> {
        self.next_with(input, None)
    }

    /// The same for a connection on which permessage-deflate has been negotiated: messages may be
    /// compressed. For one decoder the caller always uses either this function or
    /// [`Decoder::next`].
    ///
    /// A compressed message is put together first and inflated as a whole, so that one inflater can
    /// serve many connections. The bound on messages counts before and after, as in `ws`.
    ///
    /// # Errors
    /// As [`Decoder::next`].
    #[inline]
    pub fn next_inflating<'i>(
        &mut self,
        input: &mut Input<'i>,
        inflater: &mut Inflater,
    ) -> Result<Option<Item<'i>>, Violation> {
        self.next_with(input, Some(inflater))
    }

    #[inline(always)]
    fn next_with<'i>(
        &mut self,
        input: &mut Input<'i>,
        inflater: Option<&mut Inflater>,
    ) -> Result<Option<Item<'i>>, Violation> {
        if !self.is_between_messages() {
            return self.next_partial(input, inflater);
        }
        // The usual message is made right here: to hand an item from one function to the next
        // takes longer than to read it.
        let (kind, frame) = match self.rules(inflater.is_some()).whole_message(input) {
            Some((Opcode::Binary, frame)) => (Kind::Binary, frame),
            Some((_, frame)) if utf8::is_valid(frame.payload()) => (Kind::Text, frame),
            Some(_) => return self.noted(Err(Violation::InvalidUtf8)),
            None if input.is_empty() => return Ok(None),
            None => return self.next_other(input, inflater),
        };
        let payload = frame.into_payload();
        Ok(Some(Item::Message { kind, payload }))
    }

    /// Takes what is no whole message: a control frame, a part of a message, a compressed one, or
    /// something that breaks a rule.
    #[inline(never)]
    fn next_other<'i>(
        &mut self,
        input: &mut Input<'i>,
        inflater: Option<&mut Inflater>,
    ) -> Result<Option<Item<'i>>, Violation> {
        match self.rules(inflater.is_some()).whole_control_frame(input) {
            Ok(Some((opcode, frame))) => {
                let item = control_item(opcode, frame.into_payload());
                self.noted(item.map(Some))
            }
            Ok(None) => self.next_partial(input, inflater),
            Err(violation) => self.noted(Err(violation)),
        }
    }

    /// Goes on with an item that has not come whole, or begins one, or inflates one.
    #[inline(never)]
    fn next_partial<'i>(
        &mut self,
        input: &mut Input<'i>,
        mut inflater: Option<&mut Inflater>,
    ) -> Result<Option<Item<'i>>, Violation> {
        if self.ended {
            input.take_all();
            return Ok(None);
        }
        let rules = self.rules(inflater.is_some());
        if self.partial.is_none()
            && let Some(inflater) = &mut inflater
            && let Some(item) = next_compressed(input, rules, inflater).transpose()
        {
            return self.noted(item.map(Some));
        }
        let partial = self.partial.get_or_insert_default();
        let result = partial.next(input, rules, inflater);
        if partial.is_idle() {
            self.partial = None;
        }
        self.noted(result)
    }

    /// Passes a result on, and remembers it if nothing may come after it.
    #[inline(never)]
    fn noted<'i>(
        &mut self,
        result: Result<Option<Item<'i>>, Violation>,
    ) -> Result<Option<Item<'i>>, Violation> {
        if matches!(result, Err(_) | Ok(Some(Item::Close { .. }))) {
            self.ended = true;
            self.partial = None;
        }
        result
    }

    #[inline]
    fn rules(&self, inflates: bool) -> Rules {
        Rules {
            role: self.role,
            message_bytes_max: self.message_bytes_max,
            inflates,
        }
    }
}

/// Inflates the message at the front of `input` where it lies, if it is there whole.
fn next_compressed<'i>(
    input: &mut Input<'i>,
    rules: Rules,
    inflater: &mut Inflater,
) -> Result<Option<Item<'i>>, Violation> {
    let Some((opcode, frame)) = rules.whole_compressed_frame(input)? else {
        return Ok(None);
    };
    let kind = match opcode {
        Opcode::Text => Kind::Text,
        _ => Kind::Binary,
    };
    inflated_item(kind, frame.payload(), rules, inflater).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Payload;
    use crate::limits::WEBSOCKET_FRAMED_BYTES_MIN;
    use crate::websocket::{CloseCode, encode};

    /// Decodes what a server sent, in parts of `part_bytes`, up to the first error.
    fn decoded(stream: &[u8], part_bytes: usize) -> (Vec<String>, Option<Violation>) {
        let mut decoder = Decoder::new(Role::Client, 1000);
        let mut items = Vec::new();
        for part in stream.to_vec().chunks_mut(part_bytes) {
            let mut input = Input::new(part);
            loop {
                match decoder.next(&mut input) {
                    Ok(Some(item)) => items.push(described(&item)),
                    Ok(None) => break,
                    Err(violation) => return (items, Some(violation)),
                }
            }
            assert!(input.is_empty());
        }
        (items, None)
    }

    #[test]
    fn knows_whether_a_message_begins() {
        let mut decoder = Decoder::new(Role::Client, 1000);
        let mut feed = |bytes: &[u8]| {
            let mut bytes = bytes.to_vec();
            let mut input = Input::new(&mut bytes);
            while let Ok(Some(_)) = decoder.next(&mut input) {}
            decoder.is_between_messages()
        };
        assert!(feed(b"\x81\x02ab"));
        assert!(!feed(b"\x81\x02a"));
        assert!(feed(b"b"));
        // The first fragment of two, and a ping between them.
        assert!(!feed(b"\x01\x01a"));
        assert!(!feed(b"\x89\x00"));
        assert!(feed(b"\x80\x01b"));
        assert!(!feed(b"\x88\x00"), "nothing comes after a goodbye");
    }

    fn described(item: &Item<'_>) -> String {
        match item {
            Item::Message { kind, payload } => {
                format!("{kind:?} {}", String::from_utf8_lossy(payload))
            }
            Item::Ping(payload) => format!("Ping {}", String::from_utf8_lossy(payload)),
            Item::Pong(payload) => format!("Pong {}", String::from_utf8_lossy(payload)),
            Item::Close { code, reason } => {
                format!("Close {} {reason}", code.map_or(0, CloseCode::number))
            }
        }
    }

    /// Asserts what a stream means, however it is cut.
    #[track_caller]
    fn assert_means(stream: &[u8], items: &[&str], violation: Option<Violation>) {
        for part_bytes in 1..=stream.len().max(1) {
            let expected = (items.iter().map(ToString::to_string).collect(), violation);
            assert_eq!(
                decoded(stream, part_bytes),
                expected,
                "in parts of {part_bytes}"
            );
        }
    }

    #[test]
    fn a_stream_means_the_same_however_it_is_cut() {
        let mut stream = Vec::new();
        encode::message(Kind::Text, "héllo".as_bytes(), None, &mut stream);
        encode::message(Kind::Binary, b"", None, &mut stream);
        stream.extend(b"\x01\x03fr\xc3\x89\x02hi\x80\x03\xa9ed\x8a\x00\x80\x00");
        stream.extend(b"\x02\x00\x00\x00\x80\x01x");
        encode::message(Kind::Text, &[b'x'; 200], None, &mut stream);
        encode::close(Some(CloseCode::GOING_AWAY), "bye", None, &mut stream);
        stream.extend(b"\xff\xff what follows a close is ignored");
        // The message "fr\u{e9}ed" is complete before the lone continuation that breaks the rule.
        let begun = ["Text héllo", "Binary ", "Ping hi", "Text fréed", "Pong "];
        assert_means(&stream, &begun, Some(Violation::ContinuationUnexpected));
        let rule_breaker = stream
            .windows(2)
            .position(|pair| pair == b"\x8a\x00")
            .unwrap()
            + 2;
        stream.drain(rule_breaker..rule_breaker + 2);
        let long = format!("Text {}", "x".repeat(200));
        let rest = ["Binary x", &long, "Close 1001 bye"];
        assert_means(&stream, &[&begun[..], &rest].concat(), None);
    }

    #[test]
    fn a_violation_is_named_whatever_came_before_it() {
        let cases: [(&[u8], Violation); 15] = [
            (b"\x80\x01x", Violation::ContinuationUnexpected),
            (b"\x01\x01x\x81\x01y", Violation::ContinuationMissing),
            (b"\x02\x01x\x02\x00", Violation::ContinuationMissing),
            (b"\x81\x81keyxx", Violation::MaskUnexpected),
            (b"\xc1\x00", Violation::ReservedBit),
            (b"\x40\x00", Violation::ReservedBit),
            (b"\x09\x00", Violation::ControlFragmented),
            (b"\x88\x01x", Violation::CloseCodeTruncated),
            (b"\x88\x02\x03\xed", Violation::CloseCodeInvalid),
            (b"\x88\x03\x03\xe8\xff", Violation::InvalidUtf8),
            (b"\x81\x01\xff", Violation::InvalidUtf8),
            (b"\x81\x02ok\x81\x02\xc3", Violation::InvalidUtf8),
            (b"\x01\x01\xc3\x80\x00", Violation::InvalidUtf8),
            (b"\x82\x7e\x03\xe9", Violation::MessageTooBig),
            (b"\x01\x01x\x00\x7e\x03\xe8", Violation::MessageTooBig),
        ];
        for (stream, violation) in cases {
            let complete = [stream, b"(".as_slice()].concat();
            for part_bytes in [1, 2, 3, complete.len()] {
                let (_, named) = decoded(&complete, part_bytes);
                assert_eq!(
                    named,
                    Some(violation),
                    "{stream:?} in parts of {part_bytes}"
                );
            }
        }
    }

    #[test]
    fn the_bound_holds_for_the_whole_message_and_not_for_control_frames() {
        let exactly = [b"\x82\x7e\x03\xe8".as_slice(), &[b'x'; 1000]].concat();
        assert_eq!(decoded(&exactly, 7).1, None);
        let parts = [
            b"\x01\x7d".as_slice(),
            &[b'x'; 125],
            b"\x00\x7e\x03\x6b",
            &[b'x'; 875],
        ];
        let whole = [&parts.concat(), b"\x89\x01p\x80\x00".as_slice()].concat();
        let (items, violation) = decoded(&whole, 100);
        assert_eq!((items.len(), violation), (2, None));
        let mut strict = Decoder::new(Role::Client, 0);
        let mut ping = *b"\x89\x01p";
        assert!(matches!(
            strict.next(&mut Input::new(&mut ping)),
            Ok(Some(Item::Ping(_)))
        ));
    }

    #[test]
    fn memory_grows_with_what_has_come_and_not_with_what_is_announced() {
        let mut decoder = Decoder::new(Role::Client, usize::MAX);
        let mut begin = *b"\x82\x7f\x00\x00\x00\x00\xff\xff\xff\xff";
        assert!(matches!(
            decoder.next(&mut Input::new(&mut begin)),
            Ok(None)
        ));
        for received_bytes in (100..20_000).step_by(100) {
            assert!(matches!(
                decoder.next(&mut Input::new(&mut [7; 100])),
                Ok(None)
            ));
            let held_bytes = decoder
                .partial
                .as_ref()
                .map_or(0, |partial| partial.held_bytes());
            assert!(
                held_bytes <= 2 * received_bytes,
                "{held_bytes} for {received_bytes}"
            );
        }
    }

    #[test]
    fn memory_does_not_grow_beyond_a_message_whose_end_is_known() {
        let mut decoder = Decoder::new(Role::Client, 1000);
        let mut begin = *b"\x82\x7e\x03\xe8";
        assert!(matches!(
            decoder.next(&mut Input::new(&mut begin)),
            Ok(None)
        ));
        assert!(matches!(
            decoder.next(&mut Input::new(&mut [7; 600])),
            Ok(None)
        ));
        let held_bytes = decoder.held_bytes() - size_of::<Partial>();
        assert_eq!(held_bytes, 1000, "it is moved no more");
        let mut rest = [7; 400];
        match decoder.next(&mut Input::new(&mut rest)) {
            Ok(Some(Item::Message {
                payload: Payload::Owned(bytes),
                ..
            })) => {
                assert_eq!((bytes.len(), bytes.capacity()), (1000, 1000));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn text_is_refused_before_its_frame_is_complete() {
        let mut decoder = Decoder::new(Role::Server, 1000);
        let mut begin = *b"\x81\xfe\x01\x00\x00\x00\x00\x00fine until \xf4\x90";
        let mut input = Input::new(&mut begin);
        assert_eq!(
            decoder.next(&mut input).unwrap_err(),
            Violation::InvalidUtf8
        );
    }

    #[test]
    fn a_message_in_one_piece_is_lent_and_nothing_is_kept() {
        let mut decoder = Decoder::new(Role::Server, 1000);
        let mut stream = Vec::new();
        encode::message(Kind::Text, b"lent", Some(*b"key!"), &mut stream);
        let mut input = Input::new(&mut stream);
        let Ok(Some(Item::Message { payload, .. })) = decoder.next(&mut input) else {
            panic!("the message is there");
        };
        assert_eq!(&*payload, b"lent");
        assert!(matches!(payload, Payload::Borrowed(_)));
        assert!(decoder.partial.is_none());
    }

    #[test]
    fn a_large_message_is_lent_with_the_header_of_its_frame() {
        for (payload_bytes, header_bytes) in [
            (WEBSOCKET_FRAMED_BYTES_MIN - 1, None),
            (WEBSOCKET_FRAMED_BYTES_MIN, Some(8)),
            (65535, Some(8)),
            (65536, Some(14)),
        ] {
            let mut decoder = Decoder::new(Role::Server, 1 << 20);
            let (sent, mut stream) = (vec![b'x'; payload_bytes], b"\x8a\x80keys".to_vec());
            encode::message(Kind::Text, &sent, Some(*b"key!"), &mut stream);
            encode::message(Kind::Text, b"next", Some(*b"key!"), &mut stream);
            let mut input = Input::new(&mut stream);
            assert!(matches!(decoder.next(&mut input), Ok(Some(Item::Pong(_)))));
            let Ok(Some(Item::Message { payload, .. })) = decoder.next(&mut input) else {
                panic!("the message is there");
            };
            assert!(*payload == sent);
            match payload {
                Payload::Framed { bytes, start } => {
                    let frame_bytes = header_bytes.map(|header| header + payload_bytes);
                    assert_eq!(
                        (Some(start), Some(bytes.len())),
                        (header_bytes, frame_bytes)
                    );
                }
                _ => assert_eq!(header_bytes, None),
            }
            assert!(matches!(
                decoder.next(&mut input),
                Ok(Some(Item::Message { .. }))
            ));
        }
    }

    #[test]
    fn nothing_is_kept_once_a_copied_message_is_handed_out() {
        let mut decoder = Decoder::new(Role::Client, 1000);
        for part in [*b"\x01\x02o", *b"k\x80\x00"] {
            let _ = decoder.next(&mut Input::new(&mut part.clone()));
        }
        assert!(decoder.partial.is_none());
    }

    #[test]
    fn a_decoder_that_failed_discards_the_rest() {
        let mut decoder = Decoder::new(Role::Client, 1000);
        let mut stream = *b"\x83\x00\x81\x02hi";
        let mut input = Input::new(&mut stream);
        assert!(decoder.next(&mut input).is_err());
        assert!(matches!(decoder.next(&mut input), Ok(None)));
        assert!(input.is_empty());
    }
}
