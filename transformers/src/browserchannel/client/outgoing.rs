//! What the client sends: messages as maps, from when they are written until the server has them.

use std::collections::VecDeque;
use std::io::Write;

use allspark_protocol::transformer::Kind;

use super::super::json;

/// Maps in one request at most, as in the package.
const MAPS_MAX: usize = 1000;

/// Bytes of a body beyond which no map is added to it: far below what servers take.
const BODY_BYTES: usize = 1024 * 1024;

/// Maps that the server may not have.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// Each as it stands in a body: its key, `=`, and its value.
    maps: VecDeque<Vec<u8>>,
    /// The number of the first.
    first: u64,
    /// How many of them are in the request that is under way.
    under_way: usize,
}

impl Outgoing {
    /// Takes a message: text as `_S`, and bytes as JSON, in the form of a `Buffer` of Node.js.
    pub(super) fn push(&mut self, kind: Kind, payload: &[u8]) {
        let mut map = Vec::with_capacity(payload.len() + 8);
        match kind {
            Kind::Text => {
                map.extend_from_slice(b"_S=");
                push_encoded(payload, &mut map);
            }
            Kind::Binary => {
                let mut buffer = Vec::new();
                json::push_buffer(payload, &mut buffer);
                map.extend_from_slice(b"JSON=");
                push_encoded(&buffer, &mut map);
            }
        }
        self.maps.push_back(map);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        self.maps.clear();
        self.under_way = 0;
    }

    /// The body of the next request. What was in the one before is in it again, unless that was
    /// [`Outgoing::confirm`]ed.
    pub(super) fn body(&mut self) -> Vec<u8> {
        let mut maps = Vec::new();
        let mut count = 0;
        for map in self.maps.iter().take(MAPS_MAX) {
            if count > 0 && maps.len() + map.len() > BODY_BYTES {
                break;
            }
            write!(maps, "&req{count}_").expect("a Vec takes every byte");
            maps.extend_from_slice(map);
            count += 1;
        }
        self.under_way = count;
        let mut body = match count {
            0 => b"count=0".to_vec(),
            _ => format!("count={count}&ofs={}", self.first).into_bytes(),
        };
        body.append(&mut maps);
        body
    }

    /// The server has what was in the last body.
    pub(super) fn confirm(&mut self) {
        self.maps.drain(..self.under_way);
        self.first += self.under_way as u64;
        self.under_way = 0;
    }
}

/// Appends a value as `encodeURIComponent` writes it.
fn push_encoded(value: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(*byte),
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => out.push(*byte),
            _ => {
                let digit = |half: u8| HEX[usize::from(half)];
                out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 0xf)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::maps::Maps;
    use super::*;

    fn body(outgoing: &mut Outgoing) -> String {
        String::from_utf8(outgoing.body()).unwrap()
    }

    #[test]
    fn messages_become_maps() {
        let mut outgoing = Outgoing::default();
        assert_eq!(body(&mut outgoing), "count=0");
        outgoing.push(Kind::Text, "a &é(1)".as_bytes());
        assert_eq!(
            body(&mut outgoing),
            "count=1&ofs=0&req0__S=a%20%26%C3%A9(1)"
        );
        outgoing.push(Kind::Binary, &[1, 255]);
        let both = "count=2&ofs=0&req0__S=a%20%26%C3%A9(1)&req1_JSON=%7B%22type%22%3A%22Buffer\
                    %22%2C%22data%22%3A%5B1%2C255%5D%7D";
        assert_eq!(body(&mut outgoing), both);
        outgoing.push(Kind::Text, b"");
        outgoing.confirm();
        assert_eq!(body(&mut outgoing), "count=1&ofs=2&req0__S=");
        outgoing.confirm();
        assert!(outgoing.is_empty());
    }

    #[test]
    fn a_body_is_bounded() {
        let mut outgoing = Outgoing::default();
        (0..2500).for_each(|_| outgoing.push(Kind::Text, b"x"));
        for expected in [1000, 1000, 500] {
            let body = body(&mut outgoing);
            let maps = Maps::parse(None, &body).unwrap().unwrap();
            assert_eq!(maps.len(), expected);
            outgoing.confirm();
        }
        (0..3).for_each(|_| outgoing.push(Kind::Text, &vec![b'x'; BODY_BYTES / 2]));
        assert!(body(&mut outgoing).starts_with("count=1&"));
        outgoing.confirm();
        outgoing.clear();
        outgoing.push(Kind::Text, &vec![b'x'; BODY_BYTES * 2]);
        assert!(body(&mut outgoing).starts_with("count=1&"));
    }
}
