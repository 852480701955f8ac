//! The server half.

use allspark_protocol::Input;
use allspark_protocol::http::{Request, Response};
use allspark_protocol::transformer::{
    Answer, Carrier, Context, End, Event, Kind, Outputs, Transformer, Wire,
};
use allspark_protocol::websocket::handshake::Upgrade;
use allspark_protocol::websocket::{Decoder, Item, Role, encode};

/// The server half of `websockets`.
#[derive(Clone, Copy, Debug)]
pub struct WebSockets {
    message_bytes_max: usize,
}

impl WebSockets {
    /// Refuses messages of more than `message_bytes_max` bytes, Primus's `maxLength`, with close
    /// code 1009.
    pub fn new(message_bytes_max: usize) -> Self {
        Self { message_bytes_max }
    }
}

impl Transformer for WebSockets {
    type Session = WebSocketSession;

    const WIRES: u8 = 1;

    fn name(&self) -> &'static str {
        "websockets"
    }

    fn request<'r>(&mut self, request: &'r Request<'_>) -> Answer<'r, WebSocketSession> {
        let head = &request.head;
        if !head.wants_upgrade() {
            return Answer::Respond(upgrade_required());
        }
        match Upgrade::check(head) {
            Ok(upgrade) => Answer::Upgrade {
                response: upgrade.response(),
                session: WebSocketSession {
                    decoder: Decoder::new(Role::Server, self.message_bytes_max),
                    said_goodbye: false,
                },
            },
            Err(refusal) => Answer::Respond(refusal.response()),
        }
    }

    fn wire(&self, _session: &WebSocketSession) -> Wire {
        Wire(0)
    }

    fn frame(&mut self, _wire: Wire, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        encode::message(kind, payload, None, out);
    }

    #[inline]
    fn receive<'i>(
        &mut self,
        session: &mut WebSocketSession,
        _context: Context,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        session.receive(carrier, input, out)
    }

    fn close(&mut self, session: &mut WebSocketSession, context: Context, out: &mut Outputs) {
        if let Some(carrier) = context.stream {
            session.close(carrier, out);
        }
    }
}

/// What Primus has `ws` answer to a plain request.
fn upgrade_required() -> Response {
    Response::new(426).body("text/plain", "Upgrade Required".as_bytes())
}

/// The server half of one WebSocket connection.
#[derive(Debug)]
pub struct WebSocketSession {
    decoder: Decoder,
    said_goodbye: bool,
}
impl WebSocketSession {
    #[inline]
    fn receive<'i>(
        &mut self,
        carrier: Carrier,
        input: &mut Input<'i>,
        out: &mut Outputs,
    ) -> Option<Event<'i>> {
        loop {
            match self.decoder.next(input) {
                Ok(None) => return None,
                Ok(Some(Item::Message { kind, payload })) => {
                    return Some(Event::Message { kind, payload });
                }
                Ok(Some(Item::Ping(payload))) => {
                    if !self.said_goodbye {
                        out.write(carrier, |out| encode::pong(&payload, None, out));
                    }
                    return Some(Event::Alive);
                }
                Ok(Some(Item::Pong(_))) => {}
                Ok(Some(Item::Close { code, reason })) => {
                    if !self.said_goodbye {
                        // As `ws` does: the peer's own words are the answer (RFC 6455, 5.5.1).
                        out.write(carrier, |out| encode::close(code, &reason, None, out));
                    }
                    return Some(Event::Ended(End::Goodbye));
                }
                Err(violation) => {
                    if !self.said_goodbye {
                        let code = Some(violation.close_code());
                        out.write(carrier, |out| encode::close(code, "", None, out));
                    }
                    return Some(Event::Ended(End::Violation(violation.sentence())));
                }
            }
        }
    }

    fn close(&mut self, carrier: Carrier, out: &mut Outputs) {
        self.said_goodbye = true;
        // Without a code, as Primus has `ws` do it.
        out.write(carrier, |out| encode::close(None, "", None, out));
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::Payload;
    use allspark_protocol::http::RequestHead;
    use allspark_protocol::transformer::Output;

    use super::*;

    const CARRIER: Carrier = Carrier(7);
    const KEY: [u8; 4] = [1, 2, 3, 4];

    fn session() -> WebSocketSession {
        WebSocketSession {
            decoder: Decoder::new(Role::Server, 8),
            said_goodbye: false,
        }
    }

    fn client(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes);
        bytes
    }

    fn head(lines: &str) -> String {
        format!("GET /primus?a=b HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
    }

    /// What is answered to a request with these header lines.
    fn response(lines: &str) -> (Response, Option<WebSocketSession>) {
        let head = head(lines);
        let request = Request {
            head: RequestHead::parse(head.as_bytes()).unwrap(),
            body: Payload::Owned(Vec::new()),
        };
        match WebSockets::new(99).request(&request) {
            Answer::Respond(response) => (response, None),
            Answer::Upgrade { response, session } => (response, Some(session)),
            other => panic!("{other:?}"),
        }
    }

    /// What was written, all on one carrier.
    fn written(out: &Outputs) -> Vec<u8> {
        let bytes = |output: &Output| match output {
            Output::Write(CARRIER, range) => out.bytes(range.clone()).to_vec(),
            other => panic!("{other:?}"),
        };
        out.list().iter().flat_map(bytes).collect()
    }

    #[test]
    fn a_plain_request_is_told_to_upgrade() {
        let (response, session) = response("");
        assert!(session.is_none());
        assert_eq!(
            (response.status(), response.body_bytes()),
            (426, &b"Upgrade Required"[..])
        );
    }

    #[test]
    fn an_upgrade_opens_a_session() {
        let (response, session) = response(
            "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n",
        );
        assert!(session.is_some());
        let mut out = Vec::new();
        response.encode(&mut out, true, false);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
            "{text}"
        );
        // The example of RFC 6455, 1.3.
        assert!(text.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{text}");
    }

    #[test]
    fn a_ping_is_answered_and_counts_as_alive() {
        let mut bytes = client(|out| encode::ping(b"hi", Some(KEY), out));
        let mut out = Outputs::default();
        let event = session().receive(CARRIER, &mut Input::new(&mut bytes), &mut out);
        assert!(matches!(event, Some(Event::Alive)));
        assert_eq!(written(&out), client(|out| encode::pong(b"hi", None, out)));
    }

    #[test]
    fn a_goodbye_is_answered_in_its_own_words_once() {
        let code = allspark_protocol::websocket::CloseCode::new(4321);
        let goodbye = client(|out| encode::close(code, "bye", Some(KEY), out));
        let mut out = Outputs::default();
        let mut bytes = goodbye.clone();
        let event = session().receive(CARRIER, &mut Input::new(&mut bytes), &mut out);
        assert!(matches!(event, Some(Event::Ended(End::Goodbye))));
        assert_eq!(
            written(&out),
            client(|out| encode::close(code, "bye", None, out))
        );

        let (mut session, mut out) = (session(), Outputs::default());
        session.close(CARRIER, &mut out);
        assert_eq!(written(&out), [0x88, 0]);
        session.receive(CARRIER, &mut Input::new(&mut goodbye.clone()), &mut out);
        assert_eq!(written(&out).len(), 2, "the goodbye is not said twice");
    }

    #[test]
    fn a_message_over_the_limit_closes_with_1009() {
        let mut bytes = client(|out| encode::message(Kind::Text, b"123456789", Some(KEY), out));
        let mut out = Outputs::default();
        let event = session().receive(CARRIER, &mut Input::new(&mut bytes), &mut out);
        assert!(matches!(event, Some(Event::Ended(End::Violation(_)))));
        assert_eq!(written(&out)[2..4], 1009_u16.to_be_bytes());
    }
}
