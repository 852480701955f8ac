//! The drafts of WebSocket that came before RFC 6455: hixie-75
//! (draft-hixie-thewebsocketprotocol-75) and hixie-76 (draft-hixie-thewebsocketprotocol-76, also
//! draft-ietf-hybi-thewebsocketprotocol-00), as old Safari, iOS and Flash spoke them and
//! faye-websocket answers them.
//!
//! The transformers `faye` and `sockjs` serve them. Here is what a connection says and understands;
//! what a session makes of it is theirs.
//!
//! Text only: a frame is `00`, UTF-8, `FF`. There is no ping. Hixie-76 proves with a challenge that
//! both ends mean WebSocket, and says goodbye with `FF 00`; hixie-75 simply closes.
//!
//! # Invariants
//! - Nothing but the answer to the request is written before the challenge has come.
//! - Text that comes out is UTF-8, and no longer than a message may be.

#[cfg(test)]
mod tests;

use std::time::Duration;

use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::transformer::{Carrier, Kind, Meter, Outputs, Progress, Units};
use allspark_protocol::{Input, Instant, Payload};
use md5::{Digest, Md5};

/// Whether a request for a WebSocket means a draft: one of RFC 6455 has a version or a key.
/// websocket-driver tells them apart in the same way.
pub(crate) fn is_meant(head: &RequestHead<'_>) -> bool {
    let has = |name| head.header(name).is_some();
    !has("sec-websocket-version") && !has("sec-websocket-key")
}

/// Which draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Draft {
    /// draft-hixie-thewebsocketprotocol-75.
    Hixie75,
    /// draft-hixie-thewebsocketprotocol-76.
    Hixie76,
}

/// How long the challenge of hixie-76 may take. It is sent together with the request.
const CHALLENGE_TIMEOUT: Duration = Duration::from_secs(10);

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
struct Opening {
    draft: Draft,
    /// The numbers of both keys, as they go into the answer to the challenge.
    numbers: [u8; 8],
}

impl Opening {
    /// Reads the handshake of a draft from a request that has neither version nor key of RFC 6455.
    ///
    /// # Errors
    /// What faye-websocket says to a handshake that makes no sense.
    fn of(head: &RequestHead<'_>) -> Result<Self, &'static str> {
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
    fn response(&self, head: &RequestHead<'_>) -> Response {
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

/// What the next byte of the peer belongs to.
#[derive(Debug)]
enum Stage {
    /// The challenge, as far as it has come.
    Challenge(Vec<u8>),
    /// The first byte of a frame.
    Lead,
    /// A text that has not come whole.
    Text(Vec<u8>),
    /// The length of a frame without end mark, as far as it has come. The flag says whether it may
    /// be a goodbye.
    Length(u64, bool),
    /// So many bytes are left of a frame that means nothing.
    Skip(u64),
    /// Nothing more is read.
    Over,
}

/// The server's end of one connection, from its request on.
#[derive(Debug)]
pub(crate) struct Hixie {
    opening: Opening,
    stage: Stage,
    /// The answer to the request, until it is given.
    response: Option<Response>,
    /// When the challenge must have come.
    deadline: Option<Instant>,
    /// The connection, once it is upgraded.
    carrier: Option<Carrier>,
    message_bytes_max: usize,
    said_goodbye: bool,
    /// How fast the frame under way comes.
    meter: Meter,
}

/// What a peer sent.
#[derive(Debug)]
pub(crate) enum Item<'i> {
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
    /// Bytes of heap memory that a message under way takes.
    pub(crate) fn held_bytes(&self) -> usize {
        match &self.stage {
            Stage::Challenge(bytes) | Stage::Text(bytes) => bytes.capacity(),
            Stage::Lead | Stage::Length(..) | Stage::Skip(_) | Stage::Over => 0,
        }
    }

    /// Whether a frame is under way. The challenge is none; it has a time of its own.
    pub(crate) fn is_receiving(&self) -> bool {
        match self.stage {
            Stage::Text(_) | Stage::Length(..) | Stage::Skip(_) => true,
            Stage::Challenge(_) | Stage::Lead | Stage::Over => false,
        }
    }

    /// What came of that frame since the last call.
    pub(crate) fn take_progress(&mut self) -> Option<Progress> {
        self.is_receiving().then(|| self.meter.take())
    }

    /// A connection that a request asks for.
    ///
    /// # Errors
    /// What faye-websocket says to a handshake that makes no sense.
    pub(crate) fn new(
        request: &Request<'_>,
        message_bytes_max: usize,
    ) -> Result<Self, &'static str> {
        let head = &request.head;
        let opening = Opening::of(head)?;
        let body_bytes_max = match opening.draft {
            Draft::Hixie75 => 0,
            Draft::Hixie76 => CHALLENGE_BYTES,
        };
        if request.body.len() > body_bytes_max {
            return Err("The body of the request is no challenge");
        }
        let stage = match opening.draft {
            Draft::Hixie75 => Stage::Lead,
            Draft::Hixie76 => Stage::Challenge(Vec::with_capacity(CHALLENGE_BYTES)),
        };
        Ok(Self {
            response: Some(opening.response(head)),
            opening,
            stage,
            deadline: None,
            carrier: None,
            message_bytes_max,
            said_goodbye: false,
            meter: Meter::default(),
        })
    }

    /// Answers the request; there is no second one. Its body is the challenge: some clients and
    /// proxies say `Content-Length: 8`, which the draft leaves out.
    pub(crate) fn begin(&mut self, now: Instant, carrier: Carrier, body: &[u8], out: &mut Outputs) {
        let Some(response) = self.response.take() else {
            let refusal = Response::new(400).body("text/plain", &b"Not a WebSocket request"[..]);
            return out.respond(carrier, refusal);
        };
        out.upgrade(carrier, response);
        self.carrier = Some(carrier);
        if let Stage::Challenge(challenge) = &mut self.stage {
            challenge.extend_from_slice(body);
            if let Some(answer) = self.take_challenge() {
                out.write(carrier, |out| out.extend_from_slice(&answer));
            }
        }
        if !self.is_open() {
            self.deadline = Some(now + CHALLENGE_TIMEOUT);
        }
    }

    /// The connection, once it is upgraded.
    pub(crate) fn carrier(&self) -> Option<Carrier> {
        self.carrier
    }

    /// When the challenge must have come, while it is awaited.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Sends what waited until messages may be sent.
    pub(crate) fn send(&self, units: &mut dyn Units, out: &mut Outputs) {
        let Some(carrier) = self.carrier.filter(|_| self.is_open()) else {
            return;
        };
        while let Some(unit) = units.take() {
            out.write(carrier, |out| out.extend_from_slice(unit));
        }
    }

    /// Whether messages may be sent.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.stage, Stage::Challenge(_))
    }

    /// Takes the next item, or all of the input if that does not complete an item.
    pub(crate) fn next<'i>(&mut self, input: &mut Input<'i>) -> Option<Item<'i>> {
        while !input.is_empty() {
            let stage = std::mem::replace(&mut self.stage, Stage::Over);
            let (stage, item) = match stage {
                Stage::Challenge(body) => self.read_challenge(body, input),
                Stage::Lead => self.read_lead(input),
                Stage::Text(text) => self.read_text(text, input),
                Stage::Length(length, is_goodbye) => self.read_length(length, is_goodbye, input),
                Stage::Skip(count) => {
                    let present = input.len() as u64;
                    let part = input.take(usize::try_from(count).unwrap_or(usize::MAX));
                    self.meter.add(part.len());
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
    pub(crate) fn close(&mut self, carrier: Carrier, out: &mut Outputs) {
        let knows_goodbye = self.opening.draft == Draft::Hixie76 && self.is_open();
        if knows_goodbye && !self.said_goodbye {
            out.write(carrier, |out| out.extend_from_slice(&GOODBYE));
        }
        self.said_goodbye = true;
        self.stage = Stage::Over;
        out.close(carrier);
    }

    fn read_challenge<'i>(
        &mut self,
        mut challenge: Vec<u8>,
        input: &mut Input<'i>,
    ) -> (Stage, Option<Item<'i>>) {
        challenge.extend_from_slice(input.take(CHALLENGE_BYTES - challenge.len()));
        self.stage = Stage::Challenge(challenge);
        let item = self.take_challenge().map(Item::Challenge);
        (std::mem::replace(&mut self.stage, Stage::Over), item)
    }

    /// The answer to the challenge, once that is whole.
    fn take_challenge(&mut self) -> Option<[u8; 16]> {
        let Stage::Challenge(challenge) = &self.stage else {
            return None;
        };
        if challenge.len() < CHALLENGE_BYTES {
            return None;
        }
        let mut hash = Md5::new();
        hash.update(self.opening.numbers);
        hash.update(challenge);
        self.deadline = None;
        self.stage = Stage::Lead;
        Some(hash.finalize().into())
    }

    fn read_lead<'i>(&mut self, input: &mut Input<'i>) -> (Stage, Option<Item<'i>>) {
        let lead = input.take(1)[0];
        self.meter = Meter::default();
        if lead & 0x80 == 0 {
            return self.read_text(Vec::new(), input);
        }
        let may_be_goodbye = lead == GOODBYE[0] && self.opening.draft == Draft::Hixie76;
        (Stage::Length(0, may_be_goodbye), None)
    }

    fn read_text<'i>(
        &mut self,
        mut text: Vec<u8>,
        input: &mut Input<'i>,
    ) -> (Stage, Option<Item<'i>>) {
        let end = memchr::memchr(END, input.peek());
        let part = input.take(end.unwrap_or(usize::MAX));
        if text.len() + part.len() > self.message_bytes_max {
            return (Stage::Over, Some(Item::TooBig));
        }
        if end.is_none() {
            self.meter.add(part.len());
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
pub(crate) fn frame(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    out.push(TEXT);
    match kind {
        Kind::Text => out.extend_from_slice(payload),
        Kind::Binary => out.extend_from_slice(String::from_utf8_lossy(payload).as_bytes()),
    }
    out.push(END);
}
