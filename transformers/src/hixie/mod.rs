//! The drafts of WebSocket that came before RFC 6455: hixie-75
//! (draft-hixie-thewebsocketprotocol-75) and hixie-76 (draft-hixie-thewebsocketprotocol-76, also
//! draft-ietf-hybi-thewebsocketprotocol-00), as old Safari, iOS and Flash spoke them and
//! faye-websocket answers them.
//!
//! Text only: a frame is `00`, UTF-8, `FF`. There is no ping. Hixie-76 proves with a challenge that
//! both ends mean WebSocket, and says goodbye with `FF 00`; hixie-75 simply closes.

use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::transformer::{Carrier, Kind, Outputs};
use allspark_protocol::{Input, Payload};
use md5::{Digest, Md5};

/// Which draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Draft {
    /// draft-hixie-thewebsocketprotocol-75.
    Hixie75,
    /// draft-hixie-thewebsocketprotocol-76.
    Hixie76,
}

/// Bytes of the challenge that follows the head of a hixie-76 request.
const CHALLENGE_BYTES: usize = 8;

/// The begin of a text frame.
const TEXT: u8 = 0x00;

/// The end of a text frame. No UTF-8 has this byte.
const END: u8 = 0xff;

/// The goodbye of hixie-76: a frame of length 0.
const GOODBYE: [u8; 2] = [0xff, 0x00];

/// What a request of a draft asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    draft: Draft,
    /// The numbers of both keys, as they go into the answer to the challenge.
    numbers: [u8; 8],
}

impl Opening {
    /// Reads the handshake of a draft from a request that has neither version nor key of RFC 6455.
    ///
    /// # Errors
    /// What faye-websocket says to a handshake that makes no sense.
    pub(super) fn of(head: &RequestHead<'_>) -> Result<Self, &'static str> {
        let key1 = head.header("sec-websocket-key1");
        let key2 = head.header("sec-websocket-key2");
        let (draft, keys) = match (key1, key2) {
            (None, None) => (Draft::Hixie75, [0; 2]),
            (None, _) => return Err("Missing required header: Sec-WebSocket-Key1"),
            (_, None) => return Err("Missing required header: Sec-WebSocket-Key2"),
            (Some(key1), Some(key2)) => match (key_number(key1), key_number(key2)) {
                (Some(number1), Some(number2)) => (Draft::Hixie76, [number1, number2]),
                _ => return Err("Client sent invalid Sec-WebSocket-Key headers"),
            },
        };
        let mut numbers = [0; 8];
        numbers[..4].copy_from_slice(&keys[0].to_be_bytes());
        numbers[4..].copy_from_slice(&keys[1].to_be_bytes());
        Ok(Self { draft, numbers })
    }

    /// The `101` answer. Clients of the drafts compare the status line and the order of headers.
    pub(super) fn response(&self, head: &RequestHead<'_>) -> Response {
        let (reason, prefix) = match self.draft {
            Draft::Hixie75 => ("Web Socket Protocol Handshake", "WebSocket"),
            Draft::Hixie76 => ("WebSocket Protocol Handshake", "Sec-WebSocket"),
        };
        let response = Response::new(101)
            .reason(reason)
            .header("Upgrade", "WebSocket")
            .header("Connection", "Upgrade");
        let response = match head.header("origin") {
            Some(origin) => response.header(&format!("{prefix}-Origin"), origin),
            None => response,
        };
        response.header(&format!("{prefix}-Location"), &location(head))
    }
}

/// The number that a key of hixie-76 hides: its digits, divided by its spaces.
fn key_number(key: &str) -> Option<u32> {
    let digits = key.bytes().filter(u8::is_ascii_digit);
    let number = digits.take(20).fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    let spaces = key.bytes().filter(|byte| *byte == b' ').count() as u64;
    if number == 0 || spaces == 0 || number % spaces != 0 {
        return None;
    }
    u32::try_from(number / spaces).ok()
}

/// The URL that the client connected to, as far as a server behind a proxy can know it.
fn location(head: &RequestHead<'_>) -> String {
    let says = |name, value| head.header(name) == Some(value);
    let is_secure = says("https", "on")
        || says("x-forwarded-ssl", "on")
        || says("x-forwarded-scheme", "https")
        || says("x-forwarded-proto", "https");
    let scheme = if is_secure { "wss" } else { "ws" };
    let host = head.host().unwrap_or_default();
    format!("{scheme}://{host}{}", head.target())
}

/// What stands where in the bytes of the peer.
#[derive(Debug)]
enum Stage {
    /// The challenge, as far as it has come.
    Challenge(Vec<u8>),
    /// The first byte of a frame.
    Lead,
    /// A text that has not come whole.
    Text(Vec<u8>),
    /// The length of a frame without end mark, as far as it has come. Whether it may be a goodbye.
    Length(u64, bool),
    /// So many bytes of a frame that means nothing.
    Skip(u64),
    /// Nothing more is read.
    Over,
}

/// The server's end of one connection.
#[derive(Debug)]
pub(super) struct Hixie {
    opening: Opening,
    stage: Stage,
    /// The connection, once it is upgraded.
    carrier: Option<Carrier>,
    message_bytes_max: usize,
    said_goodbye: bool,
}

/// What came.
#[derive(Debug)]
pub(super) enum Item<'i> {
    /// The challenge; the handshake is complete with these bytes.
    Challenge([u8; 16]),
    /// A message.
    Text(Payload<'i>),
    /// The peer said goodbye.
    Goodbye,
    /// A frame of more bytes than a message may have.
    TooBig,
}

impl Hixie {
    pub(super) fn new(opening: Opening, message_bytes_max: usize) -> Self {
        let stage = match opening.draft {
            Draft::Hixie75 => Stage::Lead,
            Draft::Hixie76 => Stage::Challenge(Vec::with_capacity(CHALLENGE_BYTES)),
        };
        Self {
            opening,
            stage,
            carrier: None,
            message_bytes_max,
            said_goodbye: false,
        }
    }

    /// The connection is upgraded.
    pub(super) fn begin(&mut self, carrier: Carrier) {
        self.carrier = Some(carrier);
    }

    /// The connection, once it is upgraded.
    pub(super) fn carrier(&self) -> Option<Carrier> {
        self.carrier
    }

    /// Whether messages may be sent.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Challenge(_))
    }

    /// Takes the next item, or all of the input if that does not complete one.
    pub(super) fn next<'i>(&mut self, input: &mut Input<'i>) -> Option<Item<'i>> {
        while !input.is_empty() {
            let stage = std::mem::replace(&mut self.stage, Stage::Over);
            let (stage, item) = match stage {
                Stage::Challenge(body) => self.read_challenge(body, input),
                Stage::Lead => self.read_lead(input),
                Stage::Text(text) => self.read_text(text, input),
                Stage::Length(length, is_goodbye) => self.read_length(length, is_goodbye, input),
                Stage::Skip(count) => {
                    let present = input.len() as u64;
                    input.take(usize::try_from(count).unwrap_or(usize::MAX));
                    match count.saturating_sub(present) {
                        0 => (Stage::Lead, None),
                        rest => (Stage::Skip(rest), None),
                    }
                }
                Stage::Over => {
                    input.take_all();
                    (Stage::Over, None)
                }
            };
            self.stage = stage;
            if item.is_some() {
                return item;
            }
        }
        None
    }

    /// Says goodbye as far as the draft can, once; also in answer to the peer's.
    pub(super) fn close(&mut self, carrier: Carrier, out: &mut Outputs) {
        let knows_goodbye = self.opening.draft == Draft::Hixie76 && self.is_open();
        if knows_goodbye && !self.said_goodbye {
            out.write(carrier, |out| out.extend_from_slice(&GOODBYE));
        }
        self.said_goodbye = true;
        self.stage = Stage::Over;
        out.close(carrier);
    }

    fn read_challenge<'i>(
        &self,
        mut body: Vec<u8>,
        input: &mut Input<'i>,
    ) -> (Stage, Option<Item<'i>>) {
        body.extend_from_slice(input.take(CHALLENGE_BYTES - body.len()));
        if body.len() < CHALLENGE_BYTES {
            return (Stage::Challenge(body), None);
        }
        let mut hash = Md5::new();
        hash.update(self.opening.numbers);
        hash.update(&body);
        (Stage::Lead, Some(Item::Challenge(hash.finalize().into())))
    }

    fn read_lead<'i>(&self, input: &mut Input<'i>) -> (Stage, Option<Item<'i>>) {
        let lead = input.take(1)[0];
        if lead & 0x80 == 0 {
            return self.read_text(Vec::new(), input);
        }
        let may_be_goodbye = lead == GOODBYE[0] && self.opening.draft == Draft::Hixie76;
        (Stage::Length(0, may_be_goodbye), None)
    }

    fn read_text<'i>(&self, mut text: Vec<u8>, input: &mut Input<'i>) -> (Stage, Option<Item<'i>>) {
        let end = memchr::memchr(END, input.peek());
        let part = input.take(end.unwrap_or(usize::MAX));
        if text.len() + part.len() > self.message_bytes_max {
            return (Stage::Over, Some(Item::TooBig));
        }
        if end.is_none() {
            text.extend_from_slice(part);
            return (Stage::Text(text), None);
        }
        input.take(1);
        let payload = if text.is_empty() {
            Payload::Borrowed(part)
        } else {
            text.extend_from_slice(part);
            Payload::Owned(text)
        };
        (Stage::Lead, Some(Item::Text(checked(payload))))
    }

    fn read_length<'i>(
        &self,
        length: u64,
        may_be_goodbye: bool,
        input: &mut Input<'i>,
    ) -> (Stage, Option<Item<'i>>) {
        let byte = input.take(1)[0];
        let length = length * 128 + u64::from(byte & 0x7f);
        if length > self.message_bytes_max as u64 {
            return (Stage::Over, Some(Item::TooBig));
        }
        let is_last = byte & 0x80 == 0;
        match (is_last, length) {
            (true, 0) if may_be_goodbye => (Stage::Over, Some(Item::Goodbye)),
            (true, 0) => (Stage::Lead, None),
            (true, length) => (Stage::Skip(length), None),
            (false, length) => (Stage::Length(length, may_be_goodbye), None),
        }
    }
}

/// Text as faye-websocket hands it on: what is not UTF-8 is replaced.
fn checked(payload: Payload<'_>) -> Payload<'_> {
    match std::str::from_utf8(&payload) {
        Ok(_) => payload,
        Err(_) => Payload::Owned(String::from_utf8_lossy(&payload).into_owned().into_bytes()),
    }
}

/// Appends the frame of a message. Bytes become text, as faye-websocket has it.
pub(super) fn frame(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    out.push(TEXT);
    match kind {
        Kind::Text => out.extend_from_slice(payload),
        Kind::Binary => out.extend_from_slice(String::from_utf8_lossy(payload).as_bytes()),
    }
    out.push(END);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(lines: &str) -> String {
        format!("GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n{lines}\r\n")
    }

    fn opening(lines: &str) -> Result<Opening, &'static str> {
        Opening::of(&RequestHead::parse(head(lines).as_bytes()).unwrap())
    }

    /// The example of draft 76, 1.2.
    const KEYS: &str = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
        Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nOrigin: http://example.com\r\n";

    fn hixie(lines: &str, message_bytes_max: usize) -> Hixie {
        Hixie::new(opening(lines).unwrap(), message_bytes_max)
    }

    /// Everything that comes out of these bytes, cut after every `step`.
    fn items(hixie: &mut Hixie, bytes: &[u8], step: usize) -> Vec<String> {
        let mut bytes = bytes.to_vec();
        let mut items = Vec::new();
        for part in bytes.chunks_mut(step) {
            let mut input = Input::new(part);
            while let Some(item) = hixie.next(&mut input) {
                items.push(match item {
                    Item::Challenge(answer) => String::from_utf8_lossy(&answer).into_owned(),
                    Item::Text(text) => format!("text {}", str::from_utf8(&text).unwrap()),
                    Item::Goodbye => "goodbye".to_owned(),
                    Item::TooBig => "too big".to_owned(),
                });
            }
        }
        items
    }

    #[test]
    fn the_example_of_the_draft_is_answered_as_it_says() {
        let mut hixie = hixie(KEYS, 99);
        assert!(!hixie.is_open());
        assert_eq!(items(&mut hixie, b"^n:ds[4U", 3), ["8jKS'y:G*Co,Wxa-"]);
        assert!(hixie.is_open());
    }

    #[test]
    fn answers_have_the_status_lines_that_clients_compare() {
        let begin = |lines: &str| {
            let head = head(lines);
            let head = RequestHead::parse(head.as_bytes()).unwrap();
            let mut out = Vec::new();
            let response = Opening::of(&head).unwrap().response(&head);
            response.encode(&mut out, true, false);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            begin("Origin: http://a\r\n"),
            "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
             Connection: Upgrade\r\nWebSocket-Origin: http://a\r\n\
             WebSocket-Location: ws://example.com/demo\r\n\r\n"
        );
        assert_eq!(
            begin(&format!("X-Forwarded-Proto: https\r\n{KEYS}")),
            "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Origin: http://example.com\r\n\
             Sec-WebSocket-Location: wss://example.com/demo\r\n\r\n"
        );
    }

    #[test]
    fn keys_that_hide_no_number_are_refused() {
        for (key1, key2) in [
            ("1 2", "abc"),
            ("12", "1 2"),
            ("1 2", "1 2 3"),
            ("99999999999 9", "1 2"),
        ] {
            let lines = format!("Sec-WebSocket-Key1: {key1}\r\nSec-WebSocket-Key2: {key2}\r\n");
            assert!(opening(&lines).is_err(), "{key1:?} {key2:?}");
        }
        assert!(opening("Sec-WebSocket-Key1: 1 2\r\n").is_err());
    }

    #[test]
    fn frames_are_read_however_they_are_cut() {
        let mut bytes = b"\x00hello\xff\x80\x03xyz\x00\xff".to_vec();
        frame(Kind::Text, "wörld".as_bytes(), &mut bytes);
        bytes.extend_from_slice(b"\x00a\xc3(\xff\xff\x00\x00late\xff");
        for step in 1..bytes.len() {
            assert_eq!(
                items(
                    &mut hixie(KEYS, 99),
                    &[b"^n:ds[4U", &bytes[..]].concat(),
                    step
                )[1..],
                [
                    "text hello",
                    "text ",
                    "text wörld",
                    "text a\u{fffd}(",
                    "goodbye"
                ],
                "{step}"
            );
        }
    }

    #[test]
    fn a_message_over_the_limit_ends_it() {
        for bytes in [&b"\x00123456789"[..], b"\x80\xff\x7f"] {
            assert_eq!(items(&mut hixie("", 8), bytes, 3), ["too big"]);
        }
        assert_eq!(items(&mut hixie("", 8), b"\x0012345678\xff", 3).len(), 1);
    }

    #[test]
    fn only_the_newer_draft_says_goodbye() {
        let close = |hixie: &mut Hixie| {
            let mut out = Outputs::default();
            hixie.close(Carrier(1), &mut out);
            out.list().len()
        };
        assert_eq!(close(&mut hixie("", 9)), 1);
        let mut newer = hixie(KEYS, 9);
        items(&mut newer, b"^n:ds[4U", 8);
        assert_eq!(close(&mut newer), 2);
        assert_eq!(close(&mut newer), 1, "it is not said twice");
        let mut answering = hixie(KEYS, 9);
        items(&mut answering, b"^n:ds[4U\xff\x00", 10);
        assert_eq!(close(&mut answering), 2, "the peer's is answered");
        assert_eq!(
            items(&mut hixie("", 9), b"\xff\x00\x00a\xff", 1),
            ["text a"]
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_peer_sends_breaks_it(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            step in 1_usize..50,
        ) {
            let whole = items(&mut hixie("", 64), &bytes, 400);
            prop_assert_eq!(whole, items(&mut hixie("", 64), &bytes, step));
        }
    }
}
