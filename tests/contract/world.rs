//! One server and the clients of one case.

use std::collections::{BTreeMap, VecDeque};

use allspark_engine::SparkId;
use allspark_protocol::transformer::{ClientOutput, ClientOutputs, ClientTransport, Kind, Link};
use allspark_protocol::{Input, Instant};
use allspark_transformers::contract::{Act, ClientEvent, ClientSeen, Content, Rig, Seen, Traits};

use crate::app::Log;
use crate::coding::{decode, encode, value};
use crate::net::Net;
use crate::pipes::{Cable, Incoming};
use crate::subjects::Subject;

pub(crate) struct World<N> {
    subject: &'static Subject,
    log: Log,
    net: N,
    members: Vec<Member>,
    /// What the clients told, by number.
    seen: Vec<ClientSeen>,
    /// To whom each cable belongs.
    owners: Vec<(usize, Link)>,
    /// Links that could not be connected, of which their clients do not know yet.
    unconnected: VecDeque<(usize, Link)>,
}

/// A client half and its connections.
struct Member {
    half: Box<dyn ClientTransport>,
    links: BTreeMap<u32, Cable>,
    is_cut: bool,
    is_stalled: bool,
}

impl<N: Net> World<N> {
    pub(crate) fn new(subject: &'static Subject, make: impl FnOnce(&Log) -> N) -> Self {
        let log = Log::new(subject.parser);
        Self {
            subject,
            net: make(&log),
            log,
            members: Vec::new(),
            seen: Vec::new(),
            owners: Vec::new(),
            unconnected: VecDeque::new(),
        }
    }

    /// Lets things happen until `done` says so.
    fn wait_until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.net.now() + N::PATIENCE;
        while !done(self) {
            if self.net.now() >= end {
                let seen = self.look(|seen| format!("{seen:#?}"));
                panic!("not within {:?}: {what}\n{seen}", N::PATIENCE);
            }
            self.turn();
        }
    }

    fn turn(&mut self) {
        let deadlines = self.members.iter().map(|member| member.half.deadline());
        let deadline = deadlines.flatten().min();
        for incoming in self.net.turn(deadline) {
            self.incoming(incoming);
        }
        while let Some((client, link)) = self.unconnected.pop_front() {
            self.call(client, |half, now, out| half.lost(now, link, out));
        }
        let now = self.net.now();
        for client in 0..self.members.len() {
            let deadline = self.members[client].half.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                self.call(client, ClientTransport::expired);
            }
        }
    }

    fn incoming(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Bytes(cable, mut bytes) => {
                let (client, link) = self.owners[cable.0];
                if !self.members[client].links.contains_key(&link.0) {
                    return;
                }
                self.call(client, |half, now, out| {
                    let mut input = Input::new(&mut bytes);
                    half.receive(now, link, &mut input, out);
                    assert!(input.is_empty(), "a client half left bytes");
                });
            }
            Incoming::Lost(cable) => {
                let (client, link) = self.owners[cable.0];
                if self.members[client].links.remove(&link.0).is_some() {
                    self.call(client, |half, now, out| half.lost(now, link, out));
                }
            }
        }
    }

    /// Calls a client half and carries out what it wants.
    fn call(
        &mut self,
        client: usize,
        call: impl FnOnce(&mut dyn ClientTransport, Instant, &mut ClientOutputs),
    ) {
        let mut out = ClientOutputs::default();
        let half = &mut *self.members[client].half;
        call(half, self.net.now(), &mut out);
        for output in out.list() {
            self.carry_out(client, output, &out);
        }
    }

    fn carry_out(&mut self, client: usize, output: &ClientOutput, out: &ClientOutputs) {
        let cable = |link: &Link| self.members[client].links.get(&link.0).copied();
        match output {
            ClientOutput::Connect(link) => self.connect_link(client, *link),
            ClientOutput::Write(link, bytes) => {
                if let Some(cable) = cable(link) {
                    self.net.write(cable, out.bytes(bytes.clone()));
                }
            }
            ClientOutput::Close(link) => {
                if let Some(cable) = self.members[client].links.remove(&link.0) {
                    self.net.close(cable);
                }
            }
            ClientOutput::Open => self.note(client, ClientEvent::Open),
            ClientOutput::Message { kind, bytes } => {
                let content = decode(self.subject.parser, *kind, out.bytes(bytes.clone()));
                self.note(client, ClientEvent::Message(content));
            }
            ClientOutput::Ended(end) => self.note(client, ClientEvent::Ended(end.clone())),
        }
    }

    fn connect_link(&mut self, client: usize, link: Link) {
        let member = &mut self.members[client];
        if member.is_cut {
            self.unconnected.push_back((client, link));
            return;
        }
        let cable = self.net.connect();
        assert_eq!(cable.0, self.owners.len());
        self.owners.push((client, link));
        member.links.insert(link.0, cable);
        if member.is_stalled {
            self.net.stall(cable, true);
        }
    }

    fn note(&mut self, client: usize, event: ClientEvent) {
        let seen = &mut self.seen[client];
        assert!(
            seen.end().is_none(),
            "after its end a client tells {event:?}"
        );
        seen.events.push(event);
    }

    /// Whether the server has forgotten every spark and every connection.
    fn is_forgotten(&self) -> bool {
        let stats = self.net.server().stats();
        stats.sparks_opened == stats.sparks_forgotten
            && stats.connections_accepted == stats.connections_closed
    }
}

impl<N: Net> Rig for World<N> {
    fn traits(&self) -> Traits {
        self.subject.traits
    }

    fn connect(&mut self, query: &str) -> usize {
        let client = self.members.len();
        self.members.push(Member {
            half: (self.subject.client)(query, client as u64),
            links: BTreeMap::new(),
            is_cut: false,
            is_stalled: false,
        });
        self.seen.push(ClientSeen::default());
        self.call(client, ClientTransport::start);
        client
    }

    fn send(&mut self, client: usize, kind: Kind, payload: &[u8]) {
        if self.seen[client].end().is_none() {
            let (kind, payload) = encode(self.subject.parser, kind, payload);
            self.call(client, |half, now, out| {
                half.send(now, kind, &payload, out);
            });
        }
    }

    fn close(&mut self, client: usize) {
        if self.seen[client].end().is_none() {
            self.call(client, ClientTransport::close);
        }
    }

    fn cut(&mut self, client: usize) {
        let member = &mut self.members[client];
        member.is_cut = true;
        for (link, cable) in std::mem::take(&mut member.links) {
            self.net.cut(cable);
            self.unconnected.push_back((client, Link(link)));
        }
    }

    fn stall(&mut self, client: usize, stalled: bool) {
        let member = &mut self.members[client];
        member.is_stalled = stalled;
        for cable in member.links.values() {
            self.net.stall(*cable, stalled);
        }
    }

    fn act(&mut self, spark: SparkId, acts: Vec<Act>) {
        self.log.act(&self.net.server(), spark, acts);
    }

    fn broadcast(&mut self, content: &Content) {
        let written = self.net.server().write(value(content));
        written.expect("the parser takes every text and all bytes");
    }

    fn look<T>(&self, look: impl FnOnce(Seen<'_>) -> T) -> T {
        look(Seen {
            sparks: &self.log.sparks(),
            clients: &self.seen,
        })
    }

    fn wait(&mut self, what: &str, mut done: impl FnMut(Seen<'_>) -> bool) {
        self.wait_until(what, |world| world.look(&mut done));
    }

    fn finish(&mut self) {
        for client in 0..self.members.len() {
            self.close(client);
        }
        self.wait("all have ended", |seen| {
            seen.sparks.iter().all(|spark| spark.has_ended())
                && seen.clients.iter().all(|client| client.end().is_some())
        });
        self.wait_until("the clients have closed their links", |world| {
            world.members.iter().all(|member| member.links.is_empty())
        });
        self.wait_until("the server has forgotten everything", Self::is_forgotten);
        for member in &self.members {
            assert_eq!(member.half.deadline(), None, "a client waits after its end");
        }
        self.net.finish();
    }
}
