//! The client's end of a WebSocket, over any byte stream.

use allspark_protocol::Input;
use allspark_protocol::http::{Misuse, ResponsePart, ResponseReader};
use allspark_protocol::transformer::{End, Event, Kind};
use allspark_protocol::websocket::deflate::{
    Agreement, Deflater, Effort, Inflater, Offer, WindowBits,
};
use allspark_protocol::websocket::handshake::Opening;
use allspark_protocol::websocket::{Decoder, Item, Role, encode};

use super::options::THRESHOLD_BYTES_DEFAULT;
use crate::chance::{Chance, Masks};

/// The client half of one WebSocket connection.
#[derive(Debug)]
pub struct WebSocketClient {
    /// The handshake, until it is done.
    opening: Option<Box<Handshake>>,
    decoder: Decoder,
    /// What was agreed on for compression, if anything.
    deflate: Option<Box<Deflating>>,
    masks: Masks,
    said_goodbye: bool,
}

/// How a client wants to compress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientDeflate {
    /// What is offered to the server. Default: what browsers and `ws` offer.
    pub offer: Offer,
    /// Bytes below which a message is left alone, unless a context is kept. Default 1024.
    pub threshold_bytes: usize,
    /// What compression may cost.
    pub effort: Effort,
}

impl Default for ClientDeflate {
    fn default() -> Self {
        Self {
            offer: Offer::default(),
            threshold_bytes: THRESHOLD_BYTES_DEFAULT,
            effort: Effort::DEFAULT,
        }
    }
}

/// A handshake whose answer has not come yet.
#[derive(Debug)]
struct Handshake {
    opening: Opening,
    reader: ResponseReader,
    deflate: Option<ClientDeflate>,
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
        Self::connect_offering(host, target, message_bytes_max, seed, None, out)
    }

    /// The same, with an offer of permessage-deflate. Whether messages are compressed is then up to
    /// the server.
    ///
    /// # Errors
    /// As [`WebSocketClient::connect`].
    pub fn connect_offering(
        host: &str,
        target: &str,
        message_bytes_max: usize,
        seed: u64,
        deflate: Option<ClientDeflate>,
        out: &mut Vec<u8>,
    ) -> Result<Self, Misuse> {
        let mut chance = Chance::new(seed);
        let mut nonce = [0; 16];
        chance.fill(&mut nonce);
        let offer = deflate.map(|deflate| deflate.offer);
        let opening = Opening::request_offering(out, host, target, nonce, &[], &[], offer)?;
        let handshake = Handshake {
            opening,
            reader: ResponseReader::default(),
            deflate,
        };
        Ok(Self {
            opening: Some(Box::new(handshake)),
            decoder: Decoder::new(Role::Client, message_bytes_max),
            deflate: None,
            masks: Masks::new(chance),
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
            let item = match &mut self.deflate {
                None => self.decoder.next(input),
                Some(deflate) => self.decoder.next_inflating(input, &mut deflate.inflater),
            };
            match item {
                Ok(None) => return None,
                Ok(Some(Item::Message { kind, payload })) => {
                    return Some(ClientEvent::Session(Event::Message { kind, payload }));
                }
                Ok(Some(Item::Ping(payload))) => {
                    if !self.said_goodbye {
                        encode::pong(&payload, Some(self.masks.next_key()), out);
                    }
                }
                Ok(Some(Item::Pong(_))) => {}
                Ok(Some(Item::Close { code, reason })) => {
                    if !self.said_goodbye {
                        encode::close(code, &reason, Some(self.masks.next_key()), out);
                    }
                    return Some(ClientEvent::Session(Event::Ended(End::Goodbye)));
                }
                Err(violation) => {
                    if !self.said_goodbye {
                        let code = Some(violation.close_code());
                        encode::close(code, "", Some(self.masks.next_key()), out);
                    }
                    let end = End::Violation(violation.sentence());
                    return Some(ClientEvent::Session(Event::Ended(end)));
                }
            }
        }
    }

    /// Appends the frame of one message to `out`.
    pub fn send(&mut self, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
        let key = Some(self.masks.next_key());
        match &mut self.deflate {
            None => encode::message(kind, payload, key, out),
            Some(deflate) => deflate.encode(kind, payload, key, out),
        }
    }

    /// Says goodbye; the server answers and closes the connection.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        self.said_goodbye = true;
        encode::close(None, "", Some(self.masks.next_key()), out);
    }

    fn read_answer<'i>(&mut self, input: &mut Input<'i>) -> Option<ClientEvent<'i>> {
        let handshake = self.opening.as_deref_mut()?;
        let answer = match handshake.reader.next(input, false) {
            Ok(None) => return None,
            Ok(Some(ResponsePart::Head(head))) => handshake
                .opening
                .check(&head)
                .and_then(|_| handshake.opening.deflate(&head))
                .map_err(|rejection| rejection.to_string()),
            Ok(Some(ResponsePart::Data(_) | ResponsePart::End)) => {
                Err("the server sent a body before its answer".to_owned())
            }
            Err(error) => Err(error.to_string()),
        };
        let options = handshake.deflate.unwrap_or_default();
        self.opening = None;
        Some(match answer {
            Ok(agreed) => {
                self.deflate = agreed.map(|agreed| Box::new(Deflating::new(&agreed, &options)));
                ClientEvent::Open
            }
            Err(reason) => ClientEvent::Refused(reason),
        })
    }
}

/// Both directions of a connection on which messages are compressed.
#[derive(Debug)]
struct Deflating {
    inflater: Inflater,
    deflater: Deflater,
    threshold_bytes: usize,
    scratch: Vec<u8>,
}

impl Deflating {
    fn new(agreed: &Agreement, options: &ClientDeflate) -> Self {
        let keeps_context = !agreed.client_no_context_takeover;
        let window = agreed.client_max_window_bits.unwrap_or(WindowBits::MAX);
        Self {
            inflater: Inflater::new(!agreed.server_no_context_takeover),
            deflater: Deflater::new(window, options.effort, keeps_context),
            // With a context even small messages are worth it, so `ws` then has no threshold.
            threshold_bytes: if keeps_context {
                0
            } else {
                options.threshold_bytes
            },
            scratch: Vec::new(),
        }
    }

    fn encode(&mut self, kind: Kind, payload: &[u8], key: Option<[u8; 4]>, out: &mut Vec<u8>) {
        let compressed = match payload.len() >= self.threshold_bytes {
            true => self.deflater.message(payload, &mut self.scratch),
            false => None,
        };
        match compressed {
            Some(compressed) => encode::compressed(kind, compressed, key, out),
            None => encode::message(kind, payload, key, out),
        }
        // A client may be one of very many, so it keeps nothing between two messages.
        self.scratch = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use allspark_protocol::Dice;

    use super::*;

    #[test]
    fn masks_are_of_the_key_stream_behind_the_nonce() {
        for seed in 0..20_u64 {
            let mut out = Vec::new();
            let mut client = WebSocketClient::connect("a", "/", 1000, seed, &mut out).unwrap();
            let mut chance = Chance::new(seed);
            let mut nonce = [0; 16];
            chance.fill(&mut nonce);
            // A generator whose numbers tell its state would give the masks away.
            assert_ne!(nonce[..4], Dice::new(seed).roll().to_le_bytes()[..4]);
            let mut expected = Masks::new(chance);
            assert!((0..100).all(|_| client.masks.next_key() == expected.next_key()));
        }
    }
}
