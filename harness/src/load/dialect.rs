//! How clients speak: the transformer, and which of its carriers.

use std::fmt;

use allspark_protocol::http::Misuse;
use allspark_protocol::transformer::ClientTransport;
use allspark_transformers::engine_io::ClientTransports;
use allspark_transformers::sockjs::SockJsTransport;
use allspark_transformers::{ClientCommonOptions, Speech, TransformerKind};

use super::target::Target;

/// A way to speak to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    transformer: TransformerKind,
    carrier: &'static str,
    speech: Speech,
}

/// Spoken by the load itself. It could leave this to a client half too, but a client half owns heap
/// memory per connection and copies each message once more; the load's own decoder does neither,
/// and there may be a million clients.
const PLAIN: Speech = Speech::WebSocket(None);

use Speech::{BrowserChannel, EngineIo, SockJs};

impl Dialect {
    /// What a client of `websockets` speaks.
    pub(crate) const WEBSOCKETS: Self = Self::new(TransformerKind::WebSockets, "websocket", PLAIN);

    /// All of them. The first one of each transformer is what a client of Primus in Node.js, or
    /// in a browser of these days, ends up with.
    pub(crate) const ALL: [Self; 14] = [
        Self::WEBSOCKETS,
        Self::new(TransformerKind::Faye, "websocket", PLAIN),
        Self::new(TransformerKind::Uws, "websocket", PLAIN),
        Self::engine_io("upgrade", ClientTransports::PollingThenWebSocket),
        Self::engine_io("polling", ClientTransports::Polling),
        Self::engine_io("websocket", ClientTransports::WebSocket),
        Self::sock_js("websocket", SockJsTransport::Websocket),
        Self::sock_js("xhr_streaming", SockJsTransport::XhrStreaming),
        Self::sock_js("xhr", SockJsTransport::XhrPolling),
        Self::sock_js("eventsource", SockJsTransport::EventSource),
        Self::sock_js("htmlfile", SockJsTransport::HtmlFile),
        Self::sock_js("jsonp", SockJsTransport::JsonpPolling),
        Self::browser_channel("streaming", true),
        Self::browser_channel("polling", false),
    ];

    const fn new(transformer: TransformerKind, carrier: &'static str, speech: Speech) -> Self {
        Self {
            transformer,
            carrier,
            speech,
        }
    }

    const fn engine_io(carrier: &'static str, transports: ClientTransports) -> Self {
        Self::new(TransformerKind::EngineIo, carrier, EngineIo(transports))
    }

    const fn sock_js(carrier: &'static str, transport: SockJsTransport) -> Self {
        Self::new(TransformerKind::SockJs, carrier, SockJs(transport))
    }

    const fn browser_channel(carrier: &'static str, streaming: bool) -> Self {
        let speech = BrowserChannel { streaming };
        Self::new(TransformerKind::BrowserChannel, carrier, speech)
    }

    /// Finds a dialect by name; without a carrier, the usual one of the transformer.
    pub(crate) fn find(
        transformer: TransformerKind,
        carrier: Option<&str>,
    ) -> Result<Self, String> {
        let mut carriers = Vec::new();
        for dialect in Self::of(transformer) {
            if carrier.is_none_or(|carrier| carrier == dialect.carrier) {
                return Ok(dialect);
            }
            carriers.push(dialect.carrier);
        }
        let name = transformer.name();
        Err(match carrier {
            Some(carrier) if !carriers.is_empty() => {
                let carriers = carriers.join(", ");
                format!("{name} has no carrier {carrier:?}; use one of: {carriers}")
            }
            _ => format!("a client does not speak {name:?}: name one transformer"),
        })
    }

    /// All dialects of a transformer, the usual one first.
    pub(crate) fn of(transformer: TransformerKind) -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(move |dialect| dialect.transformer == transformer)
    }

    /// The transformer.
    pub(crate) const fn transformer(self) -> TransformerKind {
        self.transformer
    }

    /// The carrier's name.
    pub(crate) const fn carrier(self) -> &'static str {
        self.carrier
    }

    /// What a client machine is told.
    pub(super) const fn speech(self) -> Speech {
        self.speech
    }

    /// Whether every client is one WebSocket that carries messages as they are.
    pub(crate) const fn is_plain_websocket(self) -> bool {
        matches!(self.speech, Speech::WebSocket(_))
    }

    /// TCP connections that one client may have at the same time, those included that the kernel
    /// is about to close: one or two where only a WebSocket speaks; otherwise one to receive, one
    /// to send, a WebSocket to change to and one that is just being replaced.
    pub(crate) const fn connections_max(self) -> u32 {
        match self.speech {
            Speech::WebSocket(_) => 1,
            EngineIo(ClientTransports::WebSocket) | SockJs(SockJsTransport::Websocket) => 2,
            EngineIo(_) | SockJs(_) | BrowserChannel { .. } => 4,
        }
    }

    /// A client half that speaks it; `None` if the load speaks it itself.
    ///
    /// # Errors
    /// [`Misuse`] if the pathname or the host cannot be part of a request.
    pub(super) fn half(
        self,
        target: &Target,
        seed: u64,
        message_bytes_max: usize,
    ) -> Result<Option<Box<dyn ClientTransport>>, Misuse> {
        if self.is_plain_websocket() {
            return Ok(None);
        }
        let common = ClientCommonOptions {
            host: target.host(),
            target: target.pathname(),
            message_bytes_max,
        };
        self.speech.half(&common, seed).map(Some)
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.transformer.name();
        if self.is_plain_websocket() {
            return f.write_str(name);
        }
        write!(f, "{name} by {}", self.carrier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_found_by_its_names_and_can_be_spoken_or_is_plain() {
        let target = Target::parse("http://127.0.0.1:80", "/primus").unwrap();
        for dialect in Dialect::ALL {
            let found = Dialect::find(dialect.transformer(), Some(dialect.carrier()));
            assert_eq!(found, Ok(dialect));
            let half = dialect.half(&target, 1, 1024).unwrap();
            assert_eq!(half.is_none(), dialect.is_plain_websocket(), "{dialect}");
        }
    }

    #[test]
    fn the_usual_carrier_is_the_first_and_a_wrong_one_lists_the_right_ones() {
        let usual = Dialect::find(TransformerKind::EngineIo, None).unwrap();
        assert_eq!(usual.to_string(), "engine.io by upgrade");
        let wrong = Dialect::find(TransformerKind::BrowserChannel, Some("pigeon")).unwrap_err();
        assert!(wrong.ends_with("streaming, polling"), "{wrong}");
        assert!(Dialect::find(TransformerKind::Any, None).is_err());
    }
}
