//! What a client tells its application.

use std::fmt;

use allspark_protocol::Value;
use allspark_protocol::parser::{DecodeError, Parser, ParserKind, Scratch};
use allspark_protocol::transformer::Kind;
use serde::de::DeserializeOwned;

use super::error::Error;
use crate::core::{Attempt, ReadyState};

/// What happened to a client. The order of events is that of the npm package `primus` 8.0.9.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// `readyStateChange`: how far the connection has come.
    #[doc(alias = "readyStateChange")]
    ReadyState(ReadyState),
    /// `open`: the connection is open, for the first time or again.
    Open,
    /// `data`: a message.
    Data(Data),
    /// `close`: the connection is over. Either [`Event::ReconnectScheduled`] follows or
    /// [`Event::End`].
    Close,
    /// `end`: the client does not try to connect any more, unless it is opened again or, with the
    /// strategy `online`, its network comes back and nobody had ended it on purpose.
    End,
    /// `error`: something went wrong. That does not end the client; what does, has its own event.
    Error(Error),
    /// `timeout`: the first connection took too long.
    Timeout,
    /// `offline`: the network is gone, or the server has been silent for too long.
    Offline,
    /// `online`: it is back.
    Online,
    /// `reconnect scheduled`: an attempt to reconnect begins after [`Attempt::scheduled`].
    #[doc(alias = "reconnect scheduled")]
    ReconnectScheduled(Attempt),
    /// `reconnect`: the attempt begins.
    Reconnect(Attempt),
    /// `reconnect timeout`: the attempt took too long.
    #[doc(alias = "reconnect timeout")]
    ReconnectTimeout(Attempt),
    /// `reconnected`: the attempt succeeded. Comes before [`Event::Open`].
    Reconnected(Attempt),
    /// `reconnect failed`: all attempts are used up. Comes after [`Event::End`].
    #[doc(alias = "reconnect failed")]
    ReconnectFailed(Attempt),
    /// `incoming::ping`: the server asked whether the client is alive. Its clock, in ms since the
    /// Unix epoch, if that was a number.
    #[doc(alias = "incoming::ping")]
    Ping(Option<u64>),
    /// `outgoing::pong`: the ping was answered, with the same.
    #[doc(alias = "outgoing::pong")]
    Pong(Option<u64>),
    /// `incoming::id`: the id of the spark, which somebody asked for.
    Id(String),
    /// `destroy`: the client is gone. Nothing comes after it.
    Destroy,
}

impl Event {
    /// The name of the event in Primus, for instance `reconnect scheduled`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReadyState(_) => "readyStateChange",
            Self::Open => "open",
            Self::Data(_) => "data",
            Self::Close => "close",
            Self::End => "end",
            Self::Error(_) => "error",
            Self::Timeout => "timeout",
            Self::Offline => "offline",
            Self::Online => "online",
            Self::ReconnectScheduled(_) => "reconnect scheduled",
            Self::Reconnect(_) => "reconnect",
            Self::ReconnectTimeout(_) => "reconnect timeout",
            Self::Reconnected(_) => "reconnected",
            Self::ReconnectFailed(_) => "reconnect failed",
            Self::Ping(_) => "incoming::ping",
            Self::Pong(_) => "outgoing::pong",
            Self::Id(_) => "incoming::id",
            Self::Destroy => "destroy",
        }
    }
}

/// A message of the server. It was checked to be one of the parser, but is decoded only when
/// somebody looks.
#[derive(Clone, PartialEq, Eq)]
pub struct Data {
    parser: ParserKind,
    kind: Kind,
    encoded: Vec<u8>,
}

impl Data {
    pub(super) fn new(parser: ParserKind, kind: Kind, encoded: Vec<u8>) -> Self {
        Self {
            parser,
            kind,
            encoded,
        }
    }

    /// Whether it came as text or as bytes.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The message as the parser of the server encoded it: JSON text with the parser `json`, and
    /// with `raw` the very message.
    pub fn encoded(&self) -> &[u8] {
        &self.encoded
    }

    /// The same, without copying it.
    pub fn into_encoded(self) -> Vec<u8> {
        self.encoded
    }

    /// The message as text, if it came as text: what [`Data::encoded`] says.
    pub fn text(&self) -> Option<&str> {
        match self.kind {
            Kind::Text => std::str::from_utf8(&self.encoded).ok(),
            Kind::Binary => None,
        }
    }

    /// The message as a value of any type.
    ///
    /// ```no_run
    /// # async fn example(data: allspark_client::Data) -> Result<(), Box<dyn std::error::Error>> {
    /// let message = data.value()?;
    /// println!("{:?} says {:?}", message["from"].as_str(), message["text"].as_str());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If the message is not one of the parser, which the client has checked before.
    pub fn value(&self) -> Result<Value, DecodeError> {
        let mut scratch = Scratch::default();
        self.parser.decode(self.kind, &self.encoded, &mut scratch)
    }

    /// The message as a type of the application.
    ///
    /// ```no_run
    /// #[derive(serde::Deserialize)]
    /// struct Line {
    ///     from: String,
    ///     text: String,
    /// }
    /// # async fn example(data: allspark_client::Data) -> Result<(), Box<dyn std::error::Error>> {
    /// let line: Line = data.parse()?;
    /// println!("{} says {}", line.from, line.text);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If it is the message of another type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        let mut scratch = Scratch::default();
        self.parser
            .decode_as(self.kind, &self.encoded, &mut scratch)
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = String::from_utf8_lossy(&self.encoded);
        f.debug_struct("Data")
            .field("parser", &self.parser.name())
            .field("kind", &self.kind)
            .field("encoded", &encoded)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_its_parser_says() {
        let data = Data::new(ParserKind::Json, Kind::Text, br#"{"n":[1,2]}"#.to_vec());
        assert_eq!(data.value().unwrap()["n"][1].as_i64(), Some(2));
        assert_eq!(data.text(), Some(r#"{"n":[1,2]}"#));
        assert!(data.parse::<Vec<u8>>().is_err());

        let data = Data::new(ParserKind::Raw, Kind::Binary, vec![0xff, 1]);
        assert_eq!(data.value(), Ok(Value::Bytes(vec![0xff, 1])));
        assert_eq!(data.text(), None);
        assert_eq!(data.into_encoded(), [0xff, 1]);
    }
}
