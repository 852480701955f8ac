//! All clients, on one thread.
//!
//! Each opens its session, sends its messages in portions with pauses between them, stops reading
//! for a while now and then, closes connections on which nothing is under way, and, some of them,
//! one on which something is. When all that can be served are served, all say goodbye.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use allspark_engine::{Handle, Stats};
use allspark_protocol::transformer::{
    ClientOutput, ClientOutputs, ClientTransport, End, Kind, Link,
};
use allspark_protocol::{Input, Instant};

use crate::ledger::{Ledger, message};
use crate::member::{Line, Member, Stage};
use crate::pipes::{Incoming, Pipes};

/// Messages of each client.
const MESSAGES: u32 = 4;

/// One client in so many has a connection cut in the middle of a request.
const CUT_EVERY: usize = 16;

/// Clients that open their sessions, or say goodbye, at the same time.
const AT_ONCE_MAX: usize = 500;

/// Descriptors of clients and server together. Beyond, connections on which nothing is under way
/// are closed; the limit of a process is 20,000 where this was written.
const SOCKETS_MAX: usize = 16_000;

/// How long a client does nothing, at least.
const PAUSE_MS_MIN: u64 = 20;

/// How much longer it may do nothing.
const PAUSE_MS_SPREAD: u64 = 400;

/// How many clients are asked to close their idle connections in one turn.
const SHED_PER_TURN: usize = 200;

/// A test that passes never waits for so long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(400);

/// How long a turn lasts at most: what the server counts wakes nobody here.
const TURN_MAX: Duration = Duration::from_millis(10);

const LINK_UNKNOWN: &str = "a client half uses a link that it has closed";

pub(crate) struct Crowd {
    pipes: Pipes,
    server: Handle,
    ledger: Arc<Ledger>,
    members: Vec<Member>,
    /// To whom each cable belongs.
    owners: Vec<(usize, Link)>,
    /// How many members are at each stage.
    tally: [usize; Stage::COUNT],
    alarms: BinaryHeap<Reverse<(Instant, usize)>>,
    outputs: ClientOutputs,
    stats: Stats,
    /// Who is asked next to close idle connections.
    shed_next: usize,
    /// What happened.
    pub(crate) deeds: Deeds,
}

/// How often the crowd did what a server must endure.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    pub(crate) connects: u64,
    pub(crate) idle_drops: u64,
    pub(crate) cuts: u64,
    pub(crate) stalls: u64,
    pub(crate) open_at_once_max: u64,
}

impl Crowd {
    pub(crate) fn new(
        address: SocketAddr,
        server: Handle,
        ledger: Arc<Ledger>,
        clients: usize,
        seed: u64,
    ) -> Self {
        let host = address.to_string();
        let members = (0..clients).map(|client| {
            let mut member = Member::new(&host, client, seed + client as u64);
            if client % CUT_EVERY == 0 {
                let after = member.random.below(u64::from(MESSAGES)) as u32;
                member.cut_after = Some(after);
            }
            member
        });
        let mut tally = [0; Stage::COUNT];
        tally[Stage::New as usize] = clients;
        Self {
            pipes: Pipes::new(address),
            members: members.collect(),
            stats: server.stats(),
            server,
            ledger,
            owners: Vec::new(),
            tally,
            alarms: BinaryHeap::new(),
            outputs: ClientOutputs::default(),
            shed_next: 0,
            deeds: Deeds::default(),
        }
    }

    /// Opens all sessions and lets messages go both ways until all have come.
    pub(crate) fn be_served(&mut self) {
        self.each_in_turn(Stage::New, Stage::Opening, ClientTransport::start);
        self.run_until("all are served", |crowd| {
            crowd.tally(Stage::Opening) + crowd.tally(Stage::Open) == 0
        });
    }

    /// Says goodbye, and waits until the server has forgotten everybody who could.
    pub(crate) fn leave(&mut self) {
        self.each_in_turn(Stage::Served, Stage::Closing, ClientTransport::close);
        self.run_until("all have ended", |crowd| crowd.tally(Stage::Closing) == 0);
        let cut_off = self.members.iter().filter(|member| member.may_end());
        let cut_off = cut_off.count() as u64;
        self.run_until("all is forgotten", |crowd| {
            let stats = &crowd.stats;
            crowd.pipes.sockets() == 0
                && stats.sparks_opened - stats.sparks_forgotten <= cut_off
                && stats.connections_closed == stats.connections_accepted
        });
    }

    /// Compares what each client sent and heard with what the server heard.
    pub(crate) fn audit(&self) {
        for member in &self.members {
            if member.may_end() {
                continue;
            }
            let (client, transport) = (member.client, member.transport);
            let heard = self.ledger.heard(client);
            let counts = [
                member.sent,
                heard,
                member.echoes.count(),
                member.owns.count(),
            ];
            if counts != [MESSAGES, MESSAGES, MESSAGES, MESSAGES + 1] {
                self.ledger.fault(format!(
                    "session {client} ({transport:?}) sent, the server heard, it heard: {counts:?}"
                ));
            }
        }
    }

    /// Has every client of a stage do this, a bounded number at the same time.
    fn each_in_turn(
        &mut self,
        from: Stage,
        to: Stage,
        act: fn(&mut dyn ClientTransport, Instant, &mut ClientOutputs),
    ) {
        for client in 0..self.members.len() {
            if self.members[client].stage != from {
                continue;
            }
            self.run_until("there is room", |crowd| {
                crowd.tally(to) < AT_ONCE_MAX && crowd.has_room()
            });
            if self.members[client].stage == from {
                self.set_stage(client, to);
                self.call(client, act);
            }
        }
    }

    fn run_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = self.pipes.now() + PATIENCE;
        while !done(self) {
            if self.pipes.now() >= end {
                let waiting = self.members.iter().filter(|member| member.is_waiting());
                let some: Vec<String> = waiting.take(10).map(Member::describe).collect();
                let (tally, stats) = (self.tally, self.stats);
                panic!("not within {PATIENCE:?}: {what}; {tally:?}, {some:#?}, {stats:#?}");
            }
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.stats = self.server.stats();
        let open = self.stats.sparks_opened - self.stats.sparks_ended;
        self.deeds.open_at_once_max = self.deeds.open_at_once_max.max(open);
        self.shed();
        let soon = self.pipes.now() + TURN_MAX;
        let first = self.alarms.peek().map(|Reverse((at, _))| *at);
        let until = first.map_or(soon, |at| at.min(soon));
        for incoming in self.pipes.turn(until) {
            self.incoming(incoming);
        }
        let now = self.pipes.now();
        while let Some(Reverse((at, client))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            if self.members[client].alarm == Some(at) {
                self.members[client].alarm = None;
                self.wake(client, now);
            }
        }
    }

    /// Whether there are descriptors for further connections.
    fn has_room(&self) -> bool {
        let served = self.stats.connections_accepted - self.stats.connections_closed;
        self.pipes.sockets() + (served as usize) < SOCKETS_MAX
    }

    /// Makes room.
    fn shed(&mut self) {
        if self.has_room() {
            return;
        }
        for _ in 0..SHED_PER_TURN {
            self.drop_idle(self.shed_next);
            self.shed_next = (self.shed_next + 1) % self.members.len();
        }
    }

    fn incoming(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Bytes(cable, mut bytes) => {
                let (client, link) = self.owners[cable.0];
                let Some(line) = self.members[client].line(link) else {
                    return;
                };
                line.answered(&bytes);
                self.call(client, |half, now, out| {
                    let mut input = Input::new(&mut bytes);
                    half.receive(now, link, &mut input, out);
                    assert!(input.is_empty(), "a client half left bytes");
                });
            }
            Incoming::Lost(cable) => {
                let (client, link) = self.owners[cable.0];
                if self.members[client].remove(link).is_some() {
                    self.call(client, |half, now, out| half.lost(now, link, out));
                }
            }
        }
    }

    /// Something may be due.
    fn wake(&mut self, client: usize, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.members[client].half.deadline()) {
            self.call(client, ClientTransport::expired);
        }
        if is_due(self.members[client].next_step) {
            self.step(client, now);
        }
        self.arm(client);
    }

    /// A client does something, and chooses when it does something again.
    fn step(&mut self, client: usize, now: Instant) {
        let member = &mut self.members[client];
        member.next_step = None;
        if member.is_stalled {
            self.stall(client, false);
        } else if member.stage == Stage::Open {
            match member.random.below(10) {
                0..6 => self.send(client),
                6..8 => self.drop_idle(client),
                _ => self.stall(client, true),
            }
        }
        let member = &mut self.members[client];
        if member.stage == Stage::Open || member.is_stalled {
            let pause = Duration::from_millis(PAUSE_MS_MIN + member.random.below(PAUSE_MS_SPREAD));
            member.next_step = Some(now + pause);
        }
    }

    /// Sends the next few messages, and perhaps cuts the connection that some of them are on.
    fn send(&mut self, client: usize) {
        if !self.has_room() {
            return;
        }
        let member = &mut self.members[client];
        let portion = 1 + member.random.below(3) as u32;
        let last = MESSAGES.min(member.sent + portion);
        for number in member.sent..last {
            let text = message(client, number);
            self.members[client].sent = number + 1;
            self.call(client, |half, now, out| {
                half.send(now, Kind::Text, text.as_bytes(), out);
            });
        }
        let member = &mut self.members[client];
        if member.cut_after.take_if(|after| *after < last).is_some() {
            self.cut(client);
        }
    }

    /// Stops reading, or reads again.
    fn stall(&mut self, client: usize, stalled: bool) {
        let member = &mut self.members[client];
        member.is_stalled = stalled;
        self.deeds.stalls += u64::from(stalled);
        for line in &member.links {
            self.pipes.stall(line.cable, stalled);
        }
    }

    /// Closes connections on which nothing is under way.
    fn drop_idle(&mut self, client: usize) {
        while let Some(link) = self.members[client].any_line(false) {
            self.deeds.idle_drops += 1;
            self.drop_link(client, link);
        }
    }

    /// Closes a connection on which something is under way.
    fn cut(&mut self, client: usize) {
        let member = &mut self.members[client];
        if let Some(link) = member.any_line(true) {
            member.was_cut = true;
            self.deeds.cuts += 1;
            self.drop_link(client, link);
        }
    }

    fn drop_link(&mut self, client: usize, link: Link) {
        let line = self.members[client].remove(link).expect(LINK_UNKNOWN);
        self.pipes.cut(line.cable);
        self.call(client, |half, now, out| half.lost(now, link, out));
    }

    /// Calls a client half and carries out what it wants.
    fn call(
        &mut self,
        client: usize,
        call: impl FnOnce(&mut dyn ClientTransport, Instant, &mut ClientOutputs),
    ) {
        let mut out = std::mem::take(&mut self.outputs);
        call(&mut *self.members[client].half, self.pipes.now(), &mut out);
        for output in out.list() {
            self.carry_out(client, output, &out);
        }
        out.clear();
        self.outputs = out;
        self.arm(client);
    }

    fn carry_out(&mut self, client: usize, output: &ClientOutput, out: &ClientOutputs) {
        let member = &mut self.members[client];
        match output {
            ClientOutput::Connect(link) => {
                let cable = self.pipes.connect();
                self.deeds.connects += 1;
                assert_eq!(cable.0, self.owners.len());
                self.owners.push((client, *link));
                member.links.push(Line::new(*link, cable));
                if member.is_stalled {
                    self.pipes.stall(cable, true);
                }
            }
            ClientOutput::Write(link, bytes) => {
                let line = member.line(*link).expect(LINK_UNKNOWN);
                line.asked();
                self.pipes.write(line.cable, out.bytes(bytes.clone()));
            }
            ClientOutput::Close(link) => {
                // Of a link that was lost the half does not know yet.
                if let Some(line) = member.remove(*link) {
                    self.pipes.close(line.cable);
                }
            }
            ClientOutput::Open => self.opened(client),
            ClientOutput::Message { bytes, .. } => self.heard(client, out.bytes(bytes.clone())),
            ClientOutput::Ended(end) => self.ended(client, end),
        }
    }

    fn opened(&mut self, client: usize) {
        self.set_stage(client, Stage::Open);
        let member = &mut self.members[client];
        let pause = Duration::from_millis(member.random.below(PAUSE_MS_SPREAD));
        member.next_step = Some(self.pipes.now() + pause);
    }

    fn heard(&mut self, client: usize, text: &[u8]) {
        let member = &mut self.members[client];
        if let Err(fault) = member.hear(text) {
            self.ledger.fault(fault);
        }
        if member.stage == Stage::Open && member.is_served(MESSAGES) {
            self.set_stage(client, Stage::Served);
        }
    }

    fn ended(&mut self, client: usize, end: &End) {
        let member = &self.members[client];
        let is_due = member.stage == Stage::Closing && end.is_goodbye();
        if !is_due && !member.may_end() {
            let (transport, stage) = (member.transport, member.stage);
            self.ledger.fault(format!(
                "session {client} ({transport:?}, {stage:?}) ends: {end:?}"
            ));
        }
        self.set_stage(client, Stage::Over);
    }

    fn set_stage(&mut self, client: usize, stage: Stage) {
        let before = std::mem::replace(&mut self.members[client].stage, stage);
        self.tally[before as usize] -= 1;
        self.tally[stage as usize] += 1;
    }

    fn tally(&self, stage: Stage) -> usize {
        self.tally[stage as usize]
    }

    /// Sees to it that the client is looked at in time.
    fn arm(&mut self, client: usize) {
        let member = &mut self.members[client];
        if let Some(due) = member.due()
            && member.alarm.is_none_or(|alarm| due < alarm)
        {
            member.alarm = Some(due);
            self.alarms.push(Reverse((due, client)));
        }
    }
}
