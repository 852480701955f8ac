//! The transformers by name.

use allspark_protocol::Input;
use allspark_protocol::http::Request;
use allspark_protocol::transformer::{
    Answer, Carrier, Context, Event, Kind, Outputs, Transformer, Wire,
};

use crate::websockets::{WebSocketSession, WebSockets};

/// A transformer as the configuration names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransformerKind {
    /// `websockets`.
    WebSockets,
    /// `any`: every transformer that there is, on one endpoint.
    Any,
}

/// Primus's names of transformers that this version does not serve.
const NOT_YET: [&str; 5] = ["faye", "uws", "engine.io", "sockjs", "browserchannel"];

/// A name that no transformer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnknownTransformer {
    /// Primus has it, this version does not.
    NotYet(String),
    /// Nobody has it.
    Unknown(String),
}

impl std::fmt::Display for UnknownTransformer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotYet(name) => {
                write!(f, "transformer `{name}` is not available in this version")?;
            }
            Self::Unknown(name) => write!(f, "there is no transformer `{name}`")?,
        }
        let names = TransformerKind::ALL.map(TransformerKind::name);
        write!(f, "; use one of: {}", names.join(", "))
    }
}

impl std::error::Error for UnknownTransformer {}

impl TransformerKind {
    /// All of them, in the order in which help texts name them.
    pub const ALL: [Self; 2] = [Self::WebSockets, Self::Any];

    /// The name as Primus spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSockets => "websockets",
            Self::Any => "any",
        }
    }
}

impl std::str::FromStr for TransformerKind {
    type Err = UnknownTransformer;

    /// Finds a transformer by its name, in any case, as Primus does.
    fn from_str(name: &str) -> Result<Self, UnknownTransformer> {
        let name = name.to_ascii_lowercase();
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| match NOT_YET.contains(&name.as_str()) {
            true => UnknownTransformer::NotYet(name),
            false => UnknownTransformer::Unknown(name),
        })
    }
}

/// The transformer that a server was told to serve.
#[derive(Clone, Debug)]
pub struct AnyTransformer {
    kind: TransformerKind,
    websockets: WebSockets,
}

impl AnyTransformer {
    /// A transformer that refuses messages of more than `message_bytes_max` bytes.
    pub fn new(kind: TransformerKind, message_bytes_max: usize) -> Self {
        Self {
            kind,
            websockets: WebSockets::uncompressed(message_bytes_max),
        }
    }
}

impl Transformer for AnyTransformer {
    type Session = WebSocketSession;

    const WIRES: u8 = WebSockets::WIRES;

    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, WebSocketSession> {
        // Both kinds serve WebSocket; `any` will tell the others apart by path and query.
        self.websockets.request(request)
    }

    fn wire(&self, session: &WebSocketSession) -> Wire {
        self.websockets.wire(session)
    }

    fn frame(&mut self, wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        self.websockets.frame(wire, kind, payload, out);
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        session: &mut WebSocketSession,
        context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        self.websockets
            .receive(session, context, carrier, input, out)
    }

    fn close(&mut self, session: &mut WebSocketSession, context: Context, out: &mut Outputs) {
        self.websockets.close(session, context, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!("WebSockets".parse(), Ok(TransformerKind::WebSockets));
        assert_eq!("any".parse(), Ok(TransformerKind::Any));
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = "carrier pigeon".parse::<TransformerKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no transformer `carrier pigeon`; use one of: websockets, any"
        );
        let error = "SockJS".parse::<TransformerKind>().unwrap_err();
        assert_eq!(error, UnknownTransformer::NotYet("sockjs".to_owned()));
    }
}
