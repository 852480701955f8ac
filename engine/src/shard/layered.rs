//! Requests are judged by the layers, once, and some wait for a layer that decides later.
//!
//! # Invariants
//! - If the application is asked about a request whose body is still to come, what was decided is
//!   kept until it has come.
//! - What was decided is looked at in a phase of its own (`resume`), as a session may be called.

use std::cell::Cell;
use std::sync::Arc;

use allspark_protocol::Input;
use allspark_protocol::http::{Reader, Request, RequestHead};
use allspark_protocol::transformer::Transformer;

use super::core::Core;
use super::judged::Judged;
use super::owner::Owner;
use crate::app::host::Command;
use crate::http::{Case, Layered, Pass, Walk, Way, Whole, redirect_to_https};
use crate::layers::{Decision, LayerTicket};
use crate::memory::Key;
use crate::mesh::Address;
use crate::net::Flags;
use crate::purpose::Purpose;

impl<T: Transformer> Core<T> {
    /// Where a request goes.
    pub(super) fn judge_head(&self, key: Key, head: &RequestHead<'_>) -> Way {
        let listener = self.net.connection(key).listener;
        match self.server.purpose(listener) {
            Purpose::Public => self.with_case(key, head, |case| self.door.judge(case)),
            Purpose::Internal => Way::Elsewhere,
            // Nothing else is to be said on this connection.
            Purpose::Redirect { port } => Way::LastAnswer(redirect_to_https(head, port)),
        }
    }

    /// Where a request goes that opens a spark; nothing, if nobody is to be asked about that.
    pub(super) fn judge_opening(
        &self,
        key: Key,
        head: &RequestHead<'_>,
        pass: Pass,
    ) -> Result<Way, Pass> {
        let is_upgrade = self.sessions.transformer.is_upgrade(head);
        match pass.is_let_in() || !self.door.asks_about_openings(is_upgrade) {
            true => Err(pass),
            false => Ok(self.with_case(key, head, |case| self.door.judge_opening(pass, case))),
        }
    }

    fn with_case<R>(
        &self,
        key: Key,
        head: &RequestHead<'_>,
        judge: impl FnOnce(&Case<'_>) -> R,
    ) -> R {
        let transformer = &self.sessions.transformer;
        let ticket = Cell::new(0);
        judge(&Case {
            options: &self.options,
            head,
            peer: self.net.connection(key).peer,
            known: self.introductions.of(key).map(|known| &**known),
            is_upgrade: transformer.is_upgrade(head),
            is_destroyed: self.destroying.is_destroyed(),
            is_script: &|head| transformer.is_script(head),
            later: &|| {
                ticket.set(self.new_ticket());
                self.layer_ticket(key, ticket.get())
            },
            ticket: &ticket,
            executor: self.tasks.executor(),
            tell_panic: &|panicked| {
                let what = "a layer panicked; the request is answered with 500";
                self.tell_panic(panicked, what);
            },
        })
    }

    fn layer_ticket(&self, connection: Key, ticket: u64) -> LayerTicket {
        let shard = self.shard;
        let server = Arc::clone(&self.server);
        LayerTicket::new(move |decision| {
            let command = Command::Decide {
                connection,
                ticket,
                decision: Box::new(decision),
            };
            server.mesh.send(shard, command);
        })
    }

    /// Keeps what was decided about a request until its body has come. If no layer of the
    /// application was asked, and nothing was decided for this request alone, nothing is kept: the
    /// layers are asked again, with the same result.
    pub(super) fn keep_judged(&mut self, key: Key, way: Way, address: Option<Address>) {
        let has_notes = matches!(&way, Way::Transport(pass) if pass.has_notes());
        if has_notes || self.door.asks_application() {
            self.judged.insert(key, Judged { way, address });
        }
    }

    /// What was decided about the request of this connection before its body had come.
    pub(super) fn take_judged(&mut self, key: Key) -> Option<Judged> {
        if self.judged.is_empty() {
            return None;
        }
        self.judged.remove(&key)
    }

    /// A connection waits for a layer. The request is complete, or its head is in the reader.
    pub(super) fn await_layer(
        &mut self,
        key: Key,
        walk: Walk,
        reader: Reader,
        whole: Option<Whole>,
    ) {
        let layered = Layered {
            walk,
            reader,
            whole,
            pending: Vec::new(),
            decision: None,
        };
        self.net.connection_mut(key).owner = Owner::Layered(Box::new(layered));
        self.net.cancel_idle_timer(key);
    }

    /// Somebody decides with a ticket. The connection may be gone, or serve others by now.
    pub(super) fn decide(&mut self, key: Key, ticket: u64, decision: Decision) {
        if self.net.get(key).is_some()
            && let Owner::Layered(layered) = &mut self.net.connection_mut(key).owner
            && layered.walk.ticket == ticket
            && layered.decision.is_none()
        {
            layered.decision = Some(decision);
            self.resumed.push(key);
        }
    }

    /// Goes on with a request about which a layer has decided.
    pub(super) fn go_on_layered(&mut self, key: Key) {
        let owner = &mut self.net.connection_mut(key).owner;
        let layered = match std::mem::replace(owner, Owner::Nobody) {
            Owner::Layered(layered) => *layered,
            other => {
                *owner = other;
                return;
            }
        };
        let Layered {
            walk,
            reader,
            whole,
            mut pending,
            decision,
            ..
        } = layered;
        let Some(decision) = decision else {
            return;
        };
        self.net.let_go(key, Flags::BEHIND);
        let mut input = Input::new(&mut pending);
        match whole {
            Some(whole) => self.go_on_whole(key, walk, decision, whole, reader, &mut input),
            None => self.go_on_begun(key, walk, decision, reader, &mut input),
        }
        self.charge(key);
        self.settle();
    }

    fn go_on_whole(
        &mut self,
        key: Key,
        walk: Walk,
        decision: Decision,
        mut whole: Whole,
        reader: Reader,
        input: &mut Input<'_>,
    ) {
        let body = whole.take_body();
        let request = Request {
            head: whole.head.head(),
            body,
        };
        let timeout_ms = self.options.keep_alive_timeout_ms.get();
        self.net.set_idle_timer_ms(key, timeout_ms);
        self.net.connection_mut(key).owner = Owner::Http(Reader::new(0));
        let way = self.with_case(key, &request.head, |case| {
            self.door.go_on(walk, decision, case)
        });
        self.go(key, &request, way, None);
        self.settle();
        if let Some(reader) = self.after_request(key, reader, input) {
            self.read_requests(key, reader, input);
        }
    }

    /// The body is still to come, or in what came meanwhile.
    fn go_on_begun(
        &mut self,
        key: Key,
        walk: Walk,
        decision: Decision,
        mut reader: Reader,
        input: &mut Input<'_>,
    ) {
        let Some(head) = reader.begun() else {
            return self.close(key);
        };
        let timeout_ms = self.options.request_timeout_ms.get();
        self.net.set_idle_timer_ms(key, timeout_ms);
        let way = self.with_case(key, &head, |case| self.door.go_on(walk, decision, case));
        if self.begin_judged(key, &mut reader, way) {
            // It may wait for another layer.
            self.keep_behind(key, input.take_all());
        } else {
            self.read_requests(key, reader, input);
        }
    }
}
