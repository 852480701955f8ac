//! Answers whose bodies are sent as they come. A body is pulled when everything that was sent
//! before is submitted and the kernel has not refused any of it, so that one part of it waits at
//! most. A client that reads too slowly is ended as any other (`net/slow.rs`). The source of the
//! body may take as long as it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};

use allspark_protocol::http::{BodyFraming, RequestHead, Response};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::owner::{Answerer, Owner};
use crate::app::host::{Command, Server};
use crate::http::{Asked, Pass, Streamed};
use crate::limits::{BODIES_PER_TURN, BODY_PART_BYTES};
use crate::memory::Key;
use crate::routes::{Body, Pulled};

/// Has the body on a connection pulled again, from any thread.
struct Puller {
    server: Arc<Server>,
    shard: u16,
    connection: Key,
    ticket: u64,
    /// The shard was told to pull, and has not done so since.
    told: Arc<AtomicBool>,
}

impl Wake for Puller {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.told.swap(true, Ordering::SeqCst) {
            let (connection, ticket) = (self.connection, self.ticket);
            let command = Command::Pull { connection, ticket };
            self.server.mesh.send(self.shard, command);
        }
    }
}

/// A waker that has the body on a connection pulled again, and what it sets.
pub(super) fn puller(
    server: &Arc<Server>,
    shard: u16,
    connection: Key,
    ticket: u64,
) -> (Waker, Arc<AtomicBool>) {
    let told = Arc::<AtomicBool>::default();
    let waker = Waker::from(Arc::new(Puller {
        server: Arc::clone(server),
        shard,
        connection,
        ticket,
        told: Arc::clone(&told),
    }));
    (waker, told)
}

impl<T: Transformer> Core<T> {
    /// Begins an answer whose body comes as it is pulled.
    pub(super) fn begin_body(
        &mut self,
        key: Key,
        head: &RequestHead<'_>,
        pass: Pass,
        response: Response,
        body: Body,
    ) {
        self.await_ticket(key, head, pass, None);
        self.begin_parked_body(key, response, body);
    }

    /// The same for a connection that waits for its answer.
    pub(super) fn begin_parked_body(&mut self, key: Key, response: Response, body: Body) {
        let is_closing = self.destroying.closes();
        let cors = &self.options.cors;
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return;
        };
        let Answerer::Ticket(ticket) = request.by else {
            return;
        };
        let Asked {
            keep_alive,
            head_only,
            minor_version,
            ..
        } = request.parked.asked;
        let keep_alive = keep_alive && !is_closing;
        let response = request.parked.pass.complete(cors, response);
        let framing = response.framing(minor_version, head_only);
        let left = match framing {
            BodyFraming::Length(length) => {
                Some(length.saturating_sub(response.body_bytes().len() as u64))
            }
            _ => None,
        };
        let waker = puller(&self.server, self.shard, key, ticket);
        request.parked.body = Some(framing);
        request.parked.source = Some(Box::new(Streamed::new(body, waker, left)));
        self.net.note_request(key, false);
        self.note_answer_begun(key, &response);
        let response = response.at(self.door.date(self.clock.unix_ms));
        self.write_frame(key, |out| {
            response.encode_begin(out, framing, keep_alive);
        });
        if framing.is_bodiless() {
            // Nobody asks for the body, and whoever has it learns that by its end.
            self.answered(key, keep_alive);
        } else {
            self.queue_body(key);
        }
    }

    /// Somebody answers with a ticket, and the body comes as it is pulled.
    pub(super) fn begin_ticket_body(
        &mut self,
        key: Key,
        ticket: u64,
        response: Response,
        body: Body,
    ) {
        if self.awaits_ticket(key, ticket) {
            self.begin_parked_body(key, response, body);
        }
    }

    /// The source of the body that is being sent on a connection.
    fn source(&mut self, key: Key) -> Option<&mut Streamed> {
        self.net.get(key)?;
        match &mut self.net.connection_mut(key).owner {
            Owner::Request(request) => request.parked.source.as_deref_mut(),
            _ => None,
        }
    }

    /// The body on a connection is pulled soon, if there is one.
    pub(super) fn queue_body(&mut self, key: Key) {
        if let Some(source) = self.source(key)
            && !std::mem::replace(&mut source.is_queued, true)
        {
            self.bodies.push_back(key);
        }
    }

    /// The source of a body says that there is more of it, or who takes what the peer sends says
    /// that there is room.
    pub(super) fn pull_again(&mut self, key: Key, ticket: u64) {
        let owner = self.net.get(key).map(|connection| &connection.owner);
        if let Some(Owner::Request(request)) = owner
            && request.by == Answerer::Ticket(ticket)
        {
            self.queue_body(key);
            self.look_at_upload(key);
            self.charge(key);
        }
    }

    /// Pulls bodies. They take turns, so that none of them waits for the whole of another.
    pub(super) fn pull_bodies(&mut self) {
        for _ in 0..self.bodies.len().min(BODIES_PER_TURN) {
            if let Some(key) = self.bodies.pop_front() {
                self.pull_body(key);
                self.settle();
            }
        }
    }

    fn pull_body(&mut self, key: Key) {
        if let Some(source) = self.source(key) {
            source.is_queued = false;
        }
        // If something is still to be sent, the body is pulled after that.
        if !self
            .net
            .get(key)
            .is_some_and(|connection| connection.is_free())
        {
            return;
        }
        let Some(source) = self.source(key) else {
            return;
        };
        let mut part = Vec::new();
        let pulled = source.pull(BODY_PART_BYTES, &mut part);
        let framing = match &self.net.connection(key).owner {
            Owner::Request(request) => request.parked.body,
            _ => None,
        };
        if let Some(framing) = framing
            && !part.is_empty()
        {
            self.note_answer_part(key, part.len());
            self.write_frame(key, |out| framing.push(out, &part));
        }
        match pulled {
            Ok(Poll::Ready(Pulled::More)) if part.is_empty() => self.queue_body(key),
            Ok(Poll::Ready(Pulled::More) | Poll::Pending) => {}
            Ok(Poll::Ready(Pulled::End)) => self.end_body(key),
            Ok(Poll::Ready(Pulled::Broken)) => self.finish(key),
            Err(panicked) => {
                self.tell_panic(
                    &panicked,
                    "the body of an answer panicked; its client is closed",
                );
                self.finish(key);
            }
        }
    }

    fn end_body(&mut self, key: Key) {
        let is_closing = self.destroying.closes();
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return;
        };
        request.parked.source = None;
        let Some(framing) = request.parked.body else {
            return;
        };
        let keep_alive = request.parked.asked.keep_alive && !framing.ends_with_connection();
        self.write_frame(key, |out| framing.end(out));
        self.answered(key, keep_alive && !is_closing);
    }
}
