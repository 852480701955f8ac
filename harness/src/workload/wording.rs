//! Messages of the workload as the parsers have them. The text of a message is JSON. With the
//! parsers `json` and `ejson` it is the message, an array; with `raw` it is the message as well;
//! with the binary ones the message is a value that is this text.

use std::borrow::Cow;

use allspark_protocol::Value;
use allspark_protocol::parser::{Json, Parser, ParserKind, Scratch};
use allspark_protocol::transformer::Kind;

/// How a server and its clients put what they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wording(ParserKind);

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said<'m> {
    /// One of Primus, by its text.
    Protocol(Cow<'m, str>),
    /// One of the workload, by its text; or anything else, which is none.
    Message(&'m [u8]),
}

impl Wording {
    pub(crate) const fn new(parser: ParserKind) -> Self {
        Self(parser)
    }

    pub(crate) const fn parser(self) -> ParserKind {
        self.0
    }

    /// The kind of all messages.
    pub(crate) fn kind(self) -> Kind {
        self.0.kind(Kind::Text)
    }

    /// What a message that came is.
    #[inline]
    pub(crate) fn read(self, kind: Kind, message: &[u8]) -> Said<'_> {
        if kind != self.kind() {
            return Said::Message(&[]);
        }
        match self.0.control(kind, message) {
            Some(text) => Said::Protocol(text),
            None => Said::Message(self.text(message)),
        }
    }

    /// The text of a message of the workload.
    pub(crate) fn text(self, message: &[u8]) -> &[u8] {
        let head = match self.0 {
            ParserKind::MsgPack => match message {
                [0xa0..=0xbf, ..] => 1,
                [0xd9, ..] => 2,
                [0xda, ..] => 3,
                [0xdb, ..] => 5,
                _ => message.len(),
            },
            ParserKind::Binary => match message {
                [0xb0..=0xbf, ..] => 1,
                [0xd8, ..] => 3,
                [0xd9, ..] => 5,
                _ => message.len(),
            },
            _ => 0,
        };
        message.get(head..).unwrap_or_default()
    }

    /// Makes the message of a text of the workload in place of the text.
    pub(crate) fn put(self, text: &mut Vec<u8>) {
        if self.kind() == Kind::Binary {
            let before = std::mem::take(text);
            let before = String::from_utf8(before).expect("the workload is text");
            self.0.encode_str(&before, text);
        }
    }

    /// The message of what belongs to Primus.
    pub(crate) fn protocol(self, text: &str) -> Vec<u8> {
        let mut message = Vec::new();
        self.0.encode_str(text, &mut message);
        message
    }

    /// The value that a text of the workload is to an application.
    pub(crate) fn value(self, text: &[u8]) -> Value {
        match self.0 {
            ParserKind::Json | ParserKind::Ejson => Json
                .decode(Kind::Text, text, &mut Scratch::default())
                .expect("messages of the workload are JSON"),
            _ => String::from_utf8_lossy(text).into_owned().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::message::{self, Stamp};

    #[test]
    fn every_parser_carries_messages_and_pings() {
        let stamp = Stamp {
            from: 1,
            sequence: 2,
            sent_ns: 3,
        };
        for parser in ParserKind::ALL {
            let wording = Wording::new(parser);
            for bytes in [64, 300, 70_000] {
                let mut message = Vec::new();
                message::encode(stamp, bytes, &mut message);
                let text = message.clone();
                wording.put(&mut message);
                assert_eq!(parser.check(wording.kind(), &message), Ok(()));
                let said = wording.read(wording.kind(), &message);
                assert_eq!(said, Said::Message(&text));
                // What an application writes is the same.
                let mut written = Vec::new();
                let kind = parser.encode_value(&wording.value(&text), &mut written);
                assert_eq!((kind, written), (Ok(wording.kind()), message));
            }
            let ping = wording.protocol("primus::ping::1");
            let said = wording.read(wording.kind(), &ping);
            assert_eq!(said, Said::Protocol("primus::ping::1".into()));
            let odd = [0xc1, 0xff];
            let Said::Message(text) = wording.read(wording.kind(), &odd) else {
                panic!("{parser}");
            };
            assert_eq!(message::decode(text, 64), Err(message::Corrupt));
        }
    }
}
