//! What has happened in a world.

use std::net::SocketAddr;

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{End, Kind};

/// A message.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// Text or bytes.
    pub kind: Kind,
    /// The message itself.
    pub bytes: Vec<u8>,
}

impl Content {
    /// A message of text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            kind: Kind::Text,
            bytes: text.into().into_bytes(),
        }
    }

    /// A message of bytes.
    pub fn binary(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            kind: Kind::Binary,
            bytes: bytes.into(),
        }
    }
}

/// Short, because a message may have a MiB.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = &self.bytes[..self.bytes.len().min(40)];
        let (kind, start) = (self.kind, start.escape_ascii());
        write!(f, "{kind:?}({} bytes: {start})", self.bytes.len())
    }
}

/// Everything that has happened.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'s> {
    /// In the order in which they connected.
    pub sparks: &'s [SparkSeen],
    /// By number.
    pub clients: &'s [ClientSeen],
}

/// A spark, as the application saw it.
#[derive(Clone, Debug)]
pub struct SparkSeen {
    /// Its id.
    pub id: SparkId,
    /// The address of its peer.
    pub address: SocketAddr,
    /// The pairs of its query, decoded.
    pub query: Vec<(String, String)>,
    /// The value of its `Host` header.
    pub host: Option<String>,
    /// What happened to it since, in order.
    pub events: Vec<SparkEvent>,
    /// How often [`super::Rig::act`] was carried out.
    pub acts: usize,
    /// The most bytes that were seen to wait after an act.
    pub queue_bytes_max: usize,
}

/// One event of a spark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SparkEvent {
    /// A message came.
    Data(Content),
    /// Its client answered a ping, or gave another sign of life.
    Heartbeat,
    /// A write was refused, because the spark has ended.
    Refused,
    /// An error, in words.
    Error(String),
    /// The spark's `end`.
    End,
    /// The server's `disconnection`.
    Disconnection,
}

impl SparkSeen {
    /// The messages that came, in order.
    pub fn data(&self) -> Vec<&Content> {
        let mut data = Vec::new();
        for event in &self.events {
            if let SparkEvent::Data(content) = event {
                data.push(content);
            }
        }
        data
    }

    /// How often something happened.
    pub fn count(&self, event: &SparkEvent) -> usize {
        self.events.iter().filter(|other| *other == event).count()
    }

    /// Whether both `end` and `disconnection` have come.
    pub fn has_ended(&self) -> bool {
        self.events.contains(&SparkEvent::Disconnection)
    }
}

/// A client, by what its half told.
#[derive(Clone, Debug, Default)]
pub struct ClientSeen {
    /// In order.
    pub events: Vec<ClientEvent>,
}

/// One thing that a client half told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// It is connected.
    Open,
    /// A message came.
    Message(Content),
    /// It is over.
    Ended(End),
}

impl ClientSeen {
    /// The messages that came, in order; Primus's own are among them.
    pub fn messages(&self) -> Vec<&Content> {
        let mut messages = Vec::new();
        for event in &self.events {
            if let ClientEvent::Message(content) = event {
                messages.push(content);
            }
        }
        messages
    }

    /// Whether it was told that it is connected.
    pub fn has_opened(&self) -> bool {
        self.events.contains(&ClientEvent::Open)
    }

    /// How it ended.
    pub fn end(&self) -> Option<&End> {
        self.events.iter().find_map(|event| match event {
            ClientEvent::Ended(end) => Some(end),
            ClientEvent::Open | ClientEvent::Message(_) => None,
        })
    }
}
