//! Calls the application. Only the phases of a turn come here, never a handler: what a handler
//! causes is deferred until it has returned, so handlers never run inside each other.

use allspark_protocol::http::{RequestHead, Response};
use allspark_protocol::transformer::{Kind, Transformer};

use super::close::EndReason;
use super::core::{Core, Deferred};
use super::host::Host;
use crate::guard;
use crate::lines::{Admitted, Line};
use crate::memory::Key;
use crate::mesh;
use crate::primus::Listeners;
use crate::spark::{Data, EndOptions, Handler, ReadyState, Spark, SparkError};

impl<T: Transformer> Core<T> {
    pub(super) fn emit_connection(&mut self, key: Key, head: &RequestHead<'_>) {
        let listeners = std::sync::Arc::clone(&self.listeners);
        for listener in &listeners.connection {
            self.guard(key, |core| listener(&mut Spark::new(core, key, Some(head))));
        }
        self.settle();
    }

    pub(super) fn emit_data(&mut self, key: Key, kind: Kind, bytes: &[u8]) {
        let data = Data::new(self.shared.options.parser, kind, bytes);
        self.call(key, |handler, spark| {
            if let Handler::Data(handler) = handler
                && spark.ready_state() == ReadyState::Open
            {
                handler(spark, data);
            }
        });
        self.settle();
    }

    pub(super) fn emit_heartbeat(&mut self, key: Key) {
        self.call(key, |handler, spark| {
            if let Handler::Heartbeat(handler) = handler {
                handler(spark);
            }
        });
        self.settle();
    }

    /// Tells the application what was deferred and carries out what its handlers sent.
    pub(super) fn settle(&mut self) {
        loop {
            if let Some(deferred) = self.deferred.pop_front() {
                match deferred {
                    Deferred::Ended(key, reason) => self.emit_end(key, reason),
                    Deferred::Error(key, error) => self.emit_error(key, &error),
                    Deferred::CarrierLost(key, carrier) => self.carrier_lost(key, carrier),
                    Deferred::Forget(key) => self.forget(key),
                }
            } else if let Some((shard, command)) = mesh::take_outgoing() {
                if shard == self.shard {
                    self.carry_out(command);
                } else {
                    self.send_to_shard(shard, command);
                }
            } else {
                return;
            }
        }
    }

    fn emit_error(&mut self, key: Key, error: &SparkError) {
        let Some(slot) = self.sparks.get(key) else {
            return;
        };
        tracing::debug!(shard = self.shard, spark = %slot.state.id, %error, "spark error");
        self.call(key, |handler, spark| {
            if let Handler::Error(handler) = handler {
                handler(spark, error);
            }
        });
    }

    fn emit_end(&mut self, key: Key, reason: EndReason) {
        if let Some(slot) = self.sparks.get(key) {
            let id = slot.state.id;
            tracing::debug!(shard = self.shard, spark = %id, %reason, "disconnection");
        }
        self.call(key, |handler, spark| {
            if let Handler::End(handler) = handler {
                handler(spark);
            }
        });
        let listeners: std::sync::Arc<Listeners> = std::sync::Arc::clone(&self.listeners);
        for listener in &listeners.disconnection {
            self.guard(key, |core| listener(&mut Spark::new(core, key, None)));
        }
        if let Some(slot) = self.sparks.get_mut(key) {
            guard::drop_value(slot.state.handlers.take());
        }
        self.counters().sparks_ended.add(1);
    }

    /// Offers each handler of a spark, all of which are taken out of it meanwhile.
    fn call(&mut self, key: Key, mut call: impl FnMut(&mut Handler, &mut Spark<'_>)) {
        let Some(slot) = self.sparks.get_mut(key) else {
            return;
        };
        let Some(mut handlers) = slot.state.handlers.take() else {
            return;
        };
        self.guard(key, |core| {
            let mut spark = Spark::new(core, key, None);
            handlers
                .iter_mut()
                .for_each(|handler| call(handler, &mut spark));
        });
        let state = self.spark_mut(key);
        if let Some(mut later) = state.handlers.take() {
            handlers.append(&mut later);
        }
        state.handlers = Some(handlers);
    }

    /// Calls a function of the application. If it panics, its spark ends, with reconnect.
    pub(super) fn guard<R>(&mut self, key: Key, call: impl FnOnce(&mut Self) -> R) -> Option<R> {
        // The engine's own state is consistent whenever a handler runs, so it may be used after a
        // handler was unwound; what the handler captured is dropped with its spark.
        match guard::call(|| call(self)) {
            Ok(result) => Some(result),
            Err(panicked) => {
                if let Some(line) = self.has_panicked() {
                    let (shard, unlogged) = (self.shard, line.unlogged);
                    let id = self.spark(key).id;
                    tracing::error!(
                        shard, spark = %id, panicked, unlogged,
                        "a handler panicked; the spark ends"
                    );
                }
                if self.spark(key).ready != ReadyState::Closed {
                    self.end(key, EndOptions { reconnect: true }, EndReason::Panicked);
                }
                None
            }
        }
    }

    /// Calls a function of the application that is about no spark.
    pub(super) fn guard_alone(&self, call: impl FnOnce()) {
        if let Err(panicked) = guard::call(call)
            && let Some(line) = self.has_panicked()
        {
            let (shard, unlogged) = (self.shard, line.unlogged);
            tracing::error!(
                shard,
                panicked,
                unlogged,
                "a function of the application panicked"
            );
        }
    }

    /// What a request that is not for Primus gets.
    pub(super) fn fallback(&self, head: &RequestHead<'_>) -> Response {
        let Some(answer) = &self.shared.options.fallback else {
            return Response::text(404, "Not Found\n");
        };
        guard::call(|| answer(head)).unwrap_or_else(|panicked| {
            if let Some(line) = self.has_panicked() {
                let (shard, unlogged) = (self.shard, line.unlogged);
                tracing::error!(
                    shard,
                    panicked,
                    unlogged,
                    "the fallback panicked; the request is answered with 500"
                );
            }
            Response::text(500, "Internal Server Error\n")
        })
    }

    /// Counts a panic of the application. Returns whether a line about it may be logged.
    fn has_panicked(&self) -> Option<Admitted> {
        self.counters().handlers_panicked.add(1);
        self.may_log(Line::Panicked)
    }
}
