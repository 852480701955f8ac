//! The world: one network, its servers, its clients, and the order in which things happen.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use allspark_client::core::{Event, Outputs};
use allspark_engine::io::sim::{EndpointId, Notice, SimNet};
use allspark_protocol::{Dice, Instant};

use super::app::{Heard, What};
use super::machines::machines;
use super::member::Member;
use super::nodes::Nodes;
use super::plan::{SimPlan, Talk};
use super::purpose::Purpose;
use super::restarts::Restarts;
use super::rooms::Rooms;
use super::script::Act;
use super::secrecy::Secrecy;
use super::series::Series;
use super::swarm::{Tally, Weights};
use super::villains::Villains;
use crate::auditor::{Auditor, ConnectionId, Fault, Silence};

/// Everything there is.
pub(super) struct World {
    pub(super) plan: SimPlan,
    pub(super) talk: Talk,
    pub(super) weights: Weights,
    pub(super) tally: Tally,
    pub(super) net: SimNet,
    pub(super) nodes: Nodes,
    pub(super) members: Vec<Member>,
    pub(super) auditor: Auditor,
    pub(super) series: Series,
    /// What restarts do, where there are any.
    pub(super) restarts: Restarts,
    pub(super) network: Dice,
    pub(super) traffic: Dice,
    pub(super) faults: Dice,
    pub(super) villains: Villains,
    /// Who is in which room, where somebody talks in rooms.
    pub(super) rooms: Rooms,
    /// What clients have to answer.
    pub(super) answers: Vec<(u32, Vec<u8>)>,
    /// What is to happen, by time and by the order in which it was planned.
    script: BTreeMap<(Instant, u64), Act>,
    planned: u64,
    /// When clients want to be called. An alarm may be early: the client is then looked at again.
    alarms: BinaryHeap<Reverse<(Instant, u32)>>,
    /// Whose end of a connection it is, by its number; [`NOBODY`] if it is nobody's any more.
    owners: Vec<u32>,
    /// When ends of servers fell silent before they were sparks.
    pub(super) silent_early: BTreeMap<u32, Instant>,
    heard: Vec<Heard>,
    /// What clients have written and the network has no room for, by their end of the connection.
    pub(super) held: BTreeMap<u32, Vec<u8>>,
    /// The clients' ends of encrypted connections, in a world that has them.
    pub(super) secrecy: Option<Secrecy>,
    /// Where clients write to, one after the other.
    pub(super) out: Outputs,
    /// Broadcasts so far.
    pub(super) broadcasts: u32,
    pub(super) is_calm: bool,
}

const NOBODY: u32 = u32::MAX;

/// Rounds that one moment may take. What is due is done in a few; somebody who is never done, or
/// whom nobody hears, would stop the time for ever.
const ROUNDS_MAX: u32 = 10_000;

impl World {
    /// A world in which nothing has happened yet.
    pub(super) fn new(plan: &SimPlan, talk: Talk, weights: Weights, auditor: Auditor) -> Self {
        let net = SimNet::default();
        let secrecy = Secrecy::draw(plan.scenario, plan.seed);
        if secrecy.is_some() {
            net.hide_bytes();
        }
        let acceptor = secrecy.as_ref().map(Secrecy::acceptor);
        let mut nodes = Nodes::new(&net, plan, talk, weights.limits, acceptor);
        nodes.settle();
        let mut world = Self {
            talk,
            weights,
            tally: Tally::default(),
            nodes,
            members: machines(plan).map(Member::new).collect(),
            auditor,
            series: Series::new(net.now()),
            restarts: Restarts::none(),
            network: Purpose::Network.dice(plan.seed),
            traffic: Purpose::Traffic.dice(plan.seed),
            faults: Purpose::Faults.dice(plan.seed),
            villains: Villains::of(plan.seed),
            rooms: Rooms::new(
                plan.seed,
                if talk == Talk::Rooms { plan.clients } else { 0 },
            ),
            answers: Vec::new(),
            script: BTreeMap::new(),
            planned: 0,
            alarms: BinaryHeap::new(),
            owners: Vec::new(),
            silent_early: BTreeMap::new(),
            heard: Vec::new(),
            held: BTreeMap::new(),
            secrecy,
            out: Outputs::default(),
            broadcasts: 0,
            is_calm: false,
            plan: plan.clone(),
            net,
        };
        world.write_script();
        world
    }

    pub(super) fn now(&self) -> Instant {
        self.net.now()
    }

    /// Plans something.
    pub(super) fn plan_at(&mut self, at: Instant, act: Act) {
        self.planned += 1;
        self.script.insert((at, self.planned), act);
    }

    pub(super) fn plan_in(&mut self, delay: Duration, act: Act) {
        self.plan_at(self.now() + delay, act);
    }

    /// Lets virtual time pass.
    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now() + duration;
        let mut rounds = 0;
        self.settle();
        while let Some(next) = self.next_moment().filter(|next| *next <= end) {
            rounds = if next > self.now() { 0 } else { rounds + 1 };
            assert!(rounds < ROUNDS_MAX, "time stands still at {next:?}");
            self.net.advance_to(next);
            self.series.note(next, self.auditor.live_count());
            // First whatever arrives now: what clients and the script do comes after it, and is
            // never mixed with it inside a server.
            self.settle();
            self.ring_alarms();
            self.follow_script();
            self.settle();
        }
        self.net.advance_to(end);
    }

    /// When something happens next.
    fn next_moment(&self) -> Option<Instant> {
        let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
        let act = self.script.first_key_value().map(|((at, _), _)| *at);
        let moments = [
            self.net.next_event(),
            self.nodes.next_deadline(),
            alarm,
            act,
        ];
        moments.into_iter().flatten().min()
    }

    /// Lets everything happen that can happen at this moment.
    pub(super) fn settle(&mut self) {
        loop {
            self.nodes.settle();
            self.hear_servers();
            let mut did_something = false;
            while let Some((end, notice)) = self.net.next_client_notice() {
                did_something = true;
                match (notice, self.owner(end)) {
                    (Notice::Writable, _) => self.send_held(end),
                    (_, Some(number)) => self.read(number, end),
                    (_, None) => {}
                }
            }
            self.send_answers();
            if !did_something {
                return;
            }
        }
    }

    fn ring_alarms(&mut self) {
        let now = self.now();
        while let Some(Reverse((at, number))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            let member = &mut self.members[number as usize];
            if member.alarm == Some(at) {
                member.alarm = None;
            }
            if member.machine.deadline().is_some_and(|due| due <= now) {
                self.call(number, |machine, now, out| machine.expired(now, out));
            }
            self.set_alarm(number);
        }
    }

    /// Sees to it that the client is looked at when it wants to be called. A deadline that moves
    /// away, as that of the next ping does with each ping, costs nothing until the old one passes.
    pub(super) fn set_alarm(&mut self, number: u32) {
        let member = &mut self.members[number as usize];
        let Some(deadline) = member.machine.deadline() else {
            return;
        };
        if member.alarm.is_none_or(|alarm| deadline < alarm) {
            member.alarm = Some(deadline);
            self.alarms.push(Reverse((deadline, number)));
        }
    }

    fn follow_script(&mut self) {
        while let Some(entry) = self.script.first_entry()
            && entry.key().0 <= self.net.now()
        {
            let act = entry.remove();
            self.act(act);
        }
    }

    /// Hears what the servers' applications have heard.
    fn hear_servers(&mut self) {
        let mut heard = std::mem::take(&mut self.heard);
        self.nodes.take_heard(&mut heard);
        for one in heard.drain(..) {
            match &one.what {
                What::Connection(_) => self.connected(one),
                What::Disconnection => self.disconnected(&one),
                What::Wrote(wrote) => self.handler_wrote(&one, *wrote),
                What::Settled(settled) => self.settled(one.end, *settled),
            }
        }
        self.heard = heard;
        self.join_rooms();
    }

    fn connected(&mut self, heard: Heard) {
        let (id, now) = (connection(heard.end), self.now());
        self.auditor.sparks().connected(id, heard.node);
        if let Some(since) = self.silent_early.remove(&heard.end.0) {
            let silence = Silence {
                last_answer: since.max(now),
                cut_off: None,
            };
            self.auditor.sparks().fell_silent(id, silence);
        }
        let Some(number) = self.owner(heard.end) else {
            return;
        };
        let member = &mut self.members[number as usize];
        member.last_answer = now;
        let current = member.current;
        let Some(cable) = member.cable_of_spark(heard.end) else {
            return;
        };
        cable.is_up = true;
        if Some(cable.link) == current && !cable.is_excused {
            member.live_on = Some(heard.end);
            self.auditor.opened(number, now);
            if let What::Connection(Some(spark)) = heard.what {
                self.rooms.connected(number, spark, heard.node);
            }
        }
    }

    fn disconnected(&mut self, heard: &Heard) {
        let now = self.now();
        self.auditor
            .sparks()
            .disconnected(connection(heard.end), now);
        let Some(number) = self.owner(heard.end) else {
            return;
        };
        if self.members[number as usize].live_on == Some(heard.end) {
            self.stop_owing(number, Some(&"the server ended it"));
        }
    }

    /// A client must get nothing any more. `blame` says why, unless there is an excuse.
    pub(super) fn stop_owing(&mut self, number: u32, blame: Option<&dyn std::fmt::Display>) {
        let now = self.now();
        let member = &mut self.members[number as usize];
        let Some(spark) = member.live_on.take() else {
            return;
        };
        let excused = now < member.excused_until
            || member
                .cable_of_spark(spark)
                .is_some_and(|cable| cable.is_excused);
        match blame {
            Some(why) if !excused => self.auditor.broke(number, Fault::Ended, why),
            _ => self.auditor.excused(number),
        }
    }

    pub(super) fn owner(&self, end: EndpointId) -> Option<u32> {
        let owner = self.owners.get(end.0 as usize).copied()?;
        (owner != NOBODY).then_some(owner)
    }

    pub(super) fn own(&mut self, end: EndpointId, number: u32) {
        let index = end.0 as usize;
        if self.owners.len() <= index {
            self.owners.resize(index + 1, NOBODY);
        }
        self.owners[index] = number;
    }
}

/// How the auditor calls the connection with this end at the server.
pub(super) fn connection(spark: EndpointId) -> ConnectionId {
    ConnectionId(u64::from(spark.0))
}

/// Whether an event says that the client has no connection any more.
pub(super) fn is_loss(event: &Event) -> bool {
    matches!(
        event,
        Event::Close | Event::Offline | Event::Timeout | Event::ReconnectTimeout(_)
    )
}
