//! Answers whose body comes in parts with pauses between them. The connection's timer says when the
//! next part is due; what the peer sends meanwhile is not looked at, as the connection is closed
//! afterwards.

use std::collections::VecDeque;
use std::time::Duration;

use allspark_protocol::http::{BodyFraming, RequestHead, Response};
use allspark_protocol::transformer::{PacedPart, Transformer};

use super::connection::{Asked, Role};
use super::core::Core;
use crate::memory::Key;

/// What is left of such a body.
pub(crate) struct Paced {
    framing: BodyFraming,
    parts: VecDeque<PacedPart>,
}

impl<T: Transformer> Core<T> {
    pub(super) fn begin_paced(
        &mut self,
        key: Key,
        head: &RequestHead<'_>,
        response: &Response,
        parts: Vec<PacedPart>,
    ) {
        let asked = Asked::of(head);
        if asked.head_only {
            self.write_response(key, response, false, true);
            return self.finish(key);
        }
        let framing = response.framing(asked.minor_version, asked.head_only);
        let response = response.at(self.date());
        self.queue_frame(key, |out| {
            response.encode_begin(out, framing, false);
        });
        let parts = parts.into();
        // The timer is for its parts from now on.
        self.end_watch(key);
        self.connection_mut(key).role = Role::Paced(Box::new(Paced { framing, parts }));
        self.go_on_paced(key);
    }

    /// Sends the parts that are due, and sets the timer for the next one.
    pub(super) fn go_on_paced(&mut self, key: Key) {
        let mut pause = Duration::ZERO;
        while pause.is_zero() {
            let Role::Paced(paced) = &mut self.connection_mut(key).role else {
                return;
            };
            let framing = paced.framing;
            let Some(part) = paced.parts.pop_front() else {
                self.queue_frame(key, |out| framing.end(out));
                return self.finish(key);
            };
            if part.pause.is_zero() {
                self.queue_frame(key, |out| framing.push(out, &part.bytes));
                continue;
            }
            pause = part.pause;
            paced.parts.push_front(PacedPart {
                pause: Duration::ZERO,
                ..part
            });
        }
        self.wheel.set(key.index, self.now + pause);
    }
}
