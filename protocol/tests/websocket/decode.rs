//! One stream, decoded by us and by `tungstenite`, in the same words.

use std::io::{self, Read, Write};

use allspark_protocol::Input;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::{CloseCode, Decoder, Item, Role, Violation};
use proptest::sample::Index;
use tungstenite::error::{Error, ProtocolError};
use tungstenite::protocol::{self, WebSocket, WebSocketConfig};
use tungstenite::{Message, protocol::CloseFrame};

/// What a decoder handed out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// The bytes ran out.
    Open,
    /// The peer said goodbye.
    Closed,
    /// The peer broke a rule.
    Refused,
}

pub(crate) type Ours = (Vec<Seen>, Result<End, Violation>);

/// Decodes a stream with our decoder, cut at some places.
pub(crate) fn ours(role: Role, stream: &[u8], cuts: &[Index], bytes_max: usize) -> Ours {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    cuts.sort_unstable();
    ours_cut_at(role, stream, &cuts, bytes_max)
}

/// Decodes a stream with our decoder, cut after every `part_bytes`.
pub(crate) fn ours_in_parts(
    role: Role,
    stream: &[u8],
    part_bytes: usize,
    bytes_max: usize,
) -> Ours {
    let cuts: Vec<usize> = (0..stream.len()).step_by(part_bytes).collect();
    ours_cut_at(role, stream, &cuts, bytes_max)
}

/// Decodes a stream with our decoder, cut at the given ascending places.
pub(crate) fn ours_cut_at(role: Role, stream: &[u8], cuts: &[usize], bytes_max: usize) -> Ours {
    let mut decoder = Decoder::new(role, bytes_max);
    let mut items = Vec::new();
    let mut end = Ok(End::Open);
    let mut begin = 0;
    for cut in cuts.iter().copied().chain([stream.len()]) {
        let mut part = stream[begin..cut].to_vec();
        begin = cut;
        let mut input = Input::new(&mut part);
        loop {
            let next = decoder.next(&mut input);
            let is_over = end != Ok(End::Open);
            assert!(
                !is_over || matches!(next, Ok(None)),
                "something came after the end"
            );
            match next {
                Ok(Some(item)) => {
                    if matches!(item, Item::Close { .. }) {
                        end = Ok(End::Closed);
                    }
                    items.push(seen(item));
                }
                Ok(None) => break,
                Err(violation) => end = Err(violation),
            }
        }
        assert!(input.is_empty(), "nothing may be left over");
    }
    (items, end)
}

fn seen(item: Item<'_>) -> Seen {
    match item {
        Item::Message {
            kind: Kind::Text,
            payload,
        } => Seen::Text(
            std::str::from_utf8(&payload)
                .expect("text is UTF-8")
                .to_owned(),
        ),
        Item::Message {
            kind: Kind::Binary,
            payload,
        } => Seen::Binary(payload.to_vec()),
        Item::Ping(payload) => Seen::Ping(payload.to_vec()),
        Item::Pong(payload) => Seen::Pong(payload.to_vec()),
        Item::Close { code, reason } => Seen::Close(
            code.map(CloseCode::number)
                .map(|code| (code, reason.into_owned())),
        ),
    }
}

/// Decodes a stream with `tungstenite`.
pub(crate) fn theirs(role: Role, stream: &[u8], bytes_max: usize) -> (Vec<Seen>, End) {
    let role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .max_frame_size(Some(bytes_max))
        .max_message_size(Some(bytes_max));
    let mut socket = WebSocket::from_raw_socket(Stream(stream), role, Some(config));
    let mut items = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => items.push(Seen::Text(text.as_str().to_owned())),
            Ok(Message::Binary(bytes)) => items.push(Seen::Binary(bytes.to_vec())),
            Ok(Message::Ping(bytes)) => items.push(Seen::Ping(bytes.to_vec())),
            Ok(Message::Pong(bytes)) => items.push(Seen::Pong(bytes.to_vec())),
            Ok(Message::Close(frame)) => {
                items.push(Seen::Close(frame.map(close_of)));
                return (items, End::Closed);
            }
            Ok(Message::Frame(frame)) => panic!("a raw frame is never read: {frame}"),
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return (items, End::Open);
            }
            Err(Error::Io(error)) => panic!("memory has no errors: {error}"),
            Err(_) => return (items, End::Refused),
        }
    }
}

fn close_of(frame: CloseFrame) -> (u16, String) {
    (frame.code.into(), frame.reason.as_str().to_owned())
}

/// Bytes to read; what is written is forgotten.
struct Stream<'s>(&'s [u8]);

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
