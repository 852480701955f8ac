//! The current connection and those that say goodbye: how they are called, and what they tell.

use allspark_protocol::Instant;
use allspark_protocol::http::Misuse;
use allspark_protocol::limits::CLIENT_GOODBYES_MAX;
use allspark_protocol::parser::Parser;
use allspark_protocol::primus::Packet;
use allspark_protocol::transformer::{ClientOutputs, ClientTransport, Kind, Link};
use allspark_transformers::{ClientCommonOptions, Speech};

use super::connection::{Connection, Told};
use super::{Client, ClientError, Outputs, ReadyState};

impl Client {
    /// Begins a connection in place of the one that there may be (`outgoing::open`).
    pub(super) fn connect(&mut self, now: Instant, out: &mut Outputs) {
        self.set_ready_state(ReadyState::Opening, out);
        self.leave(now, out);
        self.is_dismissed = false;
        match self.half() {
            Ok(half) => {
                self.connection = Some(Connection::new(half));
                self.call(now, out, |half, out| half.start(now, out));
            }
            Err(misuse) => self.connection_failed(now, ClientError::Misuse(misuse), out),
        }
    }

    /// Calls the client half of the current connection, if there is one, and hears what it tells.
    pub(super) fn call(
        &mut self,
        now: Instant,
        out: &mut Outputs,
        call: impl FnOnce(&mut dyn ClientTransport, &mut ClientOutputs),
    ) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let mut numbers = self.numbers;
        let end = connection.call(&mut numbers, out, call, |told, out| match told {
            Told::Open => self.opened(now, out),
            Told::Message(kind, payload) => self.received(now, kind, payload, out),
        });
        self.numbers = numbers;
        match end {
            None => self.connection = Some(connection),
            Some(end) => self.connection_ended(now, end, out),
        }
    }

    /// Leaves the current connection, if there is one, to say goodbye: nothing more is heard of it
    /// (`outgoing::end`).
    pub(super) fn leave(&mut self, now: Instant, out: &mut Outputs) {
        self.pongs.clear();
        self.ping_timeout.stop();
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        let close = |half: &mut dyn ClientTransport, out: &mut ClientOutputs| half.close(now, out);
        let end = connection.call(&mut self.numbers, out, close, |_, _| {});
        if end.is_none() {
            self.leaving.push(connection);
            if self.leaving.len() > CLIENT_GOODBYES_MAX {
                self.leaving.remove(0).close_all(out);
            }
        }
    }

    /// Which of the connections that say goodbye has this link, and what it calls it. If there is
    /// none, the link is one that was closed, and what happens to it is of no interest.
    pub(super) fn leaving_link(&self, link: Link) -> Option<(usize, Link)> {
        let mut leaving = self.leaving.iter().enumerate();
        leaving.find_map(|(index, one)| Some((index, one.link(link)?)))
    }

    /// Calls the client half of a connection that says goodbye. Only its end is of interest.
    pub(super) fn call_leaving(
        &mut self,
        index: usize,
        out: &mut Outputs,
        call: impl FnOnce(&mut dyn ClientTransport, &mut ClientOutputs),
    ) {
        let end = self.leaving[index].call(&mut self.numbers, out, call, |_, _| {});
        if end.is_some() {
            self.leaving.remove(index);
        }
    }

    /// Calls every client half whose goodbye has a deadline that is over.
    pub(super) fn expire_leaving(&mut self, now: Instant, out: &mut Outputs) {
        for index in (0..self.leaving.len()).rev() {
            if self.leaving[index]
                .deadline()
                .is_some_and(|deadline| deadline <= now)
            {
                self.call_leaving(index, out, |half, out| half.expired(now, out));
            }
        }
        self.leaving.shrink_to(0);
    }

    pub(super) fn expire_connection(&mut self, now: Instant, out: &mut Outputs) {
        let deadline = self.connection.as_ref().and_then(Connection::deadline);
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.call(now, out, |half, out| half.expired(now, out));
        }
    }

    /// What the current connection calls a link of its own.
    pub(super) fn current_link(&self, link: Link) -> Option<Link> {
        self.connection.as_ref()?.link(link)
    }

    /// Sends an encoded message, or lets it wait for a connection (`_write`).
    pub(super) fn send(&mut self, now: Instant, kind: Kind, payload: &[u8], out: &mut Outputs) {
        if self.ready_state == ReadyState::Open {
            self.call(now, out, |half, out| half.send(now, kind, payload, out));
        } else {
            self.queue.push(kind, payload, self.options.queue_size);
        }
    }

    /// Sends a message of the protocol, or lets it wait for a connection.
    pub(super) fn send_packet(&mut self, now: Instant, packet: &Packet<'_>, out: &mut Outputs) {
        let (mut text, mut encoded) = (String::new(), Vec::new());
        packet.write(&mut text);
        let kind = self.options.parser.encode_str(&text, &mut encoded);
        self.send(now, kind, &encoded, out);
    }

    /// Sends what the last calls of the client half gave reason to: it must not be called while
    /// what it told is not dealt with.
    pub(super) fn settle(&mut self, now: Instant, out: &mut Outputs) {
        for value in std::mem::take(&mut self.pongs) {
            self.send_packet(now, &Packet::Pong(&value), out);
        }
        while self.ready_state == ReadyState::Open
            && let Some((kind, payload)) = self.queue.pop()
        {
            self.send(now, kind, &payload, out);
        }
    }

    /// The client half of a new connection.
    fn half(&mut self) -> Result<Box<dyn ClientTransport>, Misuse> {
        let target = self.target();
        let common = ClientCommonOptions {
            host: &self.options.host,
            target: &target,
            message_bytes_max: self.options.message_bytes_max,
        };
        self.options.speech.half(&common, self.random.next())
    }

    /// The target with `_primuscb`, which keeps browsers from answering out of their cache. As in
    /// Primus browserchannel goes without.
    fn target(&mut self) -> String {
        let target = &self.options.target;
        if matches!(self.options.speech, Speech::BrowserChannel { .. }) {
            return target.clone();
        }
        let joint = match target.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        format!("{target}{joint}_primuscb={:x}", self.random.next())
    }
}
