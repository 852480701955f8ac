//! Requests that the application answers, now or later: those that are not for Primus, and those
//! that a route among the layers takes.

use std::cell::Cell;
use std::sync::Arc;

use allspark_protocol::http::{Request, RequestHead, Response};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::owner::{self, Answerer, Owner};
use crate::app::host::Command;
use crate::guard;
use crate::http::{Asked, Parked, Pass, Taken};
use crate::memory::Key;
use crate::purpose::Purpose;
use crate::routes::{Found, Present, Reply, Routes, Sender, Ticket, presence};

/// An answer that somebody owes.
pub(super) struct Owed {
    ticket: u64,
    /// Tells who owes it that nobody waits any more.
    present: Present,
}

impl<T: Transformer> Core<T> {
    /// Has the application answer a request: a route, or the fallback.
    pub(super) fn respond_elsewhere(&mut self, key: Key, request: &Request<'_>) {
        let head = &request.head;
        let reply = self.route_of(key, head).map(|route| {
            self.ask_route(key, head, |from, later| {
                route.call(head, &request.body, from, later)
            })
        });
        let reply = reply.unwrap_or_else(|| (self.fallback(key, head).into(), None));
        self.reply(key, head, Pass::default(), reply);
    }

    /// Has a route among the layers answer a request.
    pub(super) fn respond_taken(&mut self, key: Key, request: &Request<'_>, taken: Taken) {
        let (head, Taken { route, pass }) = (&request.head, taken);
        let reply = self.ask_route(key, head, |from, later| {
            route.call(head, &request.body, from, later)
        });
        self.reply(key, head, pass, reply);
    }

    fn reply(
        &mut self,
        key: Key,
        head: &RequestHead<'_>,
        pass: Pass,
        (reply, owed): (Reply, Option<Owed>),
    ) {
        match reply {
            Reply::Now(response) => {
                let response = pass.complete(&self.options.cors, response);
                self.respond(key, head, &response);
            }
            Reply::Later => self.await_ticket(key, head, pass, owed),
            Reply::Stream(response, body) => self.begin_body(key, head, pass, response, body),
        }
    }

    /// The answer of a route to a request, and the last ticket that it took.
    pub(super) fn ask_route(
        &self,
        key: Key,
        head: &RequestHead<'_>,
        call: impl FnOnce(Sender<'_>, &dyn Fn() -> Ticket) -> Reply,
    ) -> (Reply, Option<Owed>) {
        let peer = self.net.connection(key).peer;
        let options = &self.options;
        let client = options.client(head, peer).unwrap_or(peer);
        let known = self.introductions.of(key).map(|known| &**known);
        let from = Sender {
            client,
            peer,
            known,
        };
        let (shard, owed) = (self.shard, Cell::new(None));
        let later = || {
            let (server, ticket) = (Arc::clone(&self.server), self.new_ticket());
            let (present, client) = presence();
            owed.set(Some(Owed { ticket, present }));
            Ticket::new(client, move |said| {
                let command = Command::Answer {
                    connection: key,
                    ticket,
                    said: Box::new(said),
                };
                server.mesh.send(shard, command);
            })
        };
        let reply = guard::call(|| call(from, &later));
        let reply = reply.unwrap_or_else(|panicked| self.panicked_elsewhere(&panicked).into());
        (reply, owed.take())
    }

    /// A connection waits until somebody answers with the ticket. Without one it waits for the
    /// shard itself, which goes on at once.
    pub(super) fn await_ticket(
        &mut self,
        key: Key,
        head: &RequestHead<'_>,
        pass: Pass,
        owed: Option<Owed>,
    ) {
        let (ticket, present) = match owed {
            Some(Owed { ticket, present }) => (ticket, Some(present)),
            None => (self.new_ticket(), None),
        };
        let by = Answerer::Ticket(ticket);
        let parked = Parked::new(head, pass);
        let request = owner::Request {
            by,
            parked,
            present,
        };
        self.net.connection_mut(key).owner = Owner::Request(Box::new(request));
        self.net.cancel_idle_timer(key);
    }

    /// Whether the request on a connection still waits for this ticket. The connection may be gone,
    /// or serve others by now.
    pub(super) fn awaits_ticket(&self, key: Key, ticket: u64) -> bool {
        match self.net.get(key).map(|connection| &connection.owner) {
            Some(Owner::Request(request)) => {
                request.by == Answerer::Ticket(ticket) && request.parked.body.is_none()
            }
            _ => false,
        }
    }

    /// Somebody answers with a ticket.
    pub(super) fn answer_ticket(&mut self, key: Key, ticket: u64, response: Response) {
        if !self.awaits_ticket(key, ticket) {
            return;
        }
        let Owner::Request(request) = &self.net.connection(key).owner else {
            return;
        };
        let is_closing = self.destroying.closes();
        let Asked {
            keep_alive,
            head_only,
            ..
        } = request.parked.asked;
        // The rest of a body that nobody waited for would have to be read first.
        let is_whole = request.parked.upload.is_none();
        let keep_alive = keep_alive && is_whole && !is_closing;
        let cors = &self.options.cors;
        let response = request.parked.pass.complete(cors, response);
        self.write_response(key, &response, keep_alive, head_only);
        self.answered(key, keep_alive);
    }

    /// The route of a request that Primus does not answer.
    pub(super) fn route_of<'h>(&'h self, key: Key, head: &RequestHead<'h>) -> Option<Found<'h>> {
        let is_for_primus = head.path().starts_with(&*self.options.pathname);
        self.routes_of(key).find(head, is_for_primus)
    }

    /// The routes for requests of a connection.
    fn routes_of(&self, key: Key) -> &Routes {
        match self.is_internal(key) {
            true => &self.options.internal_routes,
            false => &self.options.routes,
        }
    }

    fn is_internal(&self, key: Key) -> bool {
        let listener = self.net.connection(key).listener;
        self.server.purpose(listener) == Purpose::Internal
    }

    /// The largest body that a request may have.
    pub(super) fn body_bytes_max(&self) -> usize {
        let options = &self.options;
        let of_routes = options.routes.body_bytes_max();
        let of_routes = of_routes.max(options.internal_routes.body_bytes_max());
        let of_layers = self.door.body_bytes_max();
        let of_transport = self.transport_body_bytes_max();
        of_transport.max(of_routes).max(of_layers)
    }

    /// The largest body that is of use to the transport.
    pub(super) fn transport_body_bytes_max(&self) -> usize {
        self.sessions.transformer.request_body_bytes_max()
    }

    /// What a request that is not for Primus gets.
    pub(super) fn fallback(&self, key: Key, head: &RequestHead<'_>) -> Response {
        let fallback = self.options.fallback.as_ref();
        let Some(answer) = fallback.filter(|_| !self.is_internal(key)) else {
            return Response::text(404, "Not Found\n");
        };
        guard::call(|| answer(head)).unwrap_or_else(|panicked| self.panicked_elsewhere(&panicked))
    }

    pub(super) fn panicked_elsewhere(&self, panicked: &str) -> Response {
        let what = "a route or the fallback panicked; the request is answered with 500";
        self.tell_panic(panicked, what);
        Response::text(500, "Internal Server Error\n")
    }
}
