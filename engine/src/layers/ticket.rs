//! A verdict that comes later.

use allspark_protocol::http::Response;

use super::notes::Attached;
use super::verdict::{LayerError, Verdict};
use crate::routes::unavailable;

/// What came with a ticket.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) verdict: Verdict,
    pub(crate) attached: Attached,
}

impl Decision {
    /// Bytes that it takes while it waits in a queue, as far as they can be known.
    pub(crate) fn bytes(&self) -> usize {
        let body = match &self.verdict {
            Verdict::Answer(response) => response.body_bytes().len(),
            Verdict::Fail(error) => error.message.len(),
            Verdict::Next | Verdict::Later => 0,
        };
        size_of::<Self>() + body
    }
}

/// Decides about one request, from any thread and at any time. Until then its connection waits, and
/// what its peer sends meanwhile is bounded. Dropped without a verdict it is a 503; if the client
/// is gone by then, the verdict is too.
pub struct LayerTicket {
    decide: Option<Box<dyn FnOnce(Decision) + Send>>,
    attached: Attached,
}

impl LayerTicket {
    pub(crate) fn new(decide: impl FnOnce(Decision) + Send + 'static) -> Self {
        Self {
            decide: Some(Box::new(decide)),
            attached: Attached::default(),
        }
    }

    /// As [`LayerRequest::attach`](super::LayerRequest::attach), once the request goes on.
    pub fn attach<V: Send + 'static>(&mut self, value: V) {
        self.attached.insert(Box::new(value));
    }

    /// Lets the request go on.
    pub fn next(self) {
        self.decide(Verdict::Next);
    }

    /// Answers the request.
    pub fn answer(self, response: Response) {
        self.decide(response);
    }

    /// Refuses the request.
    pub fn fail(self, error: impl Into<LayerError>) {
        self.decide(error.into());
    }

    /// Decides. [`Verdict::Later`] is none, so it is as if the ticket were dropped.
    pub fn decide(mut self, verdict: impl Into<Verdict>) {
        self.tell(verdict.into());
    }

    /// Decides as a future does. The result is a future again, for any executor:
    /// `tokio::spawn(request.later().decide_by(async move { .. }))`. Dropped before it is ready it
    /// is a dropped ticket.
    pub async fn decide_by<V: Into<Verdict>>(self, future: impl Future<Output = V>) {
        let verdict = future.await;
        self.decide(verdict);
    }

    fn tell(&mut self, verdict: Verdict) {
        let verdict = match verdict {
            Verdict::Later => Verdict::Answer(unavailable()),
            verdict => verdict,
        };
        if let Some(decide) = self.decide.take() {
            decide(Decision {
                verdict,
                attached: std::mem::take(&mut self.attached),
            });
        }
    }
}

impl Drop for LayerTicket {
    fn drop(&mut self) {
        self.tell(Verdict::Later);
    }
}

impl std::fmt::Debug for LayerTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerTicket").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_ticket_decides_once_and_is_never_forgotten() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let ticket = || {
            let told = Arc::clone(&told);
            LayerTicket::new(move |decision| {
                told.lock().unwrap().push(match decision.verdict {
                    Verdict::Next => 0,
                    Verdict::Answer(response) => response.status(),
                    Verdict::Fail(error) => error.response(500).status(),
                    Verdict::Later => panic!("it is none"),
                });
            })
        };
        ticket().next();
        ticket().answer(Response::text(201, "made"));
        ticket().fail("no");
        ticket().decide(Verdict::Later);
        ticket().decide(Err::<(), _>(LayerError::new("no").status(403)));
        drop(ticket());
        drop(ticket().decide_by(async { Verdict::Next }));
        assert_eq!(*told.lock().unwrap(), [0, 201, 500, 503, 403, 503, 503]);
    }
}
