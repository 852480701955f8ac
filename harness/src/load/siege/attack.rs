//! What attackers do and say: bytes only.

use std::time::Duration;

use allspark_protocol::websocket::encode;

use super::hello;

/// Bytes of the message that is announced and never finished: the longest that servers take by
/// default.
const MESSAGE_BYTES: u32 = 10 * 1024 * 1024;

/// Bytes of it that are sent at a time.
pub(super) const CHUNK_BYTES: u32 = 64 * 1024;

/// Bytes that one who does not read asks back at a time.
const ECHO_BYTES: usize = 16 * 1024;

/// Payloads are sent as they are: a mask of zeros changes nothing.
const NO_MASK: [u8; 4] = [0; 4];

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attack {
    /// The head of a request, and then a byte of it now and then.
    SlowHeads,
    /// A body, a byte now and then.
    SlowBodies,
    /// Half a frame of a WebSocket, and then a byte now and then.
    SlowFrames,
    /// The first bytes of a handshake of TLS, and then a byte now and then.
    SlowHandshakes,
    /// The first message of a handshake of TLS, and never the second.
    HalfHandshakes,
    /// Messages to be written back, which are never read.
    DeafEchoes,
    /// Sparks that never read what is broadcast: over a WebSocket, over a stream of sockjs, and by
    /// one poll of sockjs after the other.
    DeafBroadcasts,
    DeafStreams,
    DeafPolls,
    /// Sessions of a polling transport that are opened and left alone.
    Sessions,
    /// Messages of 10 MiB that are never finished. As many as attack by default fill a link of a
    /// gigabit per second.
    Messages,
    /// Connections that say nothing and are closed, and opened again, all from one address.
    Flood,
    /// The same from a thousand addresses.
    FloodMany,
}

impl Attack {
    pub(crate) const ALL: [Self; 13] = [
        Self::SlowHeads,
        Self::SlowBodies,
        Self::SlowFrames,
        Self::SlowHandshakes,
        Self::HalfHandshakes,
        Self::DeafEchoes,
        Self::DeafBroadcasts,
        Self::DeafStreams,
        Self::DeafPolls,
        Self::Sessions,
        Self::Messages,
        Self::Flood,
        Self::FloodMany,
    ];

    /// The name on the command line and in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SlowHeads => "slow-heads",
            Self::SlowBodies => "slow-bodies",
            Self::SlowFrames => "slow-frames",
            Self::SlowHandshakes => "slow-handshakes",
            Self::HalfHandshakes => "half-handshakes",
            Self::DeafEchoes => "deaf-echoes",
            Self::DeafBroadcasts => "deaf-broadcasts",
            Self::DeafStreams => "deaf-streams",
            Self::DeafPolls => "deaf-polls",
            Self::Sessions => "sessions",
            Self::Messages => "messages",
            Self::Flood => "flood",
            Self::FloodMany => "flood-many",
        }
    }

    /// Finds a kind by name.
    pub(super) fn find(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|attack| attack.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{name:?} is no attack; there are: {names}, all")
        })
    }

    /// How many attack unless it is said.
    pub(super) const fn count_by_default(self) -> u32 {
        match self {
            Self::Sessions => 20_000,
            Self::Messages => 2_000,
            _ => 5_000,
        }
    }

    /// How often an attacker does something.
    pub(super) const fn interval(self) -> Duration {
        match self {
            Self::Sessions => Duration::from_secs(10),
            _ => Duration::from_secs(1),
        }
    }

    /// Whether it reads what the server says.
    pub(super) const fn reads(self) -> bool {
        !matches!(
            self,
            Self::DeafEchoes | Self::DeafBroadcasts | Self::DeafStreams | Self::DeafPolls
        )
    }

    /// Whether it has got what it wanted when the server answers: it closes the connection.
    pub(super) const fn leaves_when_answered(self) -> bool {
        matches!(self, Self::Sessions)
    }

    /// Whether it closes the connection by itself when its turn comes again.
    pub(super) const fn leaves_by_itself(self) -> bool {
        matches!(self, Self::Flood | Self::FloodMany)
    }

    /// Whether each comes from an address of its own, as far as there are a thousand.
    pub(super) const fn is_from_many(self) -> bool {
        matches!(self, Self::FloodMany)
    }

    /// Whether it speaks to the socket itself, where others speak TLS.
    pub(super) const fn is_raw(self) -> bool {
        matches!(
            self,
            Self::SlowHandshakes | Self::HalfHandshakes | Self::Flood | Self::FloodMany
        )
    }

    /// What an attacker says when it is connected. No two have the same name.
    pub(super) fn begin(self, host: &str, path: &str, name: u64, out: &mut Vec<u8>) {
        match self {
            Self::SlowHeads => {
                let head = format!("GET {path}/?a{name} HTTP/1.1\r\nHost: {host}\r\nX-Slow: ");
                out.extend_from_slice(head.as_bytes());
            }
            Self::SlowBodies => {
                post(host, path, (name, "xhr"), 0, out);
                post(host, path, (name, "xhr_send"), MESSAGE_BYTES / 2, out);
                out.extend_from_slice(b"[\"");
            }
            Self::DeafStreams => match name % 3 {
                0 => post(host, path, (name, "xhr_streaming"), 0, out),
                1 => get(host, path, (name, "eventsource"), out),
                _ => get(host, path, (name, "htmlfile?c=a"), out),
            },
            Self::DeafPolls => post(host, path, (name, "xhr"), 0, out),
            Self::SlowFrames => {
                upgrade(host, path, name, out);
                announce(1_000, out);
                out.extend_from_slice(&[b'x'; 500]);
            }
            Self::SlowHandshakes => hello::begin(out),
            Self::HalfHandshakes => hello::whole(name, out),
            Self::DeafEchoes | Self::DeafBroadcasts => upgrade(host, path, name, out),
            Self::Sessions => {
                let query = "EIO=4&transport=polling";
                let head = format!("GET {path}/?{query}&t={name} HTTP/1.1\r\nHost: {host}\r\n\r\n");
                out.extend_from_slice(head.as_bytes());
            }
            Self::Messages => {
                upgrade(host, path, name, out);
                announce(MESSAGE_BYTES, out);
            }
            Self::Flood | Self::FloodMany => {}
        }
    }

    /// How many bytes of anything it says at its turn of this number, if that is all that it says.
    pub(super) const fn fills(self, turn: u32) -> Option<usize> {
        match self {
            Self::Messages => Some((chunk_end(turn) - chunk_end(turn - 1)) as usize),
            _ => None,
        }
    }

    /// What an attacker of this name says at its turn of this number, the first one being 1.
    pub(super) fn go_on(self, host: &str, path: &str, name: u64, turn: u32, out: &mut Vec<u8>) {
        match self {
            Self::SlowHeads | Self::SlowBodies | Self::SlowHandshakes => out.push(b'x'),
            // The last byte is never sent.
            Self::SlowFrames if turn < 500 => out.push(b'x'),
            Self::Messages => {
                let count = self.fills(turn).unwrap_or(0);
                out.resize(out.len() + count, b'x');
            }
            Self::DeafEchoes => {
                let payload = vec![b'x'; ECHO_BYTES - 2];
                let payload = [b"\"", &payload[..], b"\""].concat();
                encode::message(TEXT, &payload, Some(NO_MASK), out);
            }
            // It shows whether the connection is still there.
            Self::DeafBroadcasts => encode::pong(b"", Some(NO_MASK), out),
            Self::DeafStreams => out.push(b'\n'),
            Self::DeafPolls => post(host, path, (name, "xhr"), 0, out),
            Self::SlowFrames
            | Self::HalfHandshakes
            | Self::Sessions
            | Self::Flood
            | Self::FloodMany => {}
        }
    }
}

const TEXT: allspark_protocol::transformer::Kind = allspark_protocol::transformer::Kind::Text;

/// Bytes of the long message that have been sent after so many turns: all but the last one.
const fn chunk_end(turns: u32) -> u32 {
    let end = turns.saturating_mul(CHUNK_BYTES);
    if end < MESSAGE_BYTES {
        end
    } else {
        MESSAGE_BYTES - 1
    }
}

fn upgrade(host: &str, path: &str, name: u64, out: &mut Vec<u8>) {
    let head = format!(
        "GET {path}/?_primuscb=siege{name} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    out.extend_from_slice(head.as_bytes());
}

/// A request of the session of sockjs that has this name, with the head of a body of so many bytes.
fn post(host: &str, path: &str, (name, what): (u64, &str), bytes: u32, out: &mut Vec<u8>) {
    let head = format!(
        "POST {path}/0/siege{name}/{what} HTTP/1.1\r\nHost: {host}\r\n\
         Content-Type: text/plain\r\nContent-Length: {bytes}\r\n\r\n"
    );
    out.extend_from_slice(head.as_bytes());
}

fn get(host: &str, path: &str, (name, what): (u64, &str), out: &mut Vec<u8>) {
    let head = format!("GET {path}/0/siege{name}/{what} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    out.extend_from_slice(head.as_bytes());
}

/// The header of a text message of so many bytes, as a client writes it.
fn announce(bytes: u32, out: &mut Vec<u8>) {
    const MASKED: u8 = 0x80;
    let begin = out.len();
    encode::message_header(TEXT, bytes as usize, out);
    out[begin + 1] |= MASKED;
    out.extend_from_slice(&NO_MASK);
}

#[cfg(test)]
mod tests {
    use allspark_protocol::Input;
    use allspark_protocol::http::RequestHead;
    use allspark_protocol::websocket::{Decoder, Role};

    use super::*;

    fn said(attack: Attack, turns: u32) -> Vec<u8> {
        let mut out = Vec::new();
        attack.begin("h", "/primus", 7, &mut out);
        for turn in 1..=turns {
            attack.go_on("h", "/primus", 7, turn, &mut out);
        }
        out
    }

    /// What comes behind the request, if it is a whole one.
    fn behind_head(bytes: &[u8]) -> Option<&[u8]> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        RequestHead::parse(&bytes[..end]).expect("it is a request");
        Some(&bytes[end..])
    }

    #[test]
    fn a_head_never_ends() {
        assert_eq!(behind_head(&said(Attack::SlowHeads, 100)), None);
    }

    #[test]
    fn frames_and_messages_lack_their_end() {
        for attack in [Attack::SlowFrames, Attack::Messages] {
            let mut bytes = said(attack, 2_000);
            let mut frames = behind_head(&bytes).expect("an upgrade").to_vec();
            let mut decoder = Decoder::new(Role::Server, MESSAGE_BYTES as usize);
            let mut input = Input::new(&mut frames);
            assert!(decoder.next(&mut input).expect("no violation").is_none());
            bytes.push(b'x');
            let mut frames = behind_head(&bytes).expect("an upgrade").to_vec();
            let mut decoder = Decoder::new(Role::Server, MESSAGE_BYTES as usize);
            let mut input = Input::new(&mut frames);
            let item = decoder.next(&mut input).expect("no violation");
            assert!(item.is_some(), "{attack:?}: one byte is missing, no more");
        }
    }

    #[test]
    fn who_does_not_read_asks_for_whole_messages() {
        let bytes = said(Attack::DeafEchoes, 3);
        let mut frames = behind_head(&bytes).expect("an upgrade").to_vec();
        let mut decoder = Decoder::new(Role::Server, ECHO_BYTES);
        let mut input = Input::new(&mut frames);
        for _ in 0..3 {
            assert!(decoder.next(&mut input).expect("no violation").is_some());
        }
        assert!(input.peek().is_empty());
    }

    #[test]
    fn who_polls_and_does_not_read_asks_again_and_again() {
        let mut bytes = &said(Attack::DeafPolls, 3)[..];
        for _ in 0..4 {
            bytes = behind_head(bytes).expect("a poll");
        }
        assert!(bytes.is_empty());
    }

    #[test]
    fn a_stream_is_asked_for_once() {
        let bytes = said(Attack::DeafStreams, 2);
        assert_eq!(behind_head(&bytes), Some(&b"\n\n"[..]));
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for attack in Attack::ALL {
            assert_eq!(Attack::find(attack.name()), Ok(attack));
        }
    }
}
