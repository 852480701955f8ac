//! The engine's part when a body comes in parts with pauses, of `Answer::Paced`.

use std::collections::VecDeque;

use allspark_protocol::Instant;
use allspark_protocol::http::{BodyFraming, Response};
use allspark_protocol::transformer::{ClientTransport, PacedPart, Transformer};

use super::Pair;
use super::connection::{Form, Role};

/// What is left of a body.
#[derive(Debug)]
pub(super) struct Pacing {
    form: Form,
    framing: BodyFraming,
    parts: VecDeque<PacedPart>,
    /// When the next part is sent.
    pub(super) due: Instant,
}

impl<T: Transformer, C: ClientTransport> Pair<T, C> {
    pub(super) fn begin_paced(
        &mut self,
        id: u64,
        form: Form,
        response: &Response,
        parts: Vec<PacedPart>,
    ) {
        let now = self.now;
        let form = Form {
            keep_alive: false,
            ..form
        };
        let connection = self.connection(id);
        let framing = connection.begin(form, response);
        if form.head_only {
            return connection.finish();
        }
        let pause = parts.first().expect("a paced answer has parts").pause;
        connection.role = Role::Pacing(Pacing {
            form,
            framing,
            due: now + pause,
            parts: parts.into(),
        });
        if pause.is_zero() {
            self.next_paced_part(id);
        }
    }

    pub(super) fn next_paced_part(&mut self, id: u64) {
        let now = self.now;
        let connection = self.connection(id);
        let Role::Pacing(pacing) = &mut connection.role else {
            return;
        };
        let (form, framing) = (pacing.form, pacing.framing);
        let part = pacing.parts.pop_front();
        let next = pacing.parts.front().map(|part| part.pause);
        pacing.due = now + next.unwrap_or_default();
        if let Some(part) = part {
            connection.write_part(framing, &part.bytes);
        }
        if next.is_none() {
            connection.end_body(form, framing);
        }
    }
}
