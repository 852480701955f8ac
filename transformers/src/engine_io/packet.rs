//! Packets: what engine.io sends instead of bare messages. The first character says what it is.

/// Stands between two packets of one body in protocol 4.
pub(super) const SEPARATOR: u8 = 0x1e;

/// The versions of the protocol. The numbers are those of `EIO`; the packages have others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// engine.io 1 to 3, Socket.IO 1 and 2: the client sends the pings.
    V3,
    /// engine.io 4 to 6, Socket.IO 3 and 4: the server sends the pings.
    V4,
}

/// What a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketKind {
    /// `0`: the session is open, and these are its terms.
    Open,
    /// `1`: the session is over.
    Close,
    /// `2`
    Ping,
    /// `3`
    Pong,
    /// `4`
    Message,
    /// `5`: from now on this transport is used.
    Upgrade,
    /// `6`: nothing, to end a poll.
    Noop,
    /// Binary of protocol 3 whose kind is none. The package ignores it.
    Unknown,
}

/// The data of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data<'p> {
    /// Text, as UTF-8 as what it was read from.
    Text(&'p [u8]),
    /// Bytes.
    Binary(&'p [u8]),
    /// Bytes in base64.
    Base64(&'p [u8]),
}

/// A packet as it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Packet<'p> {
    pub(super) kind: PacketKind,
    pub(super) data: Data<'p>,
}

/// What is not a packet. The package closes the session for it with the reason `parse error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ParseError;

impl ParseError {
    /// What happened, as a sentence for logs.
    pub(super) const SENTENCE: &'static str = "parse error";
}

impl<'p> Packet<'p> {
    /// Reads a packet that came as text. Bytes in base64 begin with `b`; in protocol 3 the kind
    /// comes after it, in protocol 4 they are always a message.
    pub(super) fn from_text(protocol: Protocol, text: &'p [u8]) -> Result<Self, ParseError> {
        let (&first, rest) = text.split_first().ok_or(ParseError)?;
        let (kind, data) = match (first, protocol) {
            (b'b', Protocol::V4) => (PacketKind::Message, Data::Base64(rest)),
            (b'b', Protocol::V3) => match rest.split_first() {
                Some((&digit, rest)) => {
                    let kind = PacketKind::of(digit.wrapping_sub(b'0'));
                    (kind.unwrap_or(PacketKind::Unknown), Data::Base64(rest))
                }
                None => (PacketKind::Unknown, Data::Base64(rest)),
            },
            _ => {
                let kind = PacketKind::of(first.wrapping_sub(b'0')).ok_or(ParseError)?;
                (kind, Data::Text(rest))
            }
        };
        Ok(Self { kind, data })
    }

    /// Reads a packet that came as bytes. Protocol 4 has only messages; in protocol 3 the first
    /// byte is the kind, as a number.
    pub(super) fn from_binary(protocol: Protocol, bytes: &'p [u8]) -> Self {
        let (kind, data) = match protocol {
            Protocol::V4 => (Some(PacketKind::Message), bytes),
            Protocol::V3 => match bytes.split_first() {
                Some((&kind, data)) => (PacketKind::of(kind), data),
                None => (None, bytes),
            },
        };
        Self {
            kind: kind.unwrap_or(PacketKind::Unknown),
            data: Data::Binary(data),
        }
    }
}

impl PacketKind {
    /// The kind of that number.
    fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Open,
            1 => Self::Close,
            2 => Self::Ping,
            3 => Self::Pong,
            4 => Self::Message,
            5 => Self::Upgrade,
            6 => Self::Noop,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_says_by_its_first_character_what_it_is() {
        let kinds = [
            PacketKind::Open,
            PacketKind::Close,
            PacketKind::Ping,
            PacketKind::Pong,
            PacketKind::Message,
            PacketKind::Upgrade,
            PacketKind::Noop,
        ];
        for protocol in [Protocol::V3, Protocol::V4] {
            for (digit, kind) in (b'0'..).zip(kinds) {
                let data = Data::Text(b"x4");
                let packet = Packet { kind, data };
                assert_eq!(
                    Packet::from_text(protocol, &[digit, b'x', b'4']),
                    Ok(packet)
                );
            }
            for bad in ["", "7", "9", "x", " 4", "/", ":", "\u{e9}"] {
                let result = Packet::from_text(protocol, bad.as_bytes());
                assert_eq!(result, Err(ParseError), "{bad:?}");
            }
        }
    }

    #[test]
    fn the_versions_differ_in_binary() {
        let message = |data| Packet {
            kind: PacketKind::Message,
            data,
        };
        let unknown = |data| Packet {
            kind: PacketKind::Unknown,
            data,
        };
        let (v3, v4) = (Protocol::V3, Protocol::V4);
        assert_eq!(
            Packet::from_text(v4, b"b4QQ="),
            Ok(message(Data::Base64(b"4QQ=")))
        );
        assert_eq!(
            Packet::from_text(v3, b"b4QQ="),
            Ok(message(Data::Base64(b"QQ=")))
        );
        assert_eq!(Packet::from_text(v3, b"b"), Ok(unknown(Data::Base64(b""))));
        assert_eq!(Packet::from_text(v3, b"bx"), Ok(unknown(Data::Base64(b""))));
        assert_eq!(
            Packet::from_binary(v4, b"\x02a"),
            message(Data::Binary(b"\x02a"))
        );
        assert_eq!(
            Packet::from_binary(v3, b"\x04a"),
            message(Data::Binary(b"a"))
        );
        assert_eq!(Packet::from_binary(v3, b"4a"), unknown(Data::Binary(b"a")));
        assert_eq!(Packet::from_binary(v3, b""), unknown(Data::Binary(b"")));
    }
}
