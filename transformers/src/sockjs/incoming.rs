//! Requests that send messages to a session. One that brings many hands them on in portions, over
//! several turns, and is answered once all of them are handed on: so its client, which sends one
//! request at a time, waits for the application.
//!
//! # Invariants
//! - Messages are handed on in the order in which their requests came. Of a session that closes the
//!   rest is dropped, as if it had come after the goodbye.
//! - What waits is bounded: bodies of as many bytes together as one may have. A request beyond that
//!   is answered with 503, and the session goes on.

use allspark_protocol::http::{Request, Response};
use allspark_protocol::transformer::{Carrier, Outputs};

use super::SockJsOptions;
use super::asked::Asked;
use super::body::{self, BodyError};
use super::endpoint::Sender;
use super::http::HttpSession;
use super::queue::Incoming;
use super::reply;
use super::service::Service;
use super::unquote::Walk;

impl HttpSession {
    /// A request that sends.
    pub(super) fn take(
        &mut self,
        service: &mut Service,
        (carrier, sender): (Carrier, Sender),
        request: &Request<'_>,
        out: &mut Outputs,
    ) {
        let asked = Asked::of(&request.head, "");
        let mut body = service.take_scratch();
        let walk = self.check(service, sender, request, &mut body);
        let walk = match walk {
            Ok(Some(walk)) => walk,
            Ok(None) => {
                service.return_scratch(body);
                return out.respond(carrier, accepted(asked, sender, &service.options));
            }
            Err(error) => {
                service.return_scratch(body);
                let refusal = refused(asked, sender, error, &service.options);
                return out.respond(carrier, refusal);
            }
        };
        let mut incoming = Incoming {
            carrier: Some(carrier),
            sender,
            kept: None,
            body,
            walk,
        };
        if self.incoming.is_none() && incoming.hand_on(out) {
            service.return_scratch(incoming.body);
            return out.respond(carrier, accepted(asked, sender, &service.options));
        }
        incoming.kept = asked.keep();
        let queue = self.incoming.get_or_insert_default();
        if queue.requests.is_empty() {
            out.more();
        } else if queue.bytes + incoming.bytes() > service.body_bytes_max() {
            let response = asked.sending(503, sender, &service.options);
            return out.respond(carrier, reply::failure(response, "Messages wait already."));
        }
        queue.push(incoming);
    }

    /// Reads the messages of a request into `body`. `None` if the session wants no more of them.
    fn check(
        &self,
        service: &Service,
        sender: Sender,
        request: &Request<'_>,
        body: &mut Vec<u8>,
    ) -> Result<Option<Walk>, BodyError> {
        // A server of all transports takes bodies as large as any of them wants.
        if request.body.len() > service.body_bytes_max() {
            return Err(BodyError::TooLarge);
        }
        let walk = body::messages(request, sender, body)?;
        if !self.is_open() {
            // The client learns of it with its next request that receives.
            return Ok(None);
        }
        body::check_bounds(&walk, body, service.message_bytes_max)?;
        Ok(Some(walk))
    }

    /// Hands on the next messages of the requests that wait.
    pub(super) fn proceed(&mut self, service: &Service, out: &mut Outputs) {
        let Some(mut queue) = self.incoming.take() else {
            return;
        };
        let is_open = self.is_open();
        while let Some(incoming) = queue.requests.front_mut() {
            if is_open && !incoming.hand_on(out) {
                self.incoming = Some(queue);
                return out.more();
            }
            if let Some(incoming) = queue.pop()
                && let Some(carrier) = incoming.carrier
            {
                let asked = Asked::of_kept(&incoming.kept);
                let answer = accepted(asked, incoming.sender, &service.options);
                out.respond(carrier, answer);
            }
        }
    }

    /// A request was lost. What it brought has arrived all the same.
    pub(super) fn lost_sender(&mut self, carrier: Carrier) {
        let queue = self.incoming.iter_mut();
        for incoming in queue.flat_map(|queue| &mut queue.requests) {
            incoming.carrier.take_if(|waiting| *waiting == carrier);
        }
    }
}

/// The answer to messages for a session that does not exist.
pub(super) fn answer_absent(
    service: &mut Service,
    sender: Sender,
    request: &Request<'_>,
) -> Response {
    let asked = Asked::of(&request.head, "");
    let mut body = service.take_scratch();
    let result = body::messages(request, sender, &mut body);
    service.return_scratch(body);
    match result {
        Ok(_) => reply::not_found_with(asked.sending(404, sender, &service.options)),
        Err(error) => refused(asked, sender, error, &service.options),
    }
}

/// The answer to messages that were taken.
fn accepted(asked: Asked<'_>, sender: Sender, options: &SockJsOptions) -> Response {
    match sender {
        Sender::Xhr => {
            let response = asked.sending(204, sender, options);
            // Firefox takes a response without content type for XML, and complains.
            response.header("Content-Type", reply::TEXT)
        }
        // Konqueror does not like 204.
        Sender::Jsonp => asked
            .sending(200, sender, options)
            .body(reply::TEXT, &b"ok"[..]),
    }
}

fn refused(
    asked: Asked<'_>,
    sender: Sender,
    error: BodyError,
    options: &SockJsOptions,
) -> Response {
    let response = asked.sending(error.status(), sender, options);
    reply::failure(response, error.message())
}
