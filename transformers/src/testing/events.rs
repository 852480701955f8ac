//! What happened, as the application and the owners of the client halves see it.

use allspark_protocol::primus::SparkId;
use allspark_protocol::transformer::{ClientTransport, End, Kind, Transformer};

use super::Pair;
use super::clients::Client;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A spark was made.
    Connection {
        spark: SparkId,
        /// Path and query of the request that made it.
        target: String,
        /// What the application sees as the port of the peer, if not the real one.
        port: Option<u16>,
    },
    /// A spark got a message.
    Message {
        spark: SparkId,
        kind: Kind,
        bytes: Vec<u8>,
    },
    /// The peer of a spark gave a sign of life.
    Alive(SparkId),
    /// A session reported its end.
    Ended(SparkId, End),
    /// A session was forgotten.
    Over(SparkId),
    /// Something happened at a client.
    Client(Client, ClientEvent),
}

/// One thing that happened at a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClientEvent {
    /// It is connected.
    Open,
    /// It got a message.
    Message(Kind, Vec<u8>),
    /// It is over.
    Ended(End),
}

impl<T: Transformer, C: ClientTransport> Pair<T, C> {
    /// Everything that happened, in order.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// All sparks that were made, in order.
    pub(crate) fn sparks(&self) -> Vec<SparkId> {
        let made = |event: &Event| match event {
            Event::Connection { spark, .. } => Some(*spark),
            _ => None,
        };
        self.events.iter().filter_map(made).collect()
    }

    /// The messages that a spark got, in order.
    pub(crate) fn server_messages(&self, of: SparkId) -> Vec<(Kind, Vec<u8>)> {
        let message = |event: &Event| match event {
            Event::Message { spark, kind, bytes } if *spark == of => Some((*kind, bytes.clone())),
            _ => None,
        };
        self.events.iter().filter_map(message).collect()
    }

    /// How the session of a spark ended, if it reported that.
    pub(crate) fn server_end(&self, of: SparkId) -> Option<&End> {
        self.events.iter().find_map(|event| match event {
            Event::Ended(spark, end) if *spark == of => Some(end),
            _ => None,
        })
    }

    /// Whether the session of a spark was forgotten.
    pub(crate) fn is_over(&self, spark: SparkId) -> bool {
        self.events.contains(&Event::Over(spark))
    }

    /// What happened at a client, in order.
    pub(crate) fn client_events(&self, of: Client) -> impl Iterator<Item = &ClientEvent> {
        self.events.iter().filter_map(move |event| match event {
            Event::Client(client, event) if *client == of => Some(event),
            _ => None,
        })
    }

    /// The messages that a client got, in order.
    pub(crate) fn client_messages(&self, of: Client) -> Vec<(Kind, Vec<u8>)> {
        let message = |event: &ClientEvent| match event {
            ClientEvent::Message(kind, bytes) => Some((*kind, bytes.clone())),
            ClientEvent::Open | ClientEvent::Ended(_) => None,
        };
        self.client_events(of).filter_map(message).collect()
    }

    /// Whether a client was told that it is connected, and not that it is over.
    pub(crate) fn client_is_open(&self, client: Client) -> bool {
        let mut events = self.client_events(client);
        events.any(|event| *event == ClientEvent::Open) && self.client_end(client).is_none()
    }

    /// How a client ended.
    pub(crate) fn client_end(&self, client: Client) -> Option<&End> {
        self.client_events(client).find_map(|event| match event {
            ClientEvent::Ended(end) => Some(end),
            ClientEvent::Open | ClientEvent::Message(..) => None,
        })
    }
}
