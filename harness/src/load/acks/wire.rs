//! Questions and answers on the wire of primus-emitter, byte by byte as it writes them: a question
//! is `{"type":0,"data":["ask",MESSAGE],"id":1}`, its answer `{"id":1,"type":1,"data":[MESSAGE]}`.

use std::io::Write;

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard<'t> {
    /// It answers a question of the client.
    Answer {
        id: u64,
        /// Empty if it answers with nothing.
        message: &'t [u8],
    },
    /// It asks the client.
    Question { id: u64, message: &'t [u8] },
}

const ANSWER: &[u8] = br#"{"id":"#;
const ANSWERED: &[u8] = br#","type":1,"data":["#;
const QUESTION: &[u8] = br#"{"type":0,"data":["ask","#;
const ASKED: &[u8] = br#"],"id":"#;
const END: &[u8] = b"]}";

/// Appends a question; `write` appends the message.
pub(super) fn question(id: u64, write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    out.extend_from_slice(QUESTION);
    write(out);
    out.extend_from_slice(ASKED);
    write!(out, "{id}}}").expect("memory takes everything");
}

/// Appends the answer to a question.
pub(super) fn answer(id: u64, message: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(ANSWER);
    write!(out, "{id}").expect("memory takes everything");
    out.extend_from_slice(ANSWERED);
    out.extend_from_slice(message);
    out.extend_from_slice(END);
}

/// What a server says, if it is a question or an answer.
pub(super) fn read(text: &[u8]) -> Option<Heard<'_>> {
    if let Some(rest) = text.strip_prefix(QUESTION) {
        // Messages have no such brackets within them.
        let place = rest.windows(ASKED.len()).rposition(|part| part == ASKED)?;
        let (message, id) = (&rest[..place], &rest[place + ASKED.len()..]);
        let id = number(id.strip_suffix(b"}")?)?;
        return Some(Heard::Question { id, message });
    }
    let rest = text.strip_prefix(ANSWER)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
    let (id, rest) = rest.split_at(digits.count());
    let message = rest.strip_prefix(ANSWERED)?.strip_suffix(END)?;
    let id = number(id)?;
    Some(Heard::Answer { id, message })
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_primus_emitter_says_and_understands_it() {
        let mut out = Vec::new();
        question(7, |out| out.extend_from_slice(b"[1,\"a\"]"), &mut out);
        assert_eq!(out, br#"{"type":0,"data":["ask",[1,"a"]],"id":7}"#);
        let message = &br#"[1,"a"]"#[..];
        assert_eq!(read(&out), Some(Heard::Question { id: 7, message }));
        out.clear();
        answer(7, message, &mut out);
        assert_eq!(out, br#"{"id":7,"type":1,"data":[[1,"a"]]}"#);
        assert_eq!(read(&out), Some(Heard::Answer { id: 7, message }));
        let (id, message) = (12, &b""[..]);
        let nothing = br#"{"id":12,"type":1,"data":[]}"#;
        assert_eq!(read(nothing), Some(Heard::Answer { id, message }));
        for other in [
            &b"[0,1]"[..],
            br#"{"id":,"type":1,"data":[]}"#,
            br#"{"id":1,"type":2,"data":[]}"#,
            br#"{"type":0,"data":["ask",[1]],"id":x}"#,
            br#"{"type":0,"data":["ask",[1]]}"#,
        ] {
            assert_eq!(read(other), None);
        }
    }
}
