//! The WebSocket: as a probe, and as the transport.

use allspark_protocol::transformer::{ClientOutputs, End, Event, Kind};
use allspark_protocol::{Input, Instant};

use super::super::base64;
use super::{EngineIoClient, MISUSED, SOCKET, Stage, State};
use crate::websockets::{ClientEvent, WebSocketClient};

const REFUSED: &str = "the server does not open a WebSocket here";
const LOST_EARLY: &str = "the connection could not be opened";

impl EngineIoClient {
    pub(super) fn connect_socket(&mut self, out: &mut ClientOutputs) {
        let target = self.target("websocket");
        let seed = self.chance.number();
        let bytes_max = self.options.message_bytes_max.saturating_add(1);
        let mut request = Vec::new();
        let host = &self.options.host;
        match WebSocketClient::connect(host, &target, bytes_max, seed, &mut request) {
            Ok(socket) => {
                self.socket = Some(Box::new(socket));
                out.connect(SOCKET);
                out.write(SOCKET, |out| out.extend_from_slice(&request));
            }
            Err(_) => self.end(End::Violation(MISUSED), out),
        }
    }

    pub(super) fn receive_socket(
        &mut self,
        now: Instant,
        input: &mut Input<'_>,
        out: &mut ClientOutputs,
    ) {
        while let Some(socket) = &mut self.socket {
            let Some(event) = out.write(SOCKET, |out| socket.receive(input, out)) else {
                return;
            };
            match event {
                ClientEvent::Open => self.socket_opened(out),
                ClientEvent::Refused(_) => self.socket_failed(End::Violation(REFUSED), out),
                ClientEvent::Session(Event::Message { kind, payload }) => {
                    self.socket_message(now, kind, &payload, out);
                }
                ClientEvent::Session(Event::Ended(end)) => self.socket_failed(end, out),
                ClientEvent::Session(Event::Alive) => {}
            }
        }
    }

    fn socket_opened(&mut self, out: &mut ClientOutputs) {
        if self.stage == Stage::Probing {
            self.say(b"2probe", out);
        }
    }

    fn socket_message(
        &mut self,
        now: Instant,
        kind: Kind,
        payload: &[u8],
        out: &mut ClientOutputs,
    ) {
        match (self.stage, kind, payload) {
            (Stage::WebSocket, Kind::Text, [b'4', text @ ..]) if self.state != State::Opening => {
                out.message(Kind::Text, text);
            }
            (Stage::WebSocket, Kind::Text, packet) => self.take_text(now, packet, out),
            (Stage::WebSocket, Kind::Binary, bytes) if self.state != State::Opening => {
                out.message(Kind::Binary, bytes);
            }
            (Stage::WebSocket, ..) => {
                self.end(End::Violation(super::handshake::NOT_OPENED), out);
            }
            (Stage::Probing, Kind::Text, b"3probe") => {
                self.stage = Stage::Pausing;
                self.take_over(out);
            }
            _ => self.drop_probe(out),
        }
    }

    /// The WebSocket takes over, if no request is under way.
    pub(super) fn take_over(&mut self, out: &mut ClientOutputs) {
        if self.poll.is_none() && self.post.is_none() {
            self.say(b"5", out);
            self.stage = Stage::WebSocket;
            self.agent.close(out);
            self.flush(out);
        }
    }

    /// Sends what waited for the WebSocket, and then the goodbye.
    pub(super) fn flush_by_socket(&mut self, out: &mut ClientOutputs) {
        while let Some(mut packet) = self.outbox.pop_front() {
            match packet.split_first_mut() {
                Some((b'b', text)) => {
                    let length = base64::decode_in_place(text);
                    self.write_socket(Kind::Binary, &text[..length], out);
                }
                _ => self.say(&packet, out),
            }
        }
        if self.state == State::Closing
            && let Some(socket) = &mut self.socket
        {
            self.state = State::SaidGoodbye;
            out.write(SOCKET, |out| socket.close(out));
        }
    }

    pub(super) fn send_by_socket(&mut self, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        match kind {
            Kind::Binary => self.write_socket(Kind::Binary, payload, out),
            Kind::Text => {
                let mut packet = std::mem::take(&mut self.scratch);
                packet.clear();
                packet.push(b'4');
                packet.extend_from_slice(payload);
                self.say(&packet, out);
                self.scratch = packet;
            }
        }
    }

    /// The WebSocket has failed: a probe is given up, a transport is over.
    fn socket_failed(&mut self, end: End, out: &mut ClientOutputs) {
        match self.stage {
            Stage::WebSocket => self.end(end, out),
            Stage::Polling | Stage::Probing | Stage::Pausing => self.close_probe(out),
        }
    }

    /// The link of the WebSocket is gone.
    pub(super) fn lost_socket(&mut self, out: &mut ClientOutputs) {
        self.socket = None;
        match (self.stage, self.state) {
            (Stage::WebSocket, State::Opening) => self.end(End::Violation(LOST_EARLY), out),
            (Stage::WebSocket, _) => self.end(End::Goodbye, out),
            _ => self.poll_on(out),
        }
    }

    /// Gives up the probe, as the protocol has it.
    pub(super) fn drop_probe(&mut self, out: &mut ClientOutputs) {
        if let Some(socket) = &mut self.socket {
            out.write(SOCKET, |out| socket.close(out));
        }
        self.close_probe(out);
    }

    fn close_probe(&mut self, out: &mut ClientOutputs) {
        if self.socket.take().is_some() {
            out.close(SOCKET);
        }
        self.poll_on(out);
    }

    /// There is no WebSocket any more: the session polls on.
    fn poll_on(&mut self, out: &mut ClientOutputs) {
        let has_paused = self.stage == Stage::Pausing;
        self.stage = Stage::Polling;
        if has_paused && self.state != State::Ended {
            if self.poll.is_none() {
                self.send_poll(out);
            }
            self.flush(out);
        }
    }

    /// Sends a packet as a frame of text.
    fn say(&mut self, packet: &[u8], out: &mut ClientOutputs) {
        self.write_socket(Kind::Text, packet, out);
    }

    fn write_socket(&mut self, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        if let Some(socket) = &mut self.socket {
            out.write(SOCKET, |out| socket.send(kind, payload, out));
        }
    }
}
