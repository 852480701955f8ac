//! Requests and their answers.

use allspark_protocol::transformer::{ClientOutputs, End, Link};
use allspark_protocol::{Input, Instant};

use super::super::base64;
use super::super::packet::SEPARATOR;
use super::{EngineIoClient, MISUSED, Stage, State};
use crate::agent::{Part, RequestId};

const ACCEPT: (&str, &str) = ("Accept", "*/*");
const CONTENT_TYPE: (&str, &str) = ("Content-Type", "text/plain;charset=UTF-8");

const POLL_REFUSED: &str = "the server refused a poll";
const POST_REFUSED: &str = "the server refused what was sent";
const TOO_LONG: &str = "a message is longer than allowed";

/// A part of an answer, without what it borrows.
enum Progress {
    Status(u16),
    Data,
    End,
    Failed(&'static str),
}

impl From<&Part<'_>> for Progress {
    fn from(part: &Part<'_>) -> Self {
        match part {
            Part::Head(head) => Self::Status(head.status()),
            Part::Data(_) => Self::Data,
            Part::End => Self::End,
            Part::Failed(sentence) => Self::Failed(sentence),
        }
    }
}

impl EngineIoClient {
    pub(super) fn send_poll(&mut self, out: &mut ClientOutputs) {
        let target = self.target("polling");
        match self.agent.request("GET", &target, &[ACCEPT], None, out) {
            Ok(id) => self.poll = Some(id),
            Err(_) => self.end(End::Violation(MISUSED), out),
        }
    }

    /// Sends what waits, if nothing is under way; after that the goodbye.
    pub(super) fn flush_by_post(&mut self, out: &mut ClientOutputs) {
        if self.post.is_some() {
            return;
        }
        let mut body = self.next_body();
        if body.is_empty() {
            if self.state != State::Closing {
                return;
            }
            self.state = State::SaidGoodbye;
            body.push(b'1');
        }
        let target = self.target("polling");
        let headers = [CONTENT_TYPE, ACCEPT];
        match self
            .agent
            .request("POST", &target, &headers, Some(&body), out)
        {
            Ok(id) => self.post = Some(id),
            Err(_) => self.end(End::Violation(MISUSED), out),
        }
    }

    /// As many of the packets that wait as the server takes at once, but at least one.
    fn next_body(&mut self) -> Vec<u8> {
        let bytes_max = self.terms.payload_bytes_max.unwrap_or(usize::MAX);
        let mut body = self.outbox.pop_front().unwrap_or_default();
        while let Some(packet) =
            (self.outbox).pop_front_if(|packet| body.len() + 1 + packet.len() <= bytes_max)
        {
            body.push(SEPARATOR);
            body.extend_from_slice(&packet);
        }
        body
    }

    /// Consumes what a link of the agent received.
    pub(super) fn receive_answers(
        &mut self,
        now: Instant,
        link: Link,
        input: &mut Input<'_>,
        out: &mut ClientOutputs,
    ) {
        while let Some((id, part)) = self.agent.receive(link, input, out) {
            if let Part::Data(data) = &part
                && self.poll == Some(id)
            {
                self.body.extend_from_slice(data);
            }
            let progress = Progress::from(&part);
            self.progress(now, id, &progress, out);
        }
    }

    /// A link of the agent is gone.
    pub(super) fn lost_link(&mut self, now: Instant, link: Link, out: &mut ClientOutputs) {
        if let Some((id, part)) = self.agent.lost(link, out) {
            let progress = Progress::from(&part);
            self.progress(now, id, &progress, out);
        }
    }

    fn progress(
        &mut self,
        now: Instant,
        id: RequestId,
        progress: &Progress,
        out: &mut ClientOutputs,
    ) {
        if self.poll == Some(id) {
            self.poll_progress(now, progress, out);
        } else if self.post == Some(id) {
            self.post_progress(progress, out);
        }
    }

    fn poll_progress(&mut self, now: Instant, progress: &Progress, out: &mut ClientOutputs) {
        match progress {
            Progress::Status(200) => {}
            // After the goodbye the server may not know the session any more.
            Progress::Status(_) | Progress::Failed(_) if self.state == State::SaidGoodbye => {
                self.give_up_poll(out);
            }
            Progress::Status(_) => self.end(End::Violation(POLL_REFUSED), out),
            Progress::Failed(sentence) => self.end(End::Violation(sentence), out),
            Progress::Data => self.take_packets(now, false, out),
            Progress::End => {
                self.take_packets(now, true, out);
                self.poll = None;
                self.after_poll(out);
            }
        }
    }

    fn after_poll(&mut self, out: &mut ClientOutputs) {
        match (self.state, self.stage) {
            (State::Opening, _) => self.end(End::Violation(super::handshake::NOT_OPENED), out),
            (State::SaidGoodbye | State::Ended, _) | (_, Stage::WebSocket) => {}
            (_, Stage::Polling | Stage::Probing) => self.send_poll(out),
            (_, Stage::Pausing) => self.take_over(out),
        }
    }

    fn post_progress(&mut self, progress: &Progress, out: &mut ClientOutputs) {
        match progress {
            Progress::Status(200) | Progress::Data => {}
            Progress::Status(_) if self.state != State::SaidGoodbye => {
                self.end(End::Violation(POST_REFUSED), out);
            }
            Progress::Failed(sentence) if self.state != State::SaidGoodbye => {
                self.end(End::Violation(sentence), out);
            }
            _ if self.state == State::SaidGoodbye => self.end(End::Goodbye, out),
            _ => {
                self.post = None;
                match self.stage {
                    Stage::Pausing => self.take_over(out),
                    _ => self.flush(out),
                }
            }
        }
    }

    fn give_up_poll(&mut self, out: &mut ClientOutputs) {
        if let Some(id) = self.poll.take() {
            self.agent.abort(id, out);
        }
    }

    /// Handles the packets that are complete, and at the end the rest.
    fn take_packets(&mut self, now: Instant, is_end: bool, out: &mut ClientOutputs) {
        let mut body = std::mem::take(&mut self.body);
        let mut rest = &body[..];
        while let Some(at) = memchr::memchr(SEPARATOR, rest) {
            self.take_checked(now, &rest[..at], out);
            rest = &rest[at + 1..];
        }
        if is_end {
            self.take_checked(now, rest, out);
            return;
        }
        if rest.len() > self.packet_bytes_max(rest) {
            return self.end(End::Violation(TOO_LONG), out);
        }
        let taken = body.len() - rest.len();
        body.drain(..taken);
        if self.state != State::Ended {
            self.body = body;
        }
    }

    fn take_checked(&mut self, now: Instant, packet: &[u8], out: &mut ClientOutputs) {
        if self.state == State::Ended {
            return;
        }
        let violation = if packet.len() > self.packet_bytes_max(packet) {
            TOO_LONG
        } else if std::str::from_utf8(packet).is_err() {
            "a text is not UTF-8"
        } else {
            return self.take_text(now, packet, out);
        };
        self.end(End::Violation(violation), out);
    }

    /// Bytes that a packet with this beginning may have.
    fn packet_bytes_max(&self, packet: &[u8]) -> usize {
        let message_bytes_max = self.options.message_bytes_max;
        // The terms of a session are no message.
        const TERMS_BYTES_MAX: usize = 4096;
        let text_bytes = match packet.first() {
            Some(b'b') => base64::encoded_bytes(message_bytes_max),
            _ => message_bytes_max,
        };
        text_bytes.saturating_add(1).max(TERMS_BYTES_MAX)
    }
}
