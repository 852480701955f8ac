//! Carries out what sessions want.

use std::ops::Range;

use allspark_protocol::http::Response;
use allspark_protocol::transformer::{Carrier, Output, Transformer};

use super::core::Core;
use super::effects::Effect;
use super::owner::{Answerer, Owner};
use crate::app::EndReason;
use crate::http::{Asked, Next, Parked};
use crate::memory::Key;
use crate::session::{Want, connection_of};

impl<T: Transformer> Core<T> {
    /// Carries out one thing that the session of a spark wants.
    pub(super) fn carry_out_output(&mut self, spark: Key, output: Output) {
        if self.sessions.get(spark).is_none() {
            return;
        }
        match output {
            Output::Message { kind, bytes } => {
                let outputs = self.sessions.take_bytes();
                self.message(spark, kind, outputs.bytes(bytes));
                self.sessions.put_bytes(outputs);
            }
            Output::Alive => self.alive(spark),
            Output::Ended(end) => self.transport_ended(spark, &end),
            Output::Over => self.session_over(spark),
            Output::Write(carrier, bytes) => self.write_carrier(spark, carrier, bytes),
            Output::Latest(carrier, bytes) => {
                if let Some(key) = self.carrier(spark, carrier) {
                    let outputs = self.sessions.take_bytes();
                    self.write_latest(key, outputs.bytes(bytes));
                    self.sessions.put_bytes(outputs);
                }
            }
            Output::Respond(carrier, response) => self.answer(spark, carrier, response),
            Output::Begin(carrier, response) => self.begin(spark, carrier, response),
            // Only the request that a session is just asked about can be declined.
            Output::Decline(_) => {}
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

    /// The connection that a carrier of this spark is, if it still is one.
    fn carrier(&self, spark: Key, carrier: Carrier) -> Option<Key> {
        let key = connection_of(carrier);
        let owner = self.net.get(key)?.owner.spark();
        (owner == Some(spark)).then_some(key)
    }

    /// The connection of a carrier whose request is not answered yet.
    fn parked(&mut self, spark: Key, carrier: Carrier) -> Option<(Key, &mut Parked)> {
        let key = self.carrier(spark, carrier)?;
        match &mut self.net.connection_mut(key).owner {
            Owner::Request(request) if request.parked.next.is_none() => {
                Some((key, &mut request.parked))
            }
            _ => None,
        }
    }

    fn write_carrier(&mut self, spark: Key, carrier: Carrier, bytes: Range<usize>) {
        let Some(key) = self.carrier(spark, carrier) else {
            return;
        };
        let outputs = self.sessions.take_bytes();
        let bytes = outputs.bytes(bytes);
        match &self.net.connection(key).owner {
            Owner::Request(request) if request.parked.next != Some(Next::Upgraded) => {
                if let Some(framing) = request.parked.body {
                    self.note_answer_part(key, bytes.len());
                    self.write_frame(key, |out| framing.push(out, bytes));
                }
            }
            _ => self.write_bytes(key, bytes),
        }
        self.sessions.put_bytes(outputs);
    }

    fn answer(&mut self, spark: Key, carrier: Carrier, response: Response) {
        let is_closing = self.closes_after_answer(Some(spark));
        let Some((key, parked)) = self.parked(spark, carrier) else {
            return;
        };
        let Asked {
            keep_alive,
            head_only,
            ..
        } = parked.asked;
        let keep_alive = keep_alive && !is_closing;
        let pass = std::mem::take(&mut parked.pass);
        let response = pass.complete(&self.options.cors, response);
        self.write_response(key, &response, keep_alive, head_only);
        self.answered(key, keep_alive);
    }

    fn begin(&mut self, spark: Key, carrier: Carrier, response: Response) {
        let Some((key, parked)) = self.parked(spark, carrier) else {
            return;
        };
        let Asked {
            keep_alive,
            head_only,
            minor_version,
            ..
        } = parked.asked;
        let framing = response.framing(minor_version, head_only);
        parked.body = Some(framing);
        let pass = std::mem::take(&mut parked.pass);
        let response = pass.complete(&self.options.cors, response);
        self.note_answer_begun(key, &response);
        let response = response.at(self.door.date(self.clock.unix_ms));
        self.write_frame(key, |out| {
            response.encode_begin(out, framing, keep_alive);
        });
    }

    fn finish_body(&mut self, spark: Key, carrier: Carrier) {
        let is_closing = self.closes_after_answer(Some(spark));
        let Some((key, parked)) = self.parked(spark, carrier) else {
            return;
        };
        let Some(framing) = parked.body else {
            return;
        };
        let keep_alive = parked.asked.keep_alive && !framing.ends_with_connection();
        self.write_frame(key, |out| framing.end(out));
        self.answered(key, keep_alive && !is_closing);
    }

    /// The answer to a request is complete.
    pub(super) fn answered(&mut self, key: Key, keep_alive: bool) {
        self.note_answer_end(key);
        self.note_answered(key);
        if keep_alive && !self.has_upload(key) {
            self.go_on(key, Next::Http);
        } else {
            self.take_carrier(key);
            self.finish(key);
        }
    }

    fn upgrade(&mut self, spark: Key, carrier: Carrier, response: &Response) {
        if let Some((key, _)) = self.parked(spark, carrier) {
            self.write_response(key, response, true, false);
            self.go_on(key, Next::Upgraded);
        }
    }

    /// From now on messages for the spark are written to an upgraded carrier.
    fn start_stream(&mut self, spark: Key, key: Key) {
        // What was broadcast in the form of the old wire waits with everything else.
        self.catch_up(spark);
        let buffers = &mut self.net.buffers;
        let wants = self
            .sessions
            .begin_stream(spark, key, self.clock.now, buffers);
        let fanout = &self.fanout;
        self.sessions.change_wire(spark, |wire| fanout.head(wire));
        // At once, as it comes before whatever is written from now on.
        for (spark, want) in wants {
            match want {
                Want::Output(Output::Write(carrier, bytes)) => {
                    self.write_carrier(spark, carrier, bytes);
                }
                want => self.sessions.want(spark, want),
            }
        }
    }

    /// A session can be forgotten. Its slot is freed once the application knows of the end.
    fn session_over(&mut self, spark: Key) {
        self.lose(spark, EndReason::Goodbye);
        let Some(carriers) = self.sessions.end_carried(spark) else {
            return;
        };
        for key in carriers {
            self.take_carrier(key);
            self.finish(key);
        }
        self.effects.push(Effect::Forget(spark));
    }

    /// A connection changes its owner. What its peer has sent meanwhile is looked at when no
    /// session is being called.
    fn go_on(&mut self, key: Key, next: Next) {
        if next == Next::Http {
            let timeout_ms = self.options.keep_alive_timeout_ms.get();
            self.net.set_idle_timer_ms(key, timeout_ms);
        }
        let Owner::Request(request) = &mut self.net.connection_mut(key).owner else {
            return;
        };
        if request.parked.pending.is_empty() {
            self.take_up(key, next);
            self.charge(key);
        } else {
            request.parked.next = Some(next);
            self.resumed.push(key);
        }
    }

    /// Makes a connection that waited what it is next. Returns what its peer has sent meanwhile.
    pub(super) fn take_up(&mut self, key: Key, next: Next) -> Vec<u8> {
        let owner = &mut self.net.connection_mut(key).owner;
        let request = match std::mem::replace(owner, Owner::Nobody) {
            Owner::Request(request) => *request,
            other => {
                *owner = other;
                return Vec::new();
            }
        };
        let by = request.by;
        let Parked {
            reader, pending, ..
        } = request.parked;
        *owner = match (next, by) {
            (Next::Upgraded, Answerer::Session(spark)) => Owner::Session(spark),
            _ => Owner::Http(reader),
        };
        if let (Next::Http, Answerer::Session(spark)) = (next, by) {
            self.sessions.remove_carrier(spark, key);
        }
        pending
    }
}
