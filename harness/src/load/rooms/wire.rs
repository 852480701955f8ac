//! What clients and servers say of rooms: the convention of `allspark serve` with
//! `[plugins.rooms]`, which is that of primus-emit.
//!
//! A client joins with `{"emit":["join",["load:0","load:1"]]}` and is answered
//! `{"emit":["joinroom","load:0"]}` for each room. It publishes with
//! `{"emit":["publish","load:0",MESSAGE]}`, and that is what the members of the room hear.

use std::io::Write;

/// What a server says of rooms.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<'t> {
    /// A room was joined.
    Joined,
    /// Somebody published this.
    Published(&'t [u8]),
    /// Something else was said by itself: something was refused.
    Refused(String),
}

/// Rooms that a client may name in one message.
pub(super) const NAMES_MAX: usize = 32;

/// How everything begins that the server says by itself.
const PREFIX: &[u8] = br#"{"emit":["#;

/// Appends a wish to join rooms.
pub(super) fn join(rooms: &[u32], out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"emit":["join",["#);
    for (place, room) in rooms.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(out, r#"{comma}"load:{room}""#).expect("memory takes everything");
    }
    out.extend_from_slice(b"]]}");
}

/// Appends the beginning of a message for a room; what follows is the message and then [`END`].
pub(super) fn begin(room: u32, out: &mut Vec<u8>) {
    write!(out, r#"{{"emit":["publish","load:{room}","#).expect("memory takes everything");
}

/// What ends a message for a room.
pub(super) const END: &[u8] = b"]}";

/// What a server says of rooms, if that is what it says.
pub(super) fn read(text: &[u8]) -> Option<Heard<'_>> {
    let event = text.strip_prefix(PREFIX)?;
    if let Some(room) = event.strip_prefix(br#""publish","load:"#) {
        let digits = room.iter().take_while(|byte| byte.is_ascii_digit());
        let message = room[digits.count()..].strip_prefix(b"\",")?;
        return message.strip_suffix(END).map(Heard::Published);
    }
    if event.starts_with(br#""joinroom","load:"#) {
        return Some(Heard::Joined);
    }
    Some(Heard::Refused(String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_convention_says_and_understands_it() {
        let mut out = Vec::new();
        join(&[3, 40], &mut out);
        assert_eq!(out, br#"{"emit":["join",["load:3","load:40"]]}"#);
        out.clear();
        begin(17, &mut out);
        out.extend_from_slice(b"[1]");
        out.extend_from_slice(END);
        assert_eq!(out, br#"{"emit":["publish","load:17",[1]]}"#);
        assert_eq!(read(&out), Some(Heard::Published(b"[1]")));
        let joined = br#"{"emit":["joinroom","load:3"]}"#;
        assert_eq!(read(joined), Some(Heard::Joined));
        let refused = br#"{"emit":["roomserror","load:3","not allowed"]}"#;
        assert!(matches!(read(refused), Some(Heard::Refused(_))));
        for other in [&b"[0,1]"[..], b"", br#"{"emit":"#] {
            assert_eq!(read(other), None);
        }
    }
}
