//! Bodies of requests that a route takes as they come, and connections that a route has upgraded.
//! What is taken more slowly than it comes waits, within a bound; then the peer is not listened to
//! until something was taken. It is taken through the channel that bodies of answers go through, so
//! the shard waits for nobody.

use std::cell::Cell;

use allspark_protocol::Input;
use allspark_protocol::http::{BodyFraming, Error as HttpError, Reader, Response};
use allspark_protocol::transformer::Transformer;

use super::bodies::puller;
use super::core::Core;
use super::owner::{Answerer, Owner};
use crate::http::{Full, Pass, Streamed, Upload};
use crate::limits::{PENDING_BYTES_HIGHEST, UPLOAD_COST_MAX};
use crate::memory::Key;
use crate::net::Flags;
use crate::routes::{Body, BodySender, Reply, body_channel};

/// What may wait of what a peer sends. Beyond that it has sent more than was under way when it was
/// no longer listened to.
const COST_HIGHEST: usize = UPLOAD_COST_MAX + PENDING_BYTES_HIGHEST;

impl<T: Transformer> Core<T> {
    /// Has a route answer a request whose head is in the reader, and whose body it takes as it
    /// comes.
    pub(super) fn begin_upload(&mut self, key: Key, reader: &mut Reader) {
        if let Some(bytes_max) = self.upload_bytes_max(key, reader)
            && let Err(error) = reader.limit_body(bytes_max)
        {
            return self.refuse(key, error);
        }
        let Some(head) = reader.begun() else {
            return;
        };
        let Some(route) = self.route_of(key, &head) else {
            return;
        };
        let bytes_max = route.body_bytes_max();
        let (sender, receiver) = body_channel(UPLOAD_COST_MAX);
        let receiver = Cell::new(Some(receiver));
        let (reply, owed) = self.ask_route(key, &head, |from, later| match receiver.take() {
            Some(receiver) => route.call_streamed(&head, receiver, from, later),
            None => Response::new(500).into(),
        });
        let (begun, owed) = match reply {
            Reply::Now(response) => return self.respond_last(key, &head, &response),
            Reply::Later => (None, owed),
            Reply::Stream(response, body) => (Some((response, body)), None),
        };
        self.await_ticket(key, &head, Pass::default(), owed);
        self.attach_upload(key, reader, sender, bytes_max);
        if let Some((response, body)) = begun {
            self.begin_parked_body(key, response, body);
        }
    }

    /// The bound of a body whose request has begun.
    fn upload_bytes_max(&self, key: Key, reader: &Reader) -> Option<usize> {
        let head = reader.begun()?;
        Some(self.route_of(key, &head)?.body_bytes_max())
    }

    /// What comes on a connection is handed on.
    fn attach_upload(
        &mut self,
        key: Key,
        reader: &mut Reader,
        sender: BodySender,
        bytes_max: usize,
    ) {
        let (so_far, is_awaited) = (reader.begin_pieces(), reader.take_continue());
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return;
        };
        let Answerer::Ticket(ticket) = request.by else {
            return;
        };
        let waker = puller(&self.server, self.shard, key, ticket);
        let mut upload = Upload::body(sender, waker, bytes_max);
        let handed_on = upload.hand_on(so_far);
        request.parked.reader = std::mem::replace(reader, Reader::new(0));
        request.parked.upload = Some(Box::new(upload));
        if let Err(error) = handed_on {
            return self.break_upload(key, error);
        }
        if is_awaited {
            self.write_frame(key, |out| {
                Response::new(100).encode(out, true, false);
            });
        }
        let timeout_ms = self.options.request_timeout_ms.get();
        self.net.set_idle_timer_ms(key, timeout_ms);
        self.look_at_upload(key);
    }

    /// Whether what comes on a connection is handed on.
    pub(super) fn has_upload(&self, key: Key) -> bool {
        match self.net.get(key).map(|connection| &connection.owner) {
            Some(Owner::Request(request)) => request.parked.upload.is_some(),
            _ => false,
        }
    }

    /// Whether it is a body.
    pub(super) fn takes_body(&self, key: Key) -> bool {
        match self.net.get(key).map(|connection| &connection.owner) {
            Some(Owner::Request(request)) => request.parked.takes_body(),
            _ => false,
        }
    }

    /// Hands on what came. Returns what lies behind the end of it.
    pub(super) fn take_upload<'b>(&mut self, key: Key, bytes: &'b mut [u8]) -> &'b mut [u8] {
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return bytes;
        };
        let (upload, reader) = (&mut request.parked.upload, &mut request.parked.reader);
        let Some(taking) = upload else {
            return bytes;
        };
        let mut input = Input::new(bytes);
        match taking.take(reader, &mut input) {
            Ok(false) => self.look_at_upload(key),
            Ok(true) => {
                if let Some(upload) = upload.take() {
                    upload.finish();
                }
                self.net.let_go(key, Flags::BEHIND);
                self.net.cancel_idle_timer(key);
                return input.take_all();
            }
            Err(error) => self.break_upload(key, error),
        }
        &mut []
    }

    /// A body can't be taken any further.
    fn break_upload(&mut self, key: Key, error: HttpError) {
        match &self.net.connection(key).owner {
            Owner::Request(request) if request.parked.body.is_none() => self.refuse(key, error),
            _ => self.close(key),
        }
    }

    /// Listens to a peer, or does not, by how much of what it sent was taken.
    pub(super) fn look_at_upload(&mut self, key: Key) {
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return;
        };
        let Some(upload) = &mut request.parked.upload else {
            return;
        };
        match upload.look(COST_HIGHEST) {
            Full::No => self.net.let_go(key, Flags::BEHIND),
            Full::Yes => self.net.hold(key, Flags::BEHIND),
            Full::Over => {
                self.counters().connections_overrun.add(1);
                self.close(key);
            }
        }
    }

    /// Somebody grants the upgrade that the request on a connection asks for.
    pub(super) fn upgrade_ticket(
        &mut self,
        key: Key,
        ticket: u64,
        response: &Response,
        body: Body,
        client: BodySender,
    ) {
        if !self.awaits_ticket(key, ticket) {
            return;
        }
        let waker = || puller(&self.server, self.shard, key, ticket);
        let (of_body, of_client) = (waker(), waker());
        let cors = &self.options.cors;
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return;
        };
        let parked = &mut request.parked;
        let is_possible = parked.asked.is_upgrade && parked.upload.is_none();
        if !is_possible || response.status() != 101 {
            let response = Response::text(500, "Internal Server Error\n");
            return self.answer_ticket(key, ticket, response);
        }
        let response = parked.pass.complete(cors, response.clone());
        parked.body = Some(BodyFraming::UntilClose);
        parked.source = Some(Box::new(Streamed::new(body, of_body, None)));
        parked.upload = Some(Box::new(Upload::bytes(client, of_client)));
        let mut pending = std::mem::take(&mut parked.pending);
        self.net.note_request(key, false);
        self.write_response(key, &response, true, false);
        self.net.let_go(key, Flags::BEHIND);
        self.keep_behind(key, &mut pending);
        self.queue_body(key);
        self.charge(key);
    }

    /// The peer of an upgraded connection sends nothing more, but may go on reading. Returns
    /// whether that is what the connection is.
    pub(super) fn end_upgraded_input(&mut self, key: Key) -> bool {
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return false;
        };
        let is_upgraded = |upload: &mut Box<Upload>| !upload.is_body();
        match request.parked.upload.take_if(is_upgraded) {
            Some(upload) => upload.finish(),
            None => return false,
        }
        true
    }
}
