//! Answers that come later.

use std::fmt;

use allspark_protocol::http::Response;

use super::body::Body;
use super::channel::{self, BodyReceiver, BodySender};
use super::presence::Presence;
use crate::limits::RETRY_AFTER_S;

/// What somebody says with a ticket.
#[derive(Debug)]
pub(crate) enum Said {
    /// This is the answer.
    Whole(Response),
    /// This is its beginning, and where the rest of its body comes from.
    Begun(Response, Body),
    /// The connection is upgraded: what is sent from now on, and who is to get what comes.
    Upgrade(Response, Body, BodySender),
}

impl Said {
    /// The head of the answer.
    pub(crate) fn response(&self) -> &Response {
        match self {
            Self::Whole(response) | Self::Begun(response, _) | Self::Upgrade(response, ..) => {
                response
            }
        }
    }
}

/// Gives what is said to the shard of the request.
type Answer = Box<dyn FnOnce(Said) + Send>;

/// Answers one request, from any thread and at any time. Until then its connection waits, and what
/// its peer sends meanwhile is bounded. Dropped without an answer it answers 503; if the client is
/// gone by then, the answer is too.
pub struct Ticket {
    answer: Option<Answer>,
    client: Presence,
}

impl Ticket {
    pub(crate) fn new(client: Presence, answer: impl FnOnce(Said) + Send + 'static) -> Self {
        Self {
            answer: Some(Box::new(answer)),
            client,
        }
    }

    /// Whether the client is gone, so that an answer is of no use.
    pub fn is_gone(&self) -> bool {
        self.client.is_gone()
    }

    /// Returns once the client is gone, for who can stop what the answer would be made of. For
    /// tasks, on any executor.
    pub async fn gone(&mut self) {
        self.client.gone().await;
    }

    /// Answers the request.
    pub fn respond(mut self, response: Response) {
        if let Some(answer) = self.answer.take() {
            answer(Said::Whole(response));
        }
    }

    /// Answers the request as [`Reply::Stream`](super::Reply::Stream) does.
    pub fn stream(mut self, response: Response, body: Body) {
        if let Some(answer) = self.answer.take() {
            answer(Said::Begun(response, body));
        }
    }

    /// Grants an upgrade that the request asks for (RFC 9110, 7.8): `response` is the 101, with its
    /// headers `Connection` and `Upgrade`. From then on the connection is two streams of bytes, of
    /// each of which `bytes_max` bytes may wait: what the client sends, beginning with what it sent
    /// behind its request, and what it is sent. Nobody judges how long either is silent.
    ///
    /// The receiver ends when the client sends nothing more, and breaks when the client is gone.
    /// The connection ends when the sender is finished or dropped.
    ///
    /// A request that asks for no upgrade, or whose body has not come whole, is answered with 500,
    /// and so is one that is given another status than 101; then nobody is at the other end of the
    /// streams.
    pub fn upgrade(mut self, response: Response, bytes_max: usize) -> (BodyReceiver, BodySender) {
        let (client, receiver) = channel::new(bytes_max);
        let (sender, body) = Body::channel(bytes_max);
        if let Some(answer) = self.answer.take() {
            answer(Said::Upgrade(response, body, client));
        }
        (receiver, sender)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            answer(Said::Whole(unavailable()));
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}

/// The answer to who may come back later.
pub(crate) fn unavailable() -> Response {
    Response::text(503, "Service Unavailable\n").header("Retry-After", RETRY_AFTER_S)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_util::FutureExt;

    use super::super::presence;
    use super::*;

    #[test]
    fn a_ticket_answers_once_and_is_never_forgotten() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let ticket = || {
            let told = Arc::clone(&told);
            let (_, client) = presence::new();
            Ticket::new(client, move |said| {
                told.lock().unwrap().push(said.response().status());
            })
        };
        ticket().respond(Response::text(200, "late"));
        drop(ticket());
        assert_eq!(*told.lock().unwrap(), [200, 503]);
    }

    #[test]
    fn a_ticket_learns_that_its_client_is_gone() {
        let (present, client) = presence::new();
        let mut ticket = Ticket::new(client, drop);
        assert!(!ticket.is_gone());
        assert!(ticket.gone().now_or_never().is_none());
        drop(present);
        assert!(ticket.is_gone());
        assert!(ticket.gone().now_or_never().is_some());
    }
}
