//! Calls clients, and carries out what they want.

use allspark_client::core::{Client, Event, Output, Outputs};
use allspark_engine::io::sim::EndpointId;
use allspark_protocol::transformer::Link;
use allspark_protocol::{Input, Instant};

use super::member::Cable;
use super::plan::{Sabotage, Talk};
use super::world::{World, is_loss};
use crate::workload::message::{self, Stamp};

/// The client that is broken on purpose, where one is.
pub(super) const SABOTEUR: u32 = 0;

impl World {
    /// Calls a client and carries out what it wants.
    pub(super) fn call(
        &mut self,
        number: u32,
        call: impl FnOnce(&mut Client, Instant, &mut Outputs),
    ) {
        let now = self.now();
        let mut out = std::mem::take(&mut self.out);
        call(&mut self.members[number as usize].machine, now, &mut out);
        let mut refused = None;
        for output in out.list() {
            match output {
                Output::Connect(link) => {
                    if !self.connect(number, *link) {
                        refused = Some(*link);
                    }
                }
                Output::Write(link, bytes) => self.write(number, *link, out.bytes(bytes.clone())),
                Output::Close(link) => self.close(number, *link),
                Output::Event(event) => self.hear(number, event, &out),
            }
        }
        out.clear();
        self.out = out;
        if let Some(link) = refused {
            self.lost(number, link);
        }
        self.set_alarm(number);
    }

    /// Reads what has arrived for a client.
    pub(super) fn read(&mut self, number: u32, end: EndpointId) {
        loop {
            let member = &self.members[number as usize];
            let Some(cable) = member.cable_at(end).filter(|_| !member.is_asleep) else {
                return;
            };
            match self.net.receive(end, usize::MAX) {
                Some(mut bytes) if !bytes.is_empty() => {
                    if let Some(secrecy) = &mut self.secrecy {
                        let (plain, answer) = secrecy.open(end, &bytes);
                        bytes = plain;
                        self.transmit(end, &answer);
                        if bytes.is_empty() {
                            continue;
                        }
                    }
                    let mut input = Input::new(&mut bytes);
                    self.call(number, |machine, now, out| {
                        machine.receive(now, cable.link, &mut input, out);
                    });
                }
                Some(_) => return,
                None => return self.lost_cable(number, cable),
            }
        }
    }

    /// A connection is over that the client did not close.
    fn lost_cable(&mut self, number: u32, cable: Cable) {
        if self.members[number as usize].live_on == Some(cable.spark) {
            // The server tells of an end before its client can see it.
            self.stop_owing(number, Some(&"the server closed it and did not say so"));
        }
        self.net.close(cable.end);
        self.forget_end(cable.end);
        self.members[number as usize].drop_cable(cable.link);
        let is_saboteur = number == SABOTEUR && cable.is_up;
        if !(is_saboteur && self.plan.sabotage == Some(Sabotage::StaysAway)) {
            self.lost(number, cable.link);
        } else {
            let now = self.now();
            self.auditor.reconnects().lost(number, now);
        }
    }

    fn lost(&mut self, number: u32, link: Link) {
        let now = self.now();
        let member = &mut self.members[number as usize];
        if member.current == Some(link) {
            member.current = None;
            self.auditor.reconnects().lost(number, now);
        }
        self.call(number, |machine, now, out| machine.lost(now, link, out));
    }

    /// Connects a client to a server that its balancer takes for running. Returns whether it could.
    fn connect(&mut self, number: u32, link: Link) -> bool {
        let now = self.now();
        self.auditor.reconnects().attempted(number, now);
        self.series.attempted();
        self.members[number as usize].current = Some(link);
        let Some(node) = self.choose_node() else {
            return false;
        };
        let shard = self.network.below(u64::from(self.plan.shards)) as u16;
        let latency = self.draw_latency();
        let is_admitted = self.restarts.admits(node, number, now, &mut self.auditor);
        if !is_admitted || self.is_refused() {
            return false;
        }
        let driver = self.nodes.driver(node, shard);
        let Some(end) = self.net.connect(driver, latency) else {
            return false;
        };
        let spark = self.net.peer(end).expect("it was just connected");
        self.own(end, number);
        self.own(spark, number);
        // The number may have been that of an end that never became a spark.
        self.silent_early.remove(&spark.0);
        self.members[number as usize].cables.push(Cable {
            link,
            end,
            spark,
            node,
            is_up: false,
            is_excused: false,
            is_void: false,
        });
        self.shape(end);
        if let Some(secrecy) = &mut self.secrecy {
            let hello = secrecy.begin(end);
            self.transmit(end, &hello);
        }
        true
    }

    /// Nobody has any use for a client's end of a connection any more.
    pub(super) fn forget_end(&mut self, end: EndpointId) {
        self.held.remove(&end.0);
        if let Some(secrecy) = &mut self.secrecy {
            secrecy.forget(end);
        }
    }

    /// One of the servers that take connections.
    fn choose_node(&mut self) -> Option<u16> {
        let up = (0..self.nodes.count()).filter(|node| self.nodes.is_up(*node));
        let choice = self.network.below(up.clone().count() as u64);
        up.clone().nth(choice as usize)
    }

    fn write(&mut self, number: u32, link: Link, bytes: &[u8]) {
        let Some(cable) = self.members[number as usize].cable(link) else {
            return;
        };
        // Where nobody talks, a client that is up writes nothing but answers to pings.
        let is_silent = number == SABOTEUR && self.plan.sabotage == Some(Sabotage::KeepsSilence);
        if cable.is_void || (is_silent && cable.is_up) {
            return;
        }
        let end = cable.end;
        match &mut self.secrecy {
            None => self.transmit(end, bytes),
            Some(secrecy) => {
                let sealed = secrecy.seal(end, bytes);
                self.transmit(end, &sealed);
            }
        }
    }

    /// Sends as much as there is room for, and the rest later.
    fn transmit(&mut self, end: EndpointId, bytes: &[u8]) {
        if let Some(held) = self.held.get_mut(&end.0) {
            held.extend_from_slice(bytes);
        } else if let Some(taken) = self.net.send(end, bytes)
            && taken < bytes.len()
        {
            self.held.insert(end.0, bytes[taken..].to_vec());
            self.net.await_room(end);
        }
    }

    /// Sends what a client wrote when there was no room.
    pub(super) fn send_held(&mut self, end: EndpointId) {
        let Some(mut held) = self.held.remove(&end.0) else {
            return;
        };
        match self.net.send(end, &held) {
            Some(taken) if taken < held.len() => {
                held.drain(..taken);
                self.held.insert(end.0, held);
                self.net.await_room(end);
            }
            // All of it is sent, or the connection is broken, which is told to whoever reads.
            _ => {}
        }
    }

    fn close(&mut self, number: u32, link: Link) {
        let now = self.now();
        if let Some(cable) = self.members[number as usize].cable(link) {
            let leaks = number == SABOTEUR && self.plan.sabotage == Some(Sabotage::Leaks);
            if !cable.is_void && !leaks {
                // What is held has found no room for so long that the goodbye is given up.
                let end = cable.end;
                self.forget_end(end);
                self.net.close(end);
            }
            self.members[number as usize].drop_cable(link);
        }
        let member = &mut self.members[number as usize];
        if member.current == Some(link) {
            member.current = None;
            self.auditor.reconnects().lost(number, now);
        }
    }

    fn hear(&mut self, number: u32, event: &Event, out: &Outputs) {
        let now = self.now();
        if is_loss(event) {
            self.left(number);
        }
        match event {
            Event::Open => self.opened(number),
            Event::Data { bytes, .. } => {
                let text = self.plan.wording.text(out.bytes(bytes.clone()));
                if self.talk == Talk::Rooms && self.is_question(number, text) {
                    return;
                }
                let stamp = message::decode(text, self.plan.message_bytes);
                if self.is_owed(number) {
                    self.auditor.received(number, stamp);
                }
            }
            Event::Ping(sent_ms) => {
                self.members[number as usize].last_answer = now;
                let age_ms = sent_ms.map(|sent_ms| self.net.unix_ms().saturating_sub(sent_ms));
                if self.is_owed(number) {
                    self.auditor.pinged(number, now, age_ms);
                }
            }
            Event::End => self.ended(number),
            _ => {}
        }
    }

    /// Whether the server knows of no reason for which the client might miss something.
    fn is_owed(&self, number: u32) -> bool {
        self.members[number as usize].live_on.is_some()
    }

    fn opened(&mut self, number: u32) {
        let member = &mut self.members[number as usize];
        member.is_open = true;
        self.auditor.reconnects().opened(number);
        self.series.opened();
        let now = self.now();
        self.restarts.opened(number, now, &mut self.auditor);
    }

    /// A client has no connection any more, and knows it.
    fn left(&mut self, number: u32) {
        let now = self.now();
        let member = &mut self.members[number as usize];
        self.series.lost(std::mem::take(&mut member.is_open));
        let said_farewell = member.said_farewell;
        if !said_farewell {
            self.restarts.left(number, now);
        }
        member.current = None;
        self.auditor.reconnects().lost(number, now);
        if said_farewell {
            if self.members[number as usize].live_on.take().is_some() {
                self.auditor.closed(number, now);
            }
        } else {
            self.stop_owing(number, Some(&"the client left it"));
        }
        for cable in &mut self.members[number as usize].cables {
            cable.is_excused = true;
        }
    }

    /// The client will not connect again.
    fn ended(&mut self, number: u32) {
        let now = self.now();
        let member = &mut self.members[number as usize];
        if member.said_farewell {
            self.auditor.reconnects().ended(number, now);
        } else {
            member.gave_up = true;
            self.auditor.reconnects().gave_up(number);
        }
    }

    /// A client sends its next message, if it has a connection over which it must get what there is
    /// for it.
    pub(super) fn echo(&mut self, number: u32) {
        let sent_ns = self.now().as_ns();
        let member = &mut self.members[number as usize];
        if !member.is_open || member.live_on.is_none() {
            return;
        }
        let stamp = Stamp {
            from: number,
            sequence: member.sent,
            sent_ns,
        };
        member.sent += 1;
        let mut text = Vec::new();
        message::encode(stamp, self.plan.message_bytes, &mut text);
        self.plan.wording.put(&mut text);
        let kind = self.plan.wording.kind();
        if self.talk == Talk::Echo {
            self.auditor.sent(number, stamp.sequence);
        }
        self.call(number, |machine, now, out| {
            machine.write(now, kind, &text, out);
        });
    }

    /// The servers write the next message to everyone.
    pub(super) fn broadcast(&mut self) {
        let stamp = Stamp {
            from: 0,
            sequence: self.broadcasts,
            sent_ns: self.now().as_ns(),
        };
        self.broadcasts += 1;
        let mut text = Vec::new();
        message::encode(stamp, self.plan.message_bytes, &mut text);
        self.auditor.sent(0, stamp.sequence);
        self.nodes.broadcast(&text);
        // Ends that are due after this moment come after it.
        self.settle();
    }

    /// A client leaves for good.
    pub(super) fn say_farewell(&mut self, number: u32) {
        self.members[number as usize].said_farewell = true;
        self.call(number, |machine, now, out| machine.end(now, out));
        if number == SABOTEUR && self.plan.sabotage == Some(Sabotage::ComesBackUnasked) {
            self.call(number, |machine, now, out| machine.open(now, out));
        }
    }
}
