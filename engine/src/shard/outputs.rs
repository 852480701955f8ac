//! Carries out what sessions want.

use std::ops::Range;

use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::transformer::{Carrier, End, Output, Outputs, Transformer};

use super::browser::Browser;
use super::carried::connection_of;
use super::close::EndReason;
use super::connection::{Asked, Declined, Flags, Next, Role, Waiting};
use super::core::Core;
use super::host::Host;
use crate::limits::PORTIONS_PER_TURN;
use crate::memory::Key;
use crate::spark::{ReadyState, SparkError};

impl<T: Transformer> Core<T> {
    /// Carries out what the session of a spark wants, in order.
    pub(super) fn perform(&mut self, spark: Key) {
        self.perform_opening(spark, None);
    }

    /// As [`Core::perform`], for a spark that the application does not know yet if this is about
    /// the request that opened it. It is told before anything else about the spark.
    pub(super) fn perform_opening(&mut self, spark: Key, mut opening: Option<&RequestHead<'_>>) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut list = outputs.take_list();
        if outputs.take_more() {
            self.proceeding.push_back(spark);
        }
        for output in list.drain(..) {
            if is_event(&output)
                && let Some(head) = opening.take()
            {
                self.emit_connection(spark, head);
            }
            self.output(spark, output, &outputs);
        }
        outputs.recycle(list);
        self.outputs = outputs;
        if let Some(head) = opening {
            self.emit_connection(spark, head);
        }
    }

    /// Has sessions go on whose requests brought more messages than one turn should hand on. They
    /// take turns, so that none of them waits for the whole of another.
    pub(super) fn proceed(&mut self) {
        let count = self.proceeding.len().min(PORTIONS_PER_TURN);
        for _ in 0..count {
            if !self.is_congested()
                && let Some(spark) = self.proceeding.pop_front()
            {
                self.wake_session(spark, T::proceed);
                self.settle();
            }
        }
    }

    fn output(&mut self, spark: Key, output: Output, outputs: &Outputs) {
        if self.sparks.get(spark).is_none() {
            // A handler has just ended it for good.
            return;
        }
        match output {
            Output::Message { kind, bytes } => self.message(spark, kind, outputs.bytes(bytes)),
            Output::Alive => self.alive(spark),
            Output::Ended(end) => self.transport_ended(spark, &end),
            Output::Over => self.session_over(spark),
            Output::Write(carrier, bytes) => self.write_carrier(spark, carrier, bytes, outputs),
            Output::Latest(carrier, bytes) => {
                if let Some(key) = self.carrier(spark, carrier) {
                    self.write_latest(key, outputs.bytes(bytes));
                }
            }
            Output::Respond(carrier, response) => self.answer(spark, carrier, response),
            Output::Begin(carrier, response) => self.begin(spark, carrier, response),
            Output::Decline(carrier) => self.decline(spark, carrier),
            Output::Finish(carrier) => self.finish_body(spark, carrier),
            Output::Upgrade(carrier, response) => self.upgrade(spark, carrier, &response),
            Output::Stream(carrier) => {
                if let Some(key) = self.carrier(spark, carrier) {
                    self.start_stream(spark, key);
                }
            }
            Output::Close(carrier) => {
                if let Some(key) = self.carrier(spark, carrier) {
                    self.take_carrier(key);
                    self.finish(key);
                }
            }
        }
    }

    /// The transport of a spark is over.
    pub(super) fn transport_ended(&mut self, spark: Key, end: &End) {
        let reason = match end {
            End::Goodbye => EndReason::Goodbye,
            End::Closed(code) => EndReason::Closed(*code),
            End::Violation(sentence) => {
                if self.spark(spark).ready == ReadyState::Open {
                    self.fail(spark, SparkError::Violation(sentence));
                }
                EndReason::Violation
            }
        };
        self.lose(spark, reason);
    }

    /// The connection that a carrier of this spark is, if it still is one.
    fn carrier(&self, spark: Key, carrier: Carrier) -> Option<Key> {
        let key = connection_of(carrier);
        let is_its = match &self.connections.get(key)?.role {
            Role::Waiting(waiting) => waiting.spark == spark,
            Role::Spark(other) => *other == spark,
            Role::Http(_)
            | Role::Paced(_)
            | Role::Leaving(_)
            | Role::TurnedAway
            | Role::Discard => false,
        };
        is_its.then_some(key)
    }

    /// The connection of a carrier whose request is not answered yet.
    fn waiting(&mut self, spark: Key, carrier: Carrier) -> Option<(Key, &mut Waiting)> {
        let key = self.carrier(spark, carrier)?;
        match &mut self.connection_mut(key).role {
            Role::Waiting(waiting) if waiting.next.is_none() => Some((key, waiting)),
            _ => None,
        }
    }

    fn write_carrier(
        &mut self,
        spark: Key,
        carrier: Carrier,
        bytes: Range<usize>,
        outputs: &Outputs,
    ) {
        let Some(key) = self.carrier(spark, carrier) else {
            return;
        };
        let bytes = outputs.bytes(bytes);
        let framing = match &self.connection(key).role {
            Role::Waiting(waiting) if waiting.next != Some(Next::Upgraded) => waiting.body,
            _ => return self.write_exempt(key, bytes),
        };
        if let Some(framing) = framing {
            self.queue_frame(key, |out| framing.push(out, bytes));
        }
    }

    fn answer(&mut self, spark: Key, carrier: Carrier, response: Response) {
        let Some((key, waiting)) = self.waiting(spark, carrier) else {
            return;
        };
        let Asked {
            keep_alive,
            head_only,
            ..
        } = waiting.asked;
        let keep_alive = keep_alive && self.end_deadline.is_none();
        let response = self.complete_answer(key, response);
        self.write_response(key, &response, keep_alive, head_only);
        self.answered(key, keep_alive);
    }

    fn begin(&mut self, spark: Key, carrier: Carrier, response: Response) {
        let Some((key, waiting)) = self.waiting(spark, carrier) else {
            return;
        };
        let Asked {
            keep_alive,
            head_only,
            minor_version,
        } = waiting.asked;
        let framing = response.framing(minor_version, head_only);
        waiting.body = Some(framing);
        let response = self.complete_answer(key, response);
        let response = response.at(self.date());
        self.queue_frame(key, |out| {
            response.encode_begin(out, framing, keep_alive);
        });
    }

    fn finish_body(&mut self, spark: Key, carrier: Carrier) {
        let Some((key, waiting)) = self.waiting(spark, carrier) else {
            return;
        };
        let Some(framing) = waiting.body else {
            return;
        };
        let keep_alive = waiting.asked.keep_alive && !framing.ends_with_connection();
        self.queue_frame(key, |out| framing.end(out));
        self.answered(key, keep_alive && self.end_deadline.is_none());
    }

    /// Adds to the answer of a session what Primus says to browsers.
    fn complete_answer(&self, key: Key, response: Response) -> Response {
        match &self.connection(key).role {
            Role::Waiting(waiting) => self.complete_for(waiting.browser.as_ref(), response),
            _ => response,
        }
    }

    /// Adds to an answer what Primus says to browsers.
    pub(super) fn complete_for(&self, browser: Option<&Browser>, response: Response) -> Response {
        match browser {
            Some(browser) => browser.complete(&self.shared.options.cors, response),
            None => response,
        }
    }

    /// The answer to a request is complete.
    fn answered(&mut self, key: Key, keep_alive: bool) {
        if keep_alive {
            self.go_on(key, Next::Http);
        } else {
            self.take_carrier(key);
            self.finish(key);
        }
    }

    /// The request that the session is being asked about is none of its own.
    fn decline(&mut self, spark: Key, carrier: Carrier) {
        let Some((key, waiting)) = self.waiting(spark, carrier) else {
            return;
        };
        let browser = waiting.browser.take();
        self.take_up(key, Next::Http);
        self.declined = Some(Declined { browser });
    }

    fn upgrade(&mut self, spark: Key, carrier: Carrier, response: &Response) {
        if let Some((key, _)) = self.waiting(spark, carrier) {
            self.write_response(key, response, true, false);
            self.go_on(key, Next::Upgraded);
        }
    }

    /// The connection changes its role. What its peer has sent meanwhile is looked at when no
    /// session is being called.
    fn go_on(&mut self, key: Key, next: Next) {
        if next == Next::Http {
            self.set_idle_timer_ms(key, self.shared.options.keep_alive_timeout_ms);
        }
        let Role::Waiting(waiting) = &mut self.connection_mut(key).role else {
            return;
        };
        if waiting.pending.is_empty() {
            self.take_up(key, next);
            self.settle_input(key);
        } else {
            waiting.next = Some(next);
            self.resumed.push(key);
        }
    }

    /// Makes a connection that waited what it is next. Returns what its peer has sent meanwhile.
    fn take_up(&mut self, key: Key, next: Next) -> Vec<u8> {
        let role = std::mem::replace(&mut self.connection_mut(key).role, Role::Discard);
        let Role::Waiting(waiting) = role else {
            self.connection_mut(key).role = role;
            return Vec::new();
        };
        let Waiting {
            spark,
            reader,
            pending,
            ..
        } = *waiting;
        self.connection_mut(key).role = match next {
            Next::Upgraded => Role::Spark(spark),
            Next::Http => {
                self.remove_carrier(spark, key);
                Role::Http(reader)
            }
        };
        pending
    }

    /// Goes on with connections whose peers sent more while a request waited for its answer.
    pub(super) fn resume(&mut self) {
        for key in std::mem::take(&mut self.resumed) {
            let Some(connection) = self.connections.get(key) else {
                continue;
            };
            if let Role::Waiting(waiting) = &connection.role
                && let Some(next) = waiting.next
            {
                let mut pending = self.take_up(key, next);
                self.let_go(key, Flags::BEHIND);
                self.received(key, &mut pending);
                self.settle_input(key);
                self.settle();
            }
        }
    }
}

/// Whether an output is something that the application learns.
fn is_event(output: &Output) -> bool {
    matches!(
        output,
        Output::Message { .. } | Output::Alive | Output::Ended(_) | Output::Over
    )
}
