//! Carries out what client halves want, and hears what they tell.

use allspark_engine::io::{Completion, Driver, Op};
use allspark_protocol::transformer::{
    ClientOutput, ClientOutputs, ClientTransport, End, Kind, Link,
};
use allspark_protocol::{Input, Instant};

use crate::auditor::Fault;
use crate::load::cables::Notice;
use crate::load::client::State;
use crate::load::runner::{Runner, token};

impl<D: Driver> Runner<D> {
    /// A client begins its session.
    pub(in crate::load) fn begin_session(&mut self, index: u32) {
        self.fleet.advance(index, State::Handshaking);
        let seed = self.traffic.seed();
        let bytes_max = self.message_bytes_max();
        let dialect = self.plan.dialect;
        match dialect.half(&self.plan.target, seed, bytes_max) {
            Ok(half) => {
                let half = half.expect("only such dialects have sessions");
                self.sessions.begin(index, half);
                self.drive(index, |half, now, out| half.start(now, out));
            }
            Err(misuse) => self.lose(index, Fault::Refused, &misuse),
        }
    }

    /// A client sends a message.
    pub(in crate::load) fn send_by_session(&mut self, index: u32, kind: Kind, message: &[u8]) {
        self.drive(index, |half, now, out| {
            half.send(now, kind, message, out);
        });
    }

    /// A client says goodbye.
    pub(in crate::load) fn leave_session(&mut self, index: u32) {
        self.drive(index, |half, now, out| half.close(now, out));
    }

    /// The session of a client is over: what it still has to say is sent, the rest is closed.
    pub(in crate::load) fn end_session(&mut self, index: u32) {
        self.fleet.advance(index, State::Ended);
        let session = self.sessions.session(index);
        session.half = None;
        let is_gone = session.cables == 0;
        for (_, cable) in std::mem::take(&mut session.links) {
            self.sessions.cables.abandon(cable, &mut self.driver);
        }
        if is_gone {
            self.fleet.advance(index, State::Gone);
            self.gone(index);
        }
    }

    /// Calls client halves whose time has come.
    pub(in crate::load) fn ring_alarms(&mut self) {
        for (at, index) in self.sessions.alarms.take_due(self.now) {
            let session = self.sessions.session(index);
            if session.alarm != Some(at) {
                continue;
            }
            session.alarm = None;
            let deadline = session.half.as_ref().and_then(|half| half.deadline());
            if deadline.is_some_and(|deadline| deadline <= self.now) {
                self.drive(index, |half, now, out| half.expired(now, out));
            } else {
                self.sessions.set_alarm(index);
            }
        }
    }

    /// Hands the driver what was said on cables in this turn.
    pub(in crate::load) fn flush_cables(&mut self) {
        self.sessions.cables.flush(&mut self.driver);
    }

    /// Something happened to a cable.
    pub(in crate::load) fn cable_completed(&mut self, completion: Completion) {
        match self.sessions.cables.complete(completion, &mut self.driver) {
            None => {}
            Some(Notice::Received {
                client,
                link,
                mut buffer,
            }) => {
                let mut input = Input::new(&mut buffer);
                self.drive(client, |half, now, out| {
                    half.receive(now, link, &mut input, out);
                });
            }
            Some(Notice::Lost { client, link }) => self.link_lost(client, link),
            Some(Notice::Closed { client, lost }) => {
                self.cable_closed(client);
                if let Some(link) = lost {
                    self.link_lost(client, link);
                }
            }
        }
    }

    fn link_lost(&mut self, index: u32, link: Link) {
        self.sessions.forget_link(index, link);
        self.drive(index, |half, now, out| half.lost(now, link, out));
    }

    fn cable_closed(&mut self, index: u32) {
        let session = self.sessions.session(index);
        session.cables -= 1;
        if session.cables == 0 && self.fleet.client(index).state == State::Ended {
            self.fleet.advance(index, State::Gone);
            self.gone(index);
        }
    }

    /// Calls a client half, carries out what it wants, and then acts upon what it tells.
    fn drive(
        &mut self,
        index: u32,
        call: impl FnOnce(&mut dyn ClientTransport, Instant, &mut ClientOutputs),
    ) {
        let mut outputs = self.sessions.spare.pop().unwrap_or_default();
        let now = self.now;
        if let Some(half) = self.sessions.half(index) {
            call(half.as_mut(), now, &mut outputs);
            self.carry_out(index, &outputs);
            self.hear(index, &outputs);
            self.sessions.set_alarm(index);
        }
        outputs.clear();
        self.sessions.spare.push(outputs);
    }

    fn carry_out(&mut self, index: u32, outputs: &ClientOutputs) {
        for output in outputs.list() {
            match output {
                ClientOutput::Connect(link) => {
                    let cable = self.sessions.add_cable(index, *link);
                    // Cables, not clients, take local ports.
                    let address = self.plan.target.address_of(cable);
                    let token = token(cable);
                    self.driver.push(Op::Connect { address, token });
                }
                ClientOutput::Write(link, range) => {
                    self.write(index, *link, outputs.bytes(range.clone()));
                }
                ClientOutput::Close(link) => {
                    if let Some(cable) = self.sessions.cable_of(index, *link) {
                        self.sessions.forget_link(index, *link);
                        self.sessions.cables.finish(cable);
                    }
                }
                ClientOutput::Open | ClientOutput::Message { .. } | ClientOutput::Ended(_) => {}
            }
        }
    }

    fn write(&mut self, index: u32, link: Link, bytes: &[u8]) {
        if let Some(cable) = self.sessions.cable_of(index, link)
            && self.sessions.cables.say(cable, bytes).is_err()
        {
            self.lose(index, Fault::Ended, &"the server reads nothing any more");
        }
    }

    fn hear(&mut self, index: u32, outputs: &ClientOutputs) {
        for output in outputs.list() {
            if self.sessions.half(index).is_none() {
                // It was given up meanwhile.
                return;
            }
            match output {
                ClientOutput::Open => self.opened(index),
                ClientOutput::Message { kind, bytes } => {
                    self.message(index, *kind, outputs.bytes(bytes.clone()));
                }
                ClientOutput::Ended(end) => self.session_ended(index, end),
                ClientOutput::Connect(_) | ClientOutput::Write(..) | ClientOutput::Close(_) => {}
            }
        }
    }

    fn session_ended(&mut self, index: u32, end: &End) {
        match (self.fleet.client(index).state, end) {
            (State::Leaving, end) if end.is_goodbye() => {
                self.left(index);
                self.end_session(index);
            }
            (State::Handshaking, end) if end.is_goodbye() => {
                self.lose(index, Fault::Refused, &"the server said goodbye at once");
            }
            (State::Handshaking, End::Violation(why)) => self.lose(index, Fault::Refused, why),
            (_, End::Goodbye | End::Closed(_)) => {
                self.lose(index, Fault::Ended, &"the server ended the session");
            }
            (_, End::Violation(why)) => self.lose(index, Fault::Violated, why),
        }
    }
}
