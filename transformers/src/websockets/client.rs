//! The client half.

use allspark_protocol::Input;
use allspark_protocol::http::{Misuse, ResponsePart, ResponseReader};
use allspark_protocol::transformer::{End, Event, Kind};
use allspark_protocol::websocket::handshake::Opening;
use allspark_protocol::websocket::{Decoder, Item, Role, encode};

/// The client half of one WebSocket connection.
#[derive(Debug)]
pub struct WebSocketClient {
    /// The handshake, until it is done.
    opening: Option<Box<(Opening, ResponseReader)>>,
    decoder: Decoder,
    masks: Masks,
    said_goodbye: bool,
}

/// What a client half understood.
#[derive(Debug)]
pub enum ClientEvent<'i> {
    /// The handshake is done.
    Open,
    /// The server does not open a WebSocket here.
    Refused(String),
    /// As on the server's side.
    Session(Event<'i>),
}

impl WebSocketClient {
    /// Begins a connection: appends the handshake for `target` (path and query) to `out`. `seed`
    /// must be random and new for each connection; it gives the nonce and the masking keys.
    ///
    /// # Errors
    /// If `host` or `target` would change the structure of the request.
    pub fn connect(
        host: &str,
        target: &str,
        message_bytes_max: usize,
        seed: u64,
        out: &mut Vec<u8>,
    ) -> Result<Self, Misuse> {
        let mut masks = Masks(seed);
        let mut nonce = [0; 16];
        nonce
            .as_chunks_mut()
            .0
            .iter_mut()
            .for_each(|chunk: &mut [u8; 4]| *chunk = masks.next());
        let opening = Opening::request(out, host, target, nonce, &[], &[])?;
        Ok(Self {
            opening: Some(Box::new((opening, ResponseReader::default()))),
            decoder: Decoder::new(Role::Client, message_bytes_max),
            masks,
            said_goodbye: false,
        })
    }

    /// Consumes from `input` up to the next event, or all of it. Answers that the transport itself
    /// owes are appended to `out`.
    pub fn receive<'i>(
        &mut self,
        input: &mut Input<'i>,
        out: &mut Vec<u8>,
    ) -> Option<ClientEvent<'i>> {
        if self.opening.is_some() {
            return self.read_answer(input);
        }
        loop {
            match self.decoder.next(input) {
                Ok(None) => return None,
                Ok(Some(Item::Message { kind, payload })) => {
                    return Some(ClientEvent::Session(Event::Message { kind, payload }));
                }
                Ok(Some(Item::Ping(payload))) => {
                    if !self.said_goodbye {
                        encode::pong(&payload, Some(self.masks.next()), out);
                    }
                }
                Ok(Some(Item::Pong(_))) => {}
                Ok(Some(Item::Close { code, reason })) => {
                    if !self.said_goodbye {
                        encode::close(code, &reason, Some(self.masks.next()), out);
                    }
                    return Some(ClientEvent::Session(Event::Ended(End::Goodbye)));
                }
                Err(violation) => {
                    let end = End::Violation(violation.sentence());
                    return Some(ClientEvent::Session(Event::Ended(end)));
                }
            }
        }
    }

    /// Appends the frame of one message to `out`.
    pub fn send(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        encode::message(kind, payload, Some(self.masks.next()), out);
    }

    /// Says goodbye; the server answers and closes the connection.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        self.said_goodbye = true;
        encode::close(None, "", Some(self.masks.next()), out);
    }

    fn read_answer<'i>(&mut self, input: &mut Input<'i>) -> Option<ClientEvent<'i>> {
        let (opening, reader) = &mut **self.opening.as_mut()?;
        let answer = match reader.next(input, false) {
            Ok(None) => return None,
            Ok(Some(ResponsePart::Head(head))) => opening
                .check(&head)
                .map(|_| ())
                .map_err(|rejection| rejection.to_string()),
            Ok(Some(ResponsePart::Data(_) | ResponsePart::End)) => {
                Err("the server sent a body before its answer".to_owned())
            }
            Err(error) => Err(error.to_string()),
        };
        self.opening = None;
        Some(match answer {
            Ok(()) => ClientEvent::Open,
            Err(reason) => ClientEvent::Refused(reason),
        })
    }
}

/// Masking keys (RFC 6455, 10.3): not for secrecy, but no script may foresee them.
#[derive(Clone, Debug)]
struct Masks(u64);

impl Masks {
    /// The next key (splitmix64).
    fn next(&mut self) -> [u8; 4] {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) as u32).to_le_bytes()
    }
}
