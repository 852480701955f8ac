//! The forms in which a session can be sent messages. Each is a wire format of its own.

use allspark_protocol::transformer::{Kind, Wire};
use allspark_protocol::websocket::encode;
use memchr::memchr;

use super::base64;
use super::packet::{Protocol, SEPARATOR};

/// A wire format of engine.io.
///
/// - In [`Format::PollingV4`] a unit is one packet of a payload, without the separator: `4text`, or
///   `b` and base64, also for text that holds the separator (only the parser `raw` lets it): its
///   client gets bytes.
/// - In [`Format::PollingV3`] it is one bare packet, `4text` or byte 4 and bytes. What a payload
///   makes of it depends on its neighbours.
/// - In [`Format::WebSocketV4`] and [`Format::WebSocketV3`] it is a WebSocket frame.
/// - With `Base64` that is a frame of text also for bytes, for a client that said `b64`.
///
/// Primus's own client always says `b64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    PollingV4,
    WebSocketV4,
    WebSocketV4Base64,
    PollingV3,
    WebSocketV3,
    WebSocketV3Base64,
}

const ALL: [Format; Format::COUNT as usize] = [
    Format::PollingV4,
    Format::WebSocketV4,
    Format::WebSocketV4Base64,
    Format::PollingV3,
    Format::WebSocketV3,
    Format::WebSocketV3Base64,
];

/// What a message in text begins with.
const TEXT_MESSAGE: u8 = b'4';

/// What a message in bytes begins with in protocol 3.
pub(super) const BINARY_MESSAGE_V3: u8 = 4;

impl Format {
    pub(super) const COUNT: u8 = 6;

    /// How many wires there are: one for each format, and one for each in which messages may be
    /// compressed. (Those of polling have one that is not used.)
    pub(super) const WIRES: u8 = 2 * Self::COUNT;

    pub(super) fn polling(protocol: Protocol) -> Self {
        match protocol {
            Protocol::V3 => Self::PollingV3,
            Protocol::V4 => Self::PollingV4,
        }
    }

    pub(super) fn websocket(protocol: Protocol, base64: bool) -> Self {
        match (protocol, base64) {
            (Protocol::V3, false) => Self::WebSocketV3,
            (Protocol::V3, true) => Self::WebSocketV3Base64,
            (Protocol::V4, false) => Self::WebSocketV4,
            (Protocol::V4, true) => Self::WebSocketV4Base64,
        }
    }

    #[inline]
    pub(super) fn wire(self, is_compressed: bool) -> Wire {
        Wire(self as u8 + Self::COUNT * u8::from(is_compressed))
    }

    /// The format that a wire stands for, and whether messages may be compressed.
    ///
    /// # Panics
    /// If it is none of [`Format::wire`]: the engine has mixed up its transformers.
    #[inline]
    pub(super) fn of(Wire(wire): Wire) -> (Self, bool) {
        match wire.checked_sub(Self::COUNT) {
            None => (ALL[usize::from(wire)], false),
            Some(wire) => (ALL[usize::from(wire)], true),
        }
    }

    #[inline]
    pub(super) fn protocol(self) -> Protocol {
        match self {
            Self::PollingV4 | Self::WebSocketV4 | Self::WebSocketV4Base64 => Protocol::V4,
            Self::PollingV3 | Self::WebSocketV3 | Self::WebSocketV3Base64 => Protocol::V3,
        }
    }

    /// Appends one message as a unit.
    #[inline]
    pub(super) fn frame(self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        match (self, kind) {
            (Self::PollingV4, Kind::Text) if memchr(SEPARATOR, payload).is_none() => {
                push(TEXT_MESSAGE, payload, out);
            }
            // Text that holds the separator would be several packets, and its client would be gone.
            (Self::PollingV4, _) => {
                out.push(b'b');
                base64::encode(payload, out);
            }
            (Self::PollingV3, Kind::Text) => push(TEXT_MESSAGE, payload, out),
            (Self::PollingV3, Kind::Binary) => push(BINARY_MESSAGE_V3, payload, out),
            (_, Kind::Text) => {
                encode::message_header(Kind::Text, 1 + payload.len(), out);
                push(TEXT_MESSAGE, payload, out);
            }
            (Self::WebSocketV4, Kind::Binary) => {
                encode::message(Kind::Binary, payload, None, out);
            }
            (Self::WebSocketV3, Kind::Binary) => {
                encode::message_header(Kind::Binary, 1 + payload.len(), out);
                push(BINARY_MESSAGE_V3, payload, out);
            }
            (Self::WebSocketV4Base64, Kind::Binary) => frame_base64(b"b", payload, out),
            (Self::WebSocketV3Base64, Kind::Binary) => frame_base64(b"b4", payload, out),
        }
    }

    /// Writes what [`Format::frame`] appends before the payload to the end of `room`. Returns how
    /// many bytes; `None` if the payload does not stay as it is, or there is no room.
    pub(super) fn frame_in_place(
        self,
        kind: Kind,
        payload: &[u8],
        room: &mut [u8],
    ) -> Option<usize> {
        let first = match (self, kind) {
            (Self::WebSocketV4 | Self::WebSocketV4Base64, Kind::Text)
            | (Self::WebSocketV3 | Self::WebSocketV3Base64, Kind::Text) => TEXT_MESSAGE,
            (Self::WebSocketV3, Kind::Binary) => BINARY_MESSAGE_V3,
            (Self::WebSocketV4, Kind::Binary) => {
                return encode::message_header_before(kind, payload.len(), room);
            }
            _ => return None,
        };
        let (last, room) = room.split_last_mut()?;
        let count = encode::message_header_before(kind, 1 + payload.len(), room)?;
        *last = first;
        Some(count + 1)
    }

    /// Appends what is in the WebSocket frame of a message, and returns the kind of the frame.
    pub(super) fn packet(self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) -> Kind {
        match (self, kind) {
            (Self::WebSocketV4Base64 | Self::PollingV4, Kind::Binary) => {
                out.push(b'b');
                base64::encode(payload, out);
                Kind::Text
            }
            (Self::WebSocketV3Base64, Kind::Binary) => {
                out.extend_from_slice(b"b4");
                base64::encode(payload, out);
                Kind::Text
            }
            (Self::WebSocketV3 | Self::PollingV3, Kind::Binary) => {
                push(BINARY_MESSAGE_V3, payload, out);
                Kind::Binary
            }
            (Self::WebSocketV4, Kind::Binary) => {
                out.extend_from_slice(payload);
                Kind::Binary
            }
            (_, Kind::Text) => {
                push(TEXT_MESSAGE, payload, out);
                Kind::Text
            }
        }
    }

    /// Appends as a frame of this format a unit that waited in the polling format of the same
    /// protocol when the session changed to a WebSocket.
    pub(super) fn reframe(self, unit: &[u8], scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        match (self, unit) {
            (Self::WebSocketV4, [b'b', text @ ..]) => {
                scratch.clear();
                scratch.extend_from_slice(text);
                let length = base64::decode_in_place(scratch);
                self.frame(Kind::Binary, &scratch[..length], out);
            }
            (Self::WebSocketV3 | Self::WebSocketV3Base64, [BINARY_MESSAGE_V3, bytes @ ..]) => {
                self.frame(Kind::Binary, bytes, out);
            }
            _ => encode::message(Kind::Text, unit, None, out),
        }
    }
}

#[inline]
fn push(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.reserve(1 + payload.len());
    out.push(first);
    out.extend_from_slice(payload);
}

/// Appends a frame of text that holds bytes.
fn frame_base64(prefix: &[u8], payload: &[u8], out: &mut Vec<u8>) {
    let encoded_bytes = base64::encoded_bytes(payload.len());
    encode::message_header(Kind::Text, prefix.len() + encoded_bytes, out);
    out.extend_from_slice(prefix);
    base64::encode(payload, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(format: Format, kind: Kind, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        format.frame(kind, payload, &mut out);
        out
    }

    #[test]
    fn a_wire_stands_for_its_format() {
        let wires = (0..Format::WIRES).zip(ALL.into_iter().chain(ALL));
        for (number, format) in wires {
            let is_compressed = number >= Format::COUNT;
            assert_eq!(format.wire(is_compressed), Wire(number));
            assert_eq!(Format::of(Wire(number)), (format, is_compressed));
        }
    }

    #[test]
    fn a_frame_holds_the_packet() {
        for format in ALL {
            if Format::polling(format.protocol()) == format {
                continue;
            }
            for kind in [Kind::Text, Kind::Binary] {
                let mut packet = Vec::new();
                let frame_kind = format.packet(kind, b"hi", &mut packet);
                let mut expected = Vec::new();
                encode::message(frame_kind, &packet, None, &mut expected);
                assert_eq!(framed(format, kind, b"hi"), expected, "{format:?} {kind:?}");
            }
        }
    }

    #[test]
    fn units_have_the_bytes_of_the_package() {
        let cases: [(Format, &[u8], &[u8]); 6] = [
            (Format::PollingV4, b"4hi", b"bAQI="),
            (Format::PollingV3, b"4hi", b"\x04\x01\x02"),
            (Format::WebSocketV4, b"\x81\x034hi", b"\x82\x02\x01\x02"),
            (Format::WebSocketV3, b"\x81\x034hi", b"\x82\x03\x04\x01\x02"),
            (Format::WebSocketV4Base64, b"\x81\x034hi", b"\x81\x05bAQI="),
            (Format::WebSocketV3Base64, b"\x81\x034hi", b"\x81\x06b4AQI="),
        ];
        for (format, text, binary) in cases {
            assert_eq!(framed(format, Kind::Text, b"hi"), text, "{format:?}");
            assert_eq!(framed(format, Kind::Binary, &[1, 2]), binary, "{format:?}");
        }
        let long = framed(Format::WebSocketV4, Kind::Text, &[b'x'; 125]);
        assert_eq!(long[..5], [0x81, 126, 0, 126, b'4']);
    }

    #[test]
    fn text_that_would_be_several_packets_goes_as_bytes_where_packets_are_separated() {
        let text = b"a\x1e1";
        for format in ALL {
            let unit = framed(format, Kind::Text, text);
            if format == Format::PollingV4 {
                assert_eq!(unit, b"bYR4x");
            } else {
                assert!(unit.ends_with(b"4a\x1e1"), "{format:?}");
            }
        }
    }

    #[test]
    fn what_waited_is_framed_as_if_it_had_not() {
        for format in ALL {
            let polling = Format::polling(format.protocol());
            if polling == format {
                continue;
            }
            for kind in [Kind::Text, Kind::Binary] {
                for payload in [&b""[..], b"b4", b"\x04hello"] {
                    let (mut scratch, mut out) = (b"old".to_vec(), Vec::new());
                    let unit = framed(polling, kind, payload);
                    format.reframe(&unit, &mut scratch, &mut out);
                    assert_eq!(out, framed(format, kind, payload), "{format:?} {kind:?}");
                }
            }
        }
    }
}
