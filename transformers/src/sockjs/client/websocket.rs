//! The client half over WebSocket.

use allspark_protocol::transformer::{ClientOutputs, End, Event, Kind, Link};
use allspark_protocol::{Input, Instant};

use super::inbox::Inbox;
use super::options::{CLOSE_TIMEOUT, SockJsClientOptions};
use super::url::Urls;
use crate::sockjs::quote;
use crate::websockets::{ClientEvent, WebSocketClient};

/// The frames of SockJS in those of a WebSocket.
#[derive(Debug)]
pub(super) struct FramedClient {
    options: SockJsClientOptions,
    /// What the nonce and the masks of the WebSocket come from.
    seed: u64,
    target: String,
    codec: Option<WebSocketClient>,
    inbox: Inbox,
    /// Where frames are put together.
    scratch: Vec<u8>,
    /// When the client stops waiting for the server's answer to its goodbye.
    deadline: Option<Instant>,
    is_over: bool,
}

const LINK: Link = Link(0);

impl FramedClient {
    /// `seed` is for the WebSocket alone.
    pub(super) fn new(options: SockJsClientOptions, urls: Urls, seed: u64) -> Self {
        Self {
            inbox: Inbox::new(options.message_bytes_max),
            target: urls.receive,
            options,
            seed,
            codec: None,
            scratch: Vec::new(),
            deadline: None,
            is_over: false,
        }
    }

    pub(super) fn start(&mut self, out: &mut ClientOutputs) {
        let (host, seed) = (&self.options.host, self.seed);
        let bytes_max = self.inbox.frame_bytes_max();
        let mut handshake = Vec::new();
        match WebSocketClient::connect(host, &self.target, bytes_max, seed, &mut handshake) {
            Ok(codec) => {
                self.codec = Some(codec);
                out.connect(LINK);
                out.write(LINK, |out| out.append(&mut handshake));
            }
            Err(_) => {
                self.is_over = true;
                out.ended(End::Violation("host or target can't stand in a request"));
            }
        }
    }

    pub(super) fn receive(&mut self, input: &mut Input<'_>, out: &mut ClientOutputs) {
        while !self.is_over
            && let Some(codec) = &mut self.codec
        {
            self.scratch.clear();
            let event = codec.receive(input, &mut self.scratch);
            if !self.scratch.is_empty() {
                out.write(LINK, |out| out.append(&mut self.scratch));
            }
            let end = match event {
                None => return,
                Some(ClientEvent::Session(Event::Message { mut payload, .. })) => {
                    self.inbox.frame(&mut payload, out)
                }
                Some(ClientEvent::Open | ClientEvent::Session(Event::Alive)) => None,
                Some(ClientEvent::Session(Event::Ended(end))) => Some(end),
                Some(ClientEvent::Refused(_)) => Some(End::Violation("the server refused")),
            };
            if let Some(end) = end {
                self.end(end, out);
                out.close(LINK);
            }
        }
        input.take_all();
    }

    pub(super) fn lost(&mut self, out: &mut ClientOutputs) {
        let end = match self.deadline {
            Some(_) => End::Goodbye,
            None => End::Violation("the connection broke"),
        };
        self.end(end, out);
    }

    pub(super) fn send(&mut self, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        let Some(codec) = &mut self.codec else {
            return;
        };
        if self.is_over || self.deadline.is_some() {
            return;
        }
        self.scratch.clear();
        self.scratch.push(b'[');
        quote::quote(&quote::text(kind, payload), &mut self.scratch);
        self.scratch.push(b']');
        out.write(LINK, |out| codec.send(Kind::Text, &self.scratch, out));
    }

    pub(super) fn close(&mut self, now: Instant, out: &mut ClientOutputs) {
        match &mut self.codec {
            _ if self.is_over || self.deadline.is_some() => {}
            Some(codec) if self.inbox.is_open() => {
                out.write(LINK, |out| codec.close(out));
                self.deadline = Some(now + CLOSE_TIMEOUT);
            }
            Some(_) => {
                self.end(End::Goodbye, out);
                out.close(LINK);
            }
            None => self.end(End::Goodbye, out),
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn expired(&mut self, out: &mut ClientOutputs) {
        if self.deadline.is_some() {
            self.end(End::Goodbye, out);
            out.close(LINK);
        }
    }

    fn end(&mut self, end: End, out: &mut ClientOutputs) {
        self.deadline = None;
        if !std::mem::replace(&mut self.is_over, true) {
            out.ended(end);
        }
    }
}
