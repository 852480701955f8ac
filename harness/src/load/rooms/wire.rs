//! What clients and servers say of rooms: the convention of `allspark serve` with
//! `[plugins.rooms]`, which is that of primus-emit.
//!
//! A client joins with `{"emit":["join",["load:0","load:1"]]}` and is answered
//! `{"emit":["joinroom","load:0"]}` for each room. It publishes with
//! `{"emit":["publish","load:0",MESSAGE]}`, and that is what the members of the room hear. Rooms in
//! which only the newest values matter have other names, and a value has its key behind it:
//! `{"emit":["publish","latest:0",MESSAGE,"0:7"]}`, by sender and number.

use std::io::Write;

/// What a server says of rooms.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<'t> {
    /// A room was joined.
    Joined,
    /// Somebody published this, with this key.
    Published(&'t [u8], Option<&'t [u8]>),
    /// Something else was said by itself: something was refused.
    Refused(String),
}

/// Rooms that a client may name in one message.
pub(super) const NAMES_MAX: usize = 32;

/// Whether only the newest values of rooms matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Plain,
    Latest,
}

impl Sort {
    const ALL: [Self; 2] = [Self::Plain, Self::Latest];

    /// How the names of such rooms begin.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Plain => "load:",
            Self::Latest => "latest:",
        }
    }
}

/// How everything begins that the server says by itself.
const PREFIX: &[u8] = br#"{"emit":["#;

/// Appends a wish to join rooms.
pub(super) fn join(sort: Sort, rooms: &[u32], out: &mut Vec<u8>) {
    let prefix = sort.prefix();
    out.extend_from_slice(br#"{"emit":["join",["#);
    for (place, room) in rooms.iter().enumerate() {
        let comma = if place > 0 { "," } else { "" };
        write!(out, r#"{comma}"{prefix}{room}""#).expect("memory takes everything");
    }
    out.extend_from_slice(b"]]}");
}

/// Appends the beginning of a message for a room; what follows is the message, the key of a value,
/// and then [`END`].
pub(super) fn begin(sort: Sort, room: u32, out: &mut Vec<u8>) {
    let prefix = sort.prefix();
    write!(out, r#"{{"emit":["publish","{prefix}{room}","#).expect("memory takes everything");
}

/// Appends the key of a value.
pub(super) fn key(sender: u32, number: u32, out: &mut Vec<u8>) {
    write!(out, r#","{sender}:{number}""#).expect("memory takes everything");
}

/// Whether this is the key.
pub(super) fn is_key(key: &[u8], sender: u32, number: u32) -> bool {
    let read = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
    let mut parts = key.splitn(2, |byte| *byte == b':').map(read);
    parts.next() == Some(Some(sender)) && parts.next() == Some(Some(number))
}

/// What ends a message for a room.
pub(super) const END: &[u8] = b"]}";

/// What a server says of rooms, if that is what it says.
pub(super) fn read(text: &[u8]) -> Option<Heard<'_>> {
    let event = text.strip_prefix(PREFIX)?;
    if let Some(name) = event.strip_prefix(br#""publish",""#) {
        let after = |sort: Sort| name.strip_prefix(sort.prefix().as_bytes());
        let room = Sort::ALL.into_iter().find_map(after)?;
        let digits = room.iter().take_while(|byte| byte.is_ascii_digit());
        let message = room[digits.count()..].strip_prefix(b"\",")?;
        return message.strip_suffix(END).map(published);
    }
    if event.starts_with(br#""joinroom","#) {
        return Some(Heard::Joined);
    }
    Some(Heard::Refused(String::from_utf8_lossy(text).into_owned()))
}

/// A message ends with a bracket, a key with a quotation mark.
fn published(text: &[u8]) -> Heard<'_> {
    let key = text.strip_suffix(b"\"").and_then(|text| {
        let place = text.windows(2).rposition(|part| part == b",\"")?;
        Some((&text[..place], Some(&text[place + 2..])))
    });
    let (message, key) = key.unwrap_or((text, None));
    Heard::Published(message, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_convention_says_and_understands_it() {
        let mut out = Vec::new();
        join(Sort::Plain, &[3, 40], &mut out);
        assert_eq!(out, br#"{"emit":["join",["load:3","load:40"]]}"#);
        out.clear();
        begin(Sort::Plain, 17, &mut out);
        out.extend_from_slice(b"[1]");
        out.extend_from_slice(END);
        assert_eq!(out, br#"{"emit":["publish","load:17",[1]]}"#);
        assert_eq!(read(&out), Some(Heard::Published(b"[1]", None)));
        out.clear();
        begin(Sort::Latest, 17, &mut out);
        out.extend_from_slice(b"[1]");
        key(2, 30, &mut out);
        out.extend_from_slice(END);
        assert_eq!(out, br#"{"emit":["publish","latest:17",[1],"2:30"]}"#);
        assert_eq!(read(&out), Some(Heard::Published(b"[1]", Some(b"2:30"))));
        assert!(is_key(b"2:30", 2, 30) && !is_key(b"2:30", 3, 30));
        assert!(!is_key(b"2:31", 2, 30) && !is_key(b"2", 2, 30) && !is_key(b"", 0, 0));
        let joined = br#"{"emit":["joinroom","load:3"]}"#;
        assert_eq!(read(joined), Some(Heard::Joined));
        let refused = br#"{"emit":["roomserror","load:3","not allowed"]}"#;
        assert!(matches!(read(refused), Some(Heard::Refused(_))));
        for other in [&b"[0,1]"[..], b"", br#"{"emit":"#] {
            assert_eq!(read(other), None);
        }
    }
}
