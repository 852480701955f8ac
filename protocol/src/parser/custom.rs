//! Parsers of the application.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{DecodeError, EncodeError, ParseError, Parser, Scratch};
use crate::primus::packet::PREFIX;
use crate::transformer::Kind;
use crate::value::Value;

/// A parser of the application, as an object: what Primus takes as `{ encoder, decoder, library }`.
///
/// It is called on the threads of all shards, for every message of every client, and what it is
/// given to decode comes from clients: it must not take more time or memory than a message of that
/// length needs, and must not recurse deeply. If it panics, the message counts as one that it does
/// not understand.
///
/// Parsers that are built in ([`super::Json`], ..) can be called by one that only wraps them.
///
/// ```
/// use allspark_protocol::Value;
/// use allspark_protocol::parser::{
///     ClientHalf, CustomParser, DecodeError, EncodeError, Json, Parser, Scratch,
/// };
/// use allspark_protocol::transformer::Kind;
///
/// /// JSON, backwards.
/// struct Nosj;
///
/// impl CustomParser for Nosj {
///     fn name(&self) -> &'static str {
///         "nosj"
///     }
///
///     fn encode(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
///         Json.encode_value(value, out)?;
///         out.reverse();
///         Ok(Kind::Binary)
///     }
///
///     fn decode(&self, _: Kind, message: &[u8]) -> Result<Value, DecodeError> {
///         let json: Vec<u8> = message.iter().rev().copied().collect();
///         Json.decode(Kind::Text, &json, &mut Scratch::default())
///     }
///
///     fn client_half(&self) -> ClientHalf {
///         ClientHalf {
///             encoder: "(value, done) => done(null, write(JSON.stringify(value)))".into(),
///             decoder: "(packet, done) => done(null, JSON.parse(read(packet)))".into(),
///             library: "
///                 const write = (text) => new TextEncoder().encode(text).reverse();
///                 const read = (bytes) =>
///                     new TextDecoder().decode(new Uint8Array(bytes).reverse());
///             "
///             .into(),
///         }
///     }
/// }
/// ```
pub trait CustomParser: Send + Sync + 'static {
    /// The name, which `/spec` and the client library say. It must be none of the names of
    /// [`super::ParserKind::ALL`].
    fn name(&self) -> &'static str;

    /// Appends the message of a value to `out` and says as which kind it is sent. What was appended
    /// is taken away again if this fails.
    ///
    /// It must have a message for every text, as those of Primus itself (pings, for instance) are.
    ///
    /// # Errors
    /// If it has no message for such a value.
    fn encode(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError>;

    /// Builds the value of a message of a client. Text is UTF-8.
    ///
    /// # Errors
    /// If the message is not valid: [`ParseError::Refused`] takes a sentence.
    fn decode(&self, kind: Kind, message: &[u8]) -> Result<Value, DecodeError>;

    /// Whether [`CustomParser::decode`] would build a value. By default it is asked to; a parser
    /// that can tell without building one saves that for each message that is only passed on.
    ///
    /// # Errors
    /// If the message is not valid.
    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError> {
        match self.decode(kind, message) {
            Ok(_) => Ok(()),
            Err(DecodeError::Invalid(error)) => Err(error),
            Err(_) => Err(ParseError::Refused {
                what: "no message of this parser",
            }),
        }
    }

    /// The text that a message consists of, if it begins with `primus::`. By default every message
    /// is decoded to know; a parser that can tell by the first bytes saves that.
    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        match self.decode(kind, message) {
            Ok(Value::String(text)) if text.starts_with(PREFIX) => Some(text.into()),
            _ => None,
        }
    }

    /// The half that the client library has compiled in.
    fn client_half(&self) -> ClientHalf;
}

/// The half of a parser that clients in JavaScript need, as Primus has it: the sources of two
/// functions, and statements.
///
/// Both functions are called with what they are to convert and a callback `(error, result)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHalf {
    /// From a value to a packet, which is a string or bytes.
    pub encoder: Cow<'static, str>,
    /// From a packet, which is a string or an `ArrayBuffer`, to a value.
    pub decoder: Cow<'static, str>,
    /// What both may use; statements, or nothing. The class of the clients is `Primus` there.
    pub library: Cow<'static, str>,
}

/// A [`CustomParser`] as one of the parsers that a server can have. It lives as long as the
/// program: most have no state, and `&MyParser` lives as long by itself; `Box::leak` does it for
/// others.
#[derive(Clone, Copy)]
pub struct Custom(&'static dyn CustomParser);

impl Custom {
    /// Makes a parser of it.
    pub const fn new(parser: &'static dyn CustomParser) -> Self {
        Self(parser)
    }

    /// The half that the client library has compiled in.
    pub fn client_half(&self) -> ClientHalf {
        self.0.client_half()
    }

    /// Whether it reads the messages of Primus that it writes, without which no heartbeat would
    /// work.
    pub fn carries_control(&self) -> bool {
        let ping = "primus::ping::1700000000000";
        let mut message = Vec::new();
        let value = Value::from(ping);
        let Ok(kind) = self.encode_value(&value, &mut message) else {
            return false;
        };
        self.control(kind, &message).as_deref() == Some(ping) && self.check(kind, &message).is_ok()
    }

    fn guarded<R>(&self, call: impl FnOnce(&dyn CustomParser) -> R) -> Option<R> {
        // Nothing that it is called with could be left half changed.
        let result = catch_unwind(AssertUnwindSafe(|| call(self.0)));
        // What it panicked with may panic itself when it is dropped.
        result.map_err(std::mem::forget).ok()
    }
}

const PANICKED: ParseError = ParseError::Refused {
    what: "the parser panicked",
};

impl Parser for Custom {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// A received message is sent again as it came.
    fn kind(&self, message: Kind) -> Kind {
        message
    }

    fn check(&self, kind: Kind, message: &[u8]) -> Result<(), ParseError> {
        self.guarded(|parser| parser.check(kind, message))
            .unwrap_or(Err(PANICKED))
    }

    fn control<'m>(&self, kind: Kind, message: &'m [u8]) -> Option<Cow<'m, str>> {
        self.guarded(|parser| parser.control(kind, message))?
    }

    fn decode(&self, kind: Kind, message: &[u8], _: &mut Scratch) -> Result<Value, DecodeError> {
        self.guarded(|parser| parser.decode(kind, message))
            .unwrap_or(Err(PANICKED.into()))
    }

    fn encode_value(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
        let before = out.len();
        let encoded = self.guarded(|parser| parser.encode(value, out));
        let panicked = EncodeError::Unsupported {
            parser: self.name(),
            what: "this: it panicked",
        };
        let encoded = encoded.unwrap_or(Err(panicked));
        encoded.inspect_err(|_| out.truncate(before))
    }

    /// Every text has a message. Should the parser fail all the same, the message is empty.
    fn encode_str(&self, value: &str, out: &mut Vec<u8>) -> Kind {
        let encoded = self.encode_value(&value.into(), out);
        encoded.unwrap_or(Kind::Binary)
    }

    fn passes_through(&self, _: Kind, _: &[u8]) -> bool {
        true
    }

    fn encode_checked(&self, kind: Kind, message: &[u8], out: &mut Vec<u8>) -> Kind {
        out.extend_from_slice(message);
        kind
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Custom").field(&self.name()).finish()
    }
}

/// Two are the same if they are the same object. Objects without state may share an address, so the
/// name counts, too.
impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::addr_eq(self.0, other.0) && self.name() == other.name()
    }
}

impl Eq for Custom {}

impl Hash for Custom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parser::{Json, ParserKind};

    /// JSON behind a letter; `!` makes it panic, and so does a number that is to be encoded.
    struct Lettered;

    impl CustomParser for Lettered {
        fn name(&self) -> &'static str {
            "lettered"
        }

        fn encode(&self, value: &Value, out: &mut Vec<u8>) -> Result<Kind, EncodeError> {
            out.push(b'v');
            assert!(value.as_f64().is_none(), "a number");
            Json.encode_value(value, out)
        }

        fn decode(&self, _: Kind, message: &[u8]) -> Result<Value, DecodeError> {
            assert_ne!(message, b"!");
            let what = "no letter";
            let json = message
                .strip_prefix(b"v")
                .ok_or(ParseError::Refused { what })?;
            Json.decode(Kind::Text, json, &mut Scratch::default())
        }

        fn client_half(&self) -> ClientHalf {
            ClientHalf::default()
        }
    }

    const LETTERED: ParserKind = ParserKind::Custom(Custom::new(&Lettered));

    #[test]
    fn an_object_is_a_parser() {
        let mut out = Vec::new();
        assert_eq!(LETTERED.encode_str("primus::pong::1", &mut out), Kind::Text);
        assert_eq!(out, br#"v"primus::pong::1""#);
        let control = LETTERED.control(Kind::Text, &out);
        assert_eq!(control.as_deref(), Some("primus::pong::1"));
        assert_eq!(LETTERED.control(Kind::Text, b"v1"), None);
        assert_eq!(LETTERED.check(Kind::Text, b"v[1]"), Ok(()));
        let what = "no letter";
        assert_eq!(
            LETTERED.check(Kind::Text, b"1"),
            Err(ParseError::Refused { what })
        );
        let numbers = LETTERED.decode_as(Kind::Text, b"v[1]", &mut Scratch::default());
        assert_eq!(numbers, Ok(vec![1]));
        assert!(LETTERED.passes_through(Kind::Binary, b"v1"));
        let mut again = Vec::new();
        assert_eq!(
            LETTERED.encode_checked(Kind::Binary, b"v1", &mut again),
            Kind::Binary
        );
        assert_eq!(again, b"v1");
        assert_eq!(LETTERED.to_string(), "lettered");
        assert!(Custom::new(&Lettered).carries_control());
    }

    #[test]
    fn one_that_panics_refuses_the_message() {
        assert_eq!(LETTERED.check(Kind::Text, b"!"), Err(PANICKED));
        assert_eq!(LETTERED.control(Kind::Text, b"!"), None);
        let mut out = b"before".to_vec();
        let error = LETTERED.encode_value(&1.into(), &mut out).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the parser `lettered` cannot encode this: it panicked"
        );
        assert_eq!(out, b"before");
    }

    #[test]
    fn two_are_the_same_if_they_are_one() {
        /// Has no size either.
        struct Other;

        impl CustomParser for Other {
            fn name(&self) -> &'static str {
                "other"
            }

            fn encode(&self, _: &Value, _: &mut Vec<u8>) -> Result<Kind, EncodeError> {
                Ok(Kind::Text)
            }

            fn decode(&self, _: Kind, _: &[u8]) -> Result<Value, DecodeError> {
                Ok(Value::Null)
            }

            fn client_half(&self) -> ClientHalf {
                ClientHalf::default()
            }
        }

        assert_eq!(LETTERED, LETTERED);
        assert_ne!(LETTERED, ParserKind::Custom(Custom::new(&Other)));
        assert_ne!(LETTERED, ParserKind::Json);
        assert!(!Custom::new(&Other).carries_control());
    }
}
