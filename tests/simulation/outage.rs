//! Clients that lose their server, all at once, and come back by the reconnect algorithm.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use allspark_client::core::{Attempt, Client, ClientOptions, Event, Output, Outputs};
use allspark_engine::Options;
use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_protocol::transformer::Link;
use allspark_protocol::{Input, Instant};
use allspark_transformers::websockets::WebSockets;

const CLIENTS: usize = 1_000;
const LATENCY: Duration = Duration::from_millis(5);

/// A thousand clients lose their server for ten seconds. Each comes back with the first attempt
/// after that; no attempt comes at another moment than the algorithm says.
#[test]
fn a_thousand_clients_come_back() {
    let outage = Duration::from_secs(10);
    let mut world = World::new(11);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.open(), CLIENTS);
    let cut = world.net.now();
    world.cut(outage);
    assert_eq!(world.open(), 0);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.open(), CLIENTS, "all are back");
    for member in &world.members {
        member.judge(cut, cut + outage);
    }
    world.judge_means();
    let stats = world.server.handle().stats();
    assert_eq!(stats.sparks_opened, 2 * CLIENTS as u64);
}

struct World {
    net: SimNet,
    server: SimServer<WebSockets>,
    members: Vec<Member>,
    ends: HashMap<EndpointId, usize>,
    alarms: BTreeSet<(Instant, usize)>,
    /// Until then nobody can connect.
    down_until: Instant,
}

struct Member {
    machine: Client,
    links: Vec<(Link, EndpointId)>,
    alarm: Option<Instant>,
    is_open: bool,
    /// Every attempt, when it was scheduled and when it began.
    scheduled: Vec<(Instant, Attempt)>,
    begun: Vec<(Instant, Attempt)>,
    reconnected: Option<Attempt>,
}

impl World {
    fn new(seed: u64) -> Self {
        let net = SimNet::default();
        let transformer = WebSockets::uncompressed(1 << 20);
        let mut server = SimServer::new(&net, Options::default(), &transformer, 2, seed, |_| {});
        server.settle();
        let options = Arc::new(ClientOptions::default());
        let member = |number| Member {
            machine: Client::new(Arc::clone(&options), seed << 32 | number as u64),
            links: Vec::new(),
            alarm: None,
            is_open: false,
            scheduled: Vec::new(),
            begun: Vec::new(),
            reconnected: None,
        };
        let mut world = Self {
            members: (0..CLIENTS).map(member).collect(),
            down_until: net.now(),
            net,
            server,
            ends: HashMap::new(),
            alarms: BTreeSet::new(),
        };
        for number in 0..CLIENTS {
            world.call(number, |machine, now, out| machine.open(now, out));
        }
        world
    }

    fn open(&self) -> usize {
        self.members.iter().filter(|member| member.is_open).count()
    }

    /// Every connection breaks, and for so long nobody can connect.
    fn cut(&mut self, outage: Duration) {
        self.down_until = self.net.now() + outage;
        for number in 0..CLIENTS {
            for (link, end) in std::mem::take(&mut self.members[number].links) {
                self.net.close(end);
                self.ends.remove(&end);
                self.call(number, |machine, now, out| machine.lost(now, link, out));
            }
        }
    }

    fn run_for(&mut self, duration: Duration) {
        let end = self.net.now() + duration;
        loop {
            self.settle();
            let alarm = self.alarms.first().map(|(at, _)| *at);
            let next = [self.net.next_event(), self.server.next_deadline(), alarm];
            match next.into_iter().flatten().min() {
                Some(next) if next <= end => self.net.advance_to(next),
                _ => break,
            }
            while let Some((at, number)) = self.alarms.first().copied()
                && at <= self.net.now()
            {
                self.call(number, |machine, now, out| machine.expired(now, out));
            }
        }
        self.net.advance_to(end);
    }

    fn settle(&mut self) {
        loop {
            self.server.settle();
            let Some((end, _)) = self.net.next_client_notice() else {
                return;
            };
            if let Some(number) = self.ends.get(&end) {
                self.read(*number, end);
            }
        }
    }

    fn read(&mut self, number: usize, end: EndpointId) {
        let links = &self.members[number].links;
        let Some((link, _)) = links.iter().find(|(_, other)| *other == end).copied() else {
            return;
        };
        match self.net.receive(end, usize::MAX) {
            Some(mut bytes) if !bytes.is_empty() => {
                let mut input = Input::new(&mut bytes);
                self.call(number, |machine, now, out| {
                    machine.receive(now, link, &mut input, out);
                });
            }
            Some(_) => {}
            None => self.call(number, |machine, now, out| machine.lost(now, link, out)),
        }
    }

    fn call(&mut self, number: usize, call: impl FnOnce(&mut Client, Instant, &mut Outputs)) {
        let now = self.net.now();
        let mut out = Outputs::default();
        call(&mut self.members[number].machine, now, &mut out);
        let mut refused = self.carry_out(number, &out);
        while let Some(link) = refused.pop() {
            out.clear();
            self.members[number].machine.lost(now, link, &mut out);
            refused.extend(self.carry_out(number, &out));
        }
        self.set_alarm(number);
    }

    /// Returns the links that could not be connected.
    fn carry_out(&mut self, number: usize, out: &Outputs) -> Vec<Link> {
        let now = self.net.now();
        let member = &mut self.members[number];
        let mut refused = Vec::new();
        for output in out.list() {
            match output {
                Output::Connect(link) if now < self.down_until => refused.push(*link),
                Output::Connect(link) => {
                    let end = self.net.connect(number % 2, LATENCY).expect("it listens");
                    self.ends.insert(end, number);
                    member.links.push((*link, end));
                }
                Output::Write(link, bytes) => {
                    if let Some((_, end)) = member.links.iter().find(|(own, _)| own == link) {
                        self.net.send(*end, out.bytes(bytes.clone()));
                    }
                }
                Output::Close(link) => {
                    member.links.retain(|(own, end)| {
                        if own == link {
                            self.net.close(*end);
                        }
                        own != link
                    });
                }
                Output::Event(event) => member.hear(now, event),
            }
        }
        refused
    }

    fn set_alarm(&mut self, number: usize) {
        let member = &mut self.members[number];
        let deadline = member.machine.deadline();
        if let Some(old) = std::mem::replace(&mut member.alarm, deadline) {
            self.alarms.remove(&(old, number));
        }
        if let Some(new) = deadline {
            self.alarms.insert((new, number));
        }
    }

    /// The delays of an attempt are uniform, so their mean is in the middle.
    fn judge_means(&self) {
        for attempt in 2..=3 {
            let all = self.members.iter().flat_map(|member| &member.scheduled);
            let of_attempt = all.filter(|(_, scheduled)| scheduled.attempt == attempt);
            let delays: Vec<_> = of_attempt
                .map(|(_, scheduled)| scheduled.scheduled.as_secs_f64())
                .collect();
            let mean = delays.iter().sum::<f64>() / delays.len() as f64;
            let expected = 1.5 * 0.5 * f64::from(1 << (attempt - 1));
            assert_eq!(delays.len(), CLIENTS, "all need attempt {attempt}");
            assert!((mean / expected - 1.0).abs() < 0.03, "{mean} of {expected}");
        }
    }
}

impl Member {
    fn hear(&mut self, now: Instant, event: &Event) {
        match event {
            Event::Open => self.is_open = true,
            Event::Close => self.is_open = false,
            Event::ReconnectScheduled(attempt) => self.scheduled.push((now, *attempt)),
            Event::Reconnect(attempt) => self.begun.push((now, *attempt)),
            Event::Reconnected(attempt) => self.reconnected = Some(*attempt),
            Event::Error(error) => panic!("no error is told during a reconnect: {error}"),
            _ => {}
        }
    }

    fn judge(&self, cut: Instant, back: Instant) {
        assert_eq!(self.scheduled.len(), self.begun.len());
        let waits = self.scheduled.iter().zip(&self.begun).enumerate();
        let least_ms = |number: usize| 500 << number;
        for (number, ((scheduled, told), (begun, _))) in waits {
            let delay_ms = told.scheduled.as_millis();
            assert_eq!(
                *begun - *scheduled,
                told.scheduled,
                "it begins when it was said"
            );
            assert_eq!(told.start, cut);
            if number == 0 {
                assert_eq!(delay_ms, 500, "the first one comes at exactly min");
            } else {
                let least_ms = least_ms(number);
                assert!((least_ms..=2 * least_ms).contains(&delay_ms), "{delay_ms}");
            }
        }
        let (last, before) = self.begun.split_last().expect("one succeeded");
        assert!(before.iter().all(|(begun, _)| *begun < back));
        assert!(last.0 >= back, "none succeeds while the server is gone");
        let reconnected = self.reconnected.expect("it is back");
        assert_eq!(reconnected.attempt as usize, self.begun.len());
        // The TCP handshake costs nothing here; request and answer take a latency each.
        assert_eq!(reconnected.duration, last.0 - cut + 2 * LATENCY);
    }
}
