//! The requests that a client makes.

use allspark_protocol::Instant;
use allspark_protocol::http::Misuse;
use allspark_protocol::transformer::ClientOutputs;

use super::channel::{Channel, Phase};
use super::chunks::Chunks;
use super::lane::Flight;
use super::timing;
use crate::agent::{Agent, RequestId};

const BAD_TARGET: &str = "host or target cannot be requested";

impl Channel {
    pub(super) fn post(&mut self, agent: &mut Agent, now: Instant, out: &mut ClientOutputs) {
        const FORM: (&str, &str) = (
            "Content-Type",
            "application/x-www-form-urlencoded;charset=utf-8",
        );
        let mut target = self.target();
        if !self.session_id.is_empty() {
            push_pair(&mut target, "SID", &self.session_id);
            push_pair(&mut target, "AID", &self.last_array.to_string());
        }
        push_pair(&mut target, "RID", &self.next_request.to_string());
        self.next_request += 1;
        let body = self.outgoing.body();
        let id = agent.request("POST", &target, &[FORM], Some(&body), out);
        self.forward.retry_at = None;
        let until = timing::forward_until(&mut self.dice, now);
        self.forward.flight = self.flight(id, now, until);
    }

    pub(super) fn open_back_channel(
        &mut self,
        agent: &mut Agent,
        now: Instant,
        out: &mut ClientOutputs,
    ) {
        let mut target = self.target();
        for (name, value) in [
            ("RID", "rpc"),
            ("SID", &self.session_id),
            ("CI", if self.options.streaming { "0" } else { "1" }),
            ("AID", &self.last_array.to_string()),
            ("TYPE", "xmlhttp"),
        ] {
            push_pair(&mut target, name, value);
        }
        let id = agent.request("GET", &target, &[], None, out);
        self.back.retry_at = None;
        self.back.flight = self.flight(id, now, now + timing::SILENCE);
    }

    /// Tells the server that it can forget the session.
    pub(super) fn terminate(&mut self, agent: &mut Agent, out: &mut ClientOutputs) {
        if self.session_id.is_empty() {
            self.phase = Phase::Over;
            return;
        }
        let mut target = self.target();
        push_pair(&mut target, "SID", &self.session_id);
        push_pair(&mut target, "RID", &self.next_request.to_string());
        push_pair(&mut target, "TYPE", "terminate");
        match agent.request("GET", &target, &[], None, out) {
            Ok(id) => self.goodbye = Some(id),
            Err(_) => self.phase = Phase::Over,
        }
    }

    fn flight(
        &mut self,
        id: Result<RequestId, Misuse>,
        started: Instant,
        until: Instant,
    ) -> Option<Flight> {
        let Ok(id) = id else {
            self.fail(BAD_TARGET);
            return None;
        };
        Some(Flight {
            id,
            status: 0,
            body: Chunks::default(),
            started,
            until,
            is_of_use: false,
        })
    }

    /// What all requests under `bind` have in common. `zx` keeps answers out of caches.
    fn target(&mut self) -> String {
        let (path, query) = self
            .options
            .target
            .split_once('?')
            .unwrap_or((&self.options.target, ""));
        let separator = if query.is_empty() { "" } else { "&" };
        let path = path.strip_suffix('/').unwrap_or(path);
        let noise = self.dice.roll();
        format!("{path}/bind?{query}{separator}VER=8&zx={noise:x}")
    }
}

fn push_pair(target: &mut String, name: &str, value: &str) {
    for part in ["&", name, "=", value] {
        target.push_str(part);
    }
}
