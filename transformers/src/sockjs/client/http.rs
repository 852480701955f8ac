//! The client half over HTTP: one request receives at a time, and one sends.

use std::collections::VecDeque;

use allspark_protocol::limits::SOCKJS_FRAME_BYTES_MAX;
use allspark_protocol::transformer::{ClientOutputs, End, Kind, Link};
use allspark_protocol::{Input, Instant};

use super::inbox::Inbox;
use super::lines::Lines;
use super::options::{CLOSE_TIMEOUT, SockJsClientOptions, SockJsTransport};
use super::url::Urls;
use crate::agent::{Agent, Part, RequestId};
use crate::sockjs::quote;

/// The client half of all transports but WebSocket.
#[derive(Debug)]
pub(super) struct HttpClient {
    transport: SockJsTransport,
    urls: Urls,
    agent: Agent,
    inbox: Inbox,
    lines: Lines,
    receiving: Option<RequestId>,
    sending: Option<RequestId>,
    /// Messages, quoted, that wait for the request before them to end.
    waiting: VecDeque<Vec<u8>>,
    /// When a client that closes gives up sending what waits.
    deadline: Option<Instant>,
    is_over: bool,
}

/// Bytes of messages after which a body ends. It is well below what servers take by default.
const BODY_BYTES_MAX: usize = SOCKJS_FRAME_BYTES_MAX / 4;

const MISUSE: End = End::Violation("host or target can't stand in a request");

impl HttpClient {
    pub(super) fn new(options: SockJsClientOptions, urls: Urls) -> Self {
        let inbox = Inbox::new(options.message_bytes_max);
        Self {
            transport: options.transport,
            urls,
            agent: Agent::new(&options.host).never_again(),
            lines: Lines::new(options.transport, inbox.frame_bytes_max()),
            inbox,
            receiving: None,
            sending: None,
            waiting: VecDeque::new(),
            deadline: None,
            is_over: false,
        }
    }

    pub(super) fn start(&mut self, out: &mut ClientOutputs) {
        self.ask(out);
    }

    pub(super) fn receive(&mut self, link: Link, input: &mut Input<'_>, out: &mut ClientOutputs) {
        while let Some((id, part)) = self.agent.receive(link, input, out) {
            let step = match part {
                Part::Head(head) => Step::Head(head.status()),
                Part::Data(data) if self.receiving == Some(id) => match self.lines.push(data) {
                    Ok(()) => Step::Frames,
                    Err(_) => Step::Failed("a frame of the server is too large"),
                },
                // Nobody reads what follows the status of an answer to messages.
                Part::Data(_) => continue,
                Part::End => Step::End,
                Part::Failed(reason) => Step::Failed(reason),
            };
            self.step(id, step, out);
        }
    }

    pub(super) fn lost(&mut self, link: Link, out: &mut ClientOutputs) {
        match self.agent.lost(link, out) {
            Some((id, Part::Failed(reason))) => self.step(id, Step::Failed(reason), out),
            Some((id, _)) => self.step(id, Step::End, out),
            None => {}
        }
    }

    pub(super) fn send(&mut self, kind: Kind, payload: &[u8], out: &mut ClientOutputs) {
        if self.is_over || self.deadline.is_some() {
            return;
        }
        let mut message = Vec::new();
        quote::quote(&quote::text(kind, payload), &mut message);
        self.waiting.push_back(message);
        self.send_waiting(out);
    }

    pub(super) fn close(&mut self, now: Instant, out: &mut ClientOutputs) {
        if self.deadline.is_none() && !self.is_over {
            self.deadline = Some(now + CLOSE_TIMEOUT);
            self.end_if_all_is_sent(out);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn expired(&mut self, out: &mut ClientOutputs) {
        if self.deadline.is_some() {
            self.end(End::Goodbye, out);
        }
    }

    fn step(&mut self, id: RequestId, step: Step, out: &mut ClientOutputs) {
        let is_receiving = self.receiving == Some(id);
        match step {
            _ if self.is_over => {}
            Step::Head(200) => {}
            Step::Head(204) if !is_receiving => {}
            Step::Head(_) => self.end(End::Violation("the server refused a request"), out),
            Step::Frames => self.read_frames(out),
            Step::End if is_receiving => {
                self.receiving = None;
                match self.lines.frames() {
                    // A client that asked again at once would do so for ever.
                    0 => self.end(End::Violation("the server answered without a frame"), out),
                    _ => self.ask(out),
                }
            }
            Step::End => {
                self.sending = None;
                self.send_waiting(out);
                self.end_if_all_is_sent(out);
            }
            Step::Failed(reason) => self.end(End::Violation(reason), out),
        }
    }

    fn read_frames(&mut self, out: &mut ClientOutputs) {
        while let Some(frame) = self.lines.next() {
            if let Some(end) = self.inbox.frame(frame, out) {
                return self.end(end, out);
            }
        }
    }

    /// Makes the request that receives.
    fn ask(&mut self, out: &mut ClientOutputs) {
        self.lines.begin();
        let url = &self.urls.receive;
        let request = match self.transport {
            SockJsTransport::XhrPolling | SockJsTransport::XhrStreaming => {
                self.agent.request("POST", url, &[], Some(b""), out)
            }
            _ => self.agent.request("GET", url, &[], None, out),
        };
        match request {
            Ok(id) => self.receiving = Some(id),
            Err(_) => self.end(MISUSE, out),
        }
    }

    /// Sends what waits, if no other request sends.
    fn send_waiting(&mut self, out: &mut ClientOutputs) {
        if self.sending.is_some() || self.waiting.is_empty() {
            return;
        }
        let messages = self.take_waiting();
        let url = &self.urls.send;
        let request = if self.transport == SockJsTransport::JsonpPolling {
            let header = ("Content-Type", "application/x-www-form-urlencoded");
            let body = form(&messages);
            self.agent.request("POST", url, &[header], Some(&body), out)
        } else {
            let header = ("Content-Type", "text/plain");
            self.agent
                .request("POST", url, &[header], Some(&messages), out)
        };
        match request {
            Ok(id) => self.sending = Some(id),
            Err(_) => self.end(MISUSE, out),
        }
    }

    /// Joins what waits to an array, or as much of it as one body should hold.
    fn take_waiting(&mut self) -> Vec<u8> {
        let mut array = vec![b'['];
        while array.len() < BODY_BYTES_MAX
            && let Some(message) = self.waiting.pop_front()
        {
            if array.len() > 1 {
                array.push(b',');
            }
            array.extend_from_slice(&message);
        }
        array.push(b']');
        array
    }

    fn end_if_all_is_sent(&mut self, out: &mut ClientOutputs) {
        if self.deadline.is_some() && self.sending.is_none() {
            self.end(End::Goodbye, out);
        }
    }

    /// The server learns of the end when the request that receives ends.
    fn end(&mut self, end: End, out: &mut ClientOutputs) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.deadline = None;
        self.waiting.clear();
        out.ended(end);
        for id in [self.receiving.take(), self.sending.take()]
            .into_iter()
            .flatten()
        {
            self.agent.abort(id, out);
        }
        self.agent.close(out);
    }
}

/// What a part of an answer means.
enum Step {
    Head(u16),
    Frames,
    End,
    Failed(&'static str),
}

/// A form with the field `d`.
fn form(value: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut form = b"d=".to_vec();
    for byte in value {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                form.push(*byte);
            }
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 0xf));
                form.extend_from_slice(&[b'%', DIGITS[high], DIGITS[low]]);
            }
        }
    }
    form
}
