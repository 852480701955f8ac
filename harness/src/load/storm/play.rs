//! Calls client machines, carries out what they want, and tells the auditor what it looks like
//! from outside.

use allspark_client::core::{Client, Event, Output, Outputs};
use allspark_engine::io::{Completion, Driver, Op};
use allspark_protocol::transformer::Link;
use allspark_protocol::{Input, Instant};

use super::Storm;
use super::member::Stage;
use super::plan::StormSabotage;
use super::weather::Weather;
use crate::auditor::Fault;
use crate::load::cables::Notice;
use crate::load::runner::token;

impl<D: Driver> Storm<D> {
    /// Calls a client and carries out what it wants.
    pub(super) fn call(
        &mut self,
        number: u32,
        call: impl FnOnce(&mut Client, Instant, &mut Outputs),
    ) {
        let now = self.now;
        let mut out = std::mem::take(&mut self.out);
        call(&mut self.members[number as usize].machine, now, &mut out);
        for output in out.list() {
            match output {
                Output::Connect(link) => self.connect(number, *link),
                Output::Write(link, bytes) => self.write(number, *link, out.bytes(bytes.clone())),
                Output::Close(link) => self.close(number, *link),
                Output::Event(event) => self.hear(number, event, &out),
            }
        }
        out.clear();
        self.out = out;
        self.set_alarm(number);
    }

    /// Calls clients whose time has come.
    pub(super) fn ring_alarms(&mut self) {
        for (at, number) in self.alarms.take_due(self.now) {
            let member = &mut self.members[number as usize];
            if member.alarm != Some(at) {
                continue;
            }
            member.alarm = None;
            let deadline = member.machine.deadline();
            if deadline.is_some_and(|deadline| deadline <= self.now) {
                self.due = deadline;
                self.call(number, |machine, now, out| machine.expired(now, out));
                self.due = None;
            } else {
                self.set_alarm(number);
            }
        }
    }

    /// Something happened to a cable.
    pub(super) fn complete(&mut self, completion: Completion) {
        match self.cables.complete(completion, &mut self.driver) {
            None => {}
            Some(Notice::Received {
                client,
                link,
                mut buffer,
            }) => {
                let mut input = Input::new(&mut buffer);
                self.call(client, |machine, now, out| {
                    machine.receive(now, link, &mut input, out);
                });
            }
            Some(Notice::Lost { client, link }) => self.link_lost(client, link),
            Some(Notice::Closed { client, lost }) => {
                self.members[client as usize].cables -= 1;
                self.cables_open -= 1;
                if let Some(link) = lost {
                    self.link_lost(client, link);
                }
            }
        }
    }

    /// Where a client has one cable at a time, its loss is that of the connection, whatever the
    /// client makes of it.
    fn link_lost(&mut self, number: u32, link: Link) {
        self.members[number as usize].forget(link);
        if self.plan.dialect.is_plain_websocket() {
            self.left(number);
        }
        if self.storm.sabotage != Some(StormSabotage::StaysAway) {
            self.call(number, |machine, now, out| machine.lost(now, link, out));
        }
    }

    fn connect(&mut self, number: u32, link: Link) {
        self.attempted(number);
        let cable = self.cables.begin(number, link);
        let member = &mut self.members[number as usize];
        member.links.push((link, cable));
        member.cables += 1;
        self.cables_open += 1;
        // Cables, not clients, take local ports.
        let address = self.plan.target.address_of(cable);
        let token = token(cable);
        self.driver.push(Op::Connect { address, token });
    }

    /// A client connects: that is an attempt, unless its transport takes several cables for one
    /// connection and this is not the first.
    fn attempted(&mut self, number: u32) {
        let member = &mut self.members[number as usize];
        if member.stage != Stage::Away && !self.plan.dialect.is_plain_websocket() {
            return;
        }
        member.stage = Stage::Trying;
        if member.was_open {
            member.attempts += 1;
            self.tally.attempts += 1;
        }
        let late = self.due.map(|due| self.now - due);
        if let Some(late) = late {
            let ns = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            self.tally.lateness_ns.saturating_record(ns);
        }
        let late = late.unwrap_or_default();
        let reconnects = self.auditor.reconnects();
        reconnects.attempted_late(number, self.now, late);
    }

    fn write(&mut self, number: u32, link: Link, bytes: &[u8]) {
        if let Some(cable) = self.members[number as usize].cable(link)
            && self.cables.say(cable, bytes).is_err()
        {
            let why = "the server reads nothing any more";
            self.auditor
                .note(Fault::Ended, || format!("client {number}: {why}"));
            self.cables.abandon(cable, &mut self.driver);
        }
    }

    fn close(&mut self, number: u32, link: Link) {
        let member = &mut self.members[number as usize];
        if let Some(cable) = member.cable(link) {
            member.forget(link);
            self.cables.finish(cable);
        }
    }

    fn hear(&mut self, number: u32, event: &Event, out: &Outputs) {
        match event {
            Event::Open => self.opened(number),
            Event::ReconnectTimeout(_) => {
                self.tally.timeouts += 1;
                self.auditor.reconnects().timed_out(number, self.now);
                self.left(number);
            }
            // A connection that was open, or the first one, or an attempt, has come to nothing.
            Event::Close | Event::Timeout | Event::ReconnectScheduled(_) => self.left(number),
            Event::End => self.ended(number, out),
            Event::Ping(_) => self.meter.pinged(),
            _ => {}
        }
    }

    fn opened(&mut self, number: u32) {
        let member = &mut self.members[number as usize];
        member.stage = Stage::Open;
        member.server = self.servers;
        self.back += 1;
        let attempts = std::mem::take(&mut member.attempts);
        self.tally.attempts_max = self.tally.attempts_max.max(attempts);
        self.auditor.opened(number, self.now);
        self.auditor.reconnects().opened(number);
        if !std::mem::replace(&mut member.was_open, true) {
            self.opening_count -= 1;
            self.opening.opened += 1;
            self.opening_progressed();
        } else if let Weather::Up { since, .. } = self.weather {
            let ns = u64::try_from((self.now - since).as_nanos()).unwrap_or(u64::MAX);
            self.tally.return_ns.saturating_record(ns);
        }
    }

    /// A client has no connection any more, or has not got one.
    fn left(&mut self, number: u32) {
        let member = &mut self.members[number as usize];
        match std::mem::replace(&mut member.stage, Stage::Away) {
            Stage::Away => return,
            Stage::Trying => {}
            Stage::Open => self.lost(number),
        }
        self.auditor.reconnects().lost(number, self.now);
    }

    /// A client lost the connection that it had.
    fn lost(&mut self, number: u32) {
        let member = &self.members[number as usize];
        let is_of_this_server = member.server == self.servers;
        self.back -= u32::from(is_of_this_server);
        let is_running = !matches!(self.weather, Weather::Down { .. });
        if member.said_farewell {
            self.auditor.closed(number, self.now);
        } else if is_of_this_server && is_running {
            let why = "the server, which is running, ended the connection";
            self.auditor.broke(number, Fault::Ended, &why);
        } else {
            self.auditor.excused(number);
        }
    }

    /// A client will not connect again. If the connection was open until now, the server told it
    /// so; else it has used up its attempts.
    fn ended(&mut self, number: u32, out: &Outputs) {
        if self.members[number as usize].said_farewell {
            return;
        }
        if out.list().contains(&Output::Event(Event::Close)) {
            self.auditor.reconnects().ended(number, self.now);
            self.auditor.note(Fault::Ended, || {
                format!("client {number}: the server told it not to come back")
            });
        } else {
            self.auditor.reconnects().gave_up(number);
        }
    }

    /// Sets the alarm of a client, unless an earlier one is set: when that rings it is set anew.
    fn set_alarm(&mut self, number: u32) {
        let member = &mut self.members[number as usize];
        let Some(at) = member.machine.deadline() else {
            return;
        };
        if member.alarm.is_none_or(|alarm| at < alarm) {
            member.alarm = Some(at);
            self.alarms.set(at, number);
        }
    }
}
