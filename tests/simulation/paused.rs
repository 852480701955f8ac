//! A server that was away (its process was stopped, its machine was moved) blames nobody for it.
//! The driver hands over what came meanwhile in portions, as the kernel does, here one at a time.

use std::time::Duration;

use allspark_engine::io::Wait;
use allspark_engine::io::sim::{EndpointId, SimDriver, SimNet};
use allspark_engine::limits::KEEP_ALIVE_TIMEOUT_MS_DEFAULT;
use allspark_engine::sim::single_shard;
use allspark_engine::{Flow, Handle, Options, Shard};
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

const LATENCY: Duration = Duration::from_millis(1);

pub(crate) const CLIENTS: usize = 5;

pub(crate) const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

/// Primus's heartbeat, of which everybody owes the answer.
#[test]
fn whoever_answered_a_ping_meanwhile_stays() {
    let mut stage = Stage::pinged();
    stage.pause(5_000, |_| pong());
    stage.run_for(300);
    stage.assert_all_stay();
}

/// Too short for time anew, but everything is read before anybody is judged.
#[test]
fn whoever_answered_during_a_short_pause_stays() {
    let mut stage = Stage::pinged();
    stage.pause(950, |_| pong());
    stage.run_for(300);
    stage.assert_all_stay();
}

/// What was lost while the server was away is sent again a while later.
#[test]
fn whoever_answers_soon_after_stays() {
    let mut stage = Stage::pinged();
    stage.pause(5_000, |_| Vec::new());
    stage.run_for(4_500);
    stage.send_all(|_| pong());
    stage.run_for(300);
    stage.assert_all_stay();
}

#[test]
fn whoever_stays_silent_is_ended() {
    let mut stage = Stage::pinged();
    stage.pause(
        5_000,
        |number| if number == 0 { Vec::new() } else { pong() },
    );
    stage.run_for(4_900);
    assert_eq!(stage.primus.stats().sparks_silent, 0);
    // The others answer every ping.
    stage.clients[1..].iter().for_each(|client| {
        stage.net.send(*client, &pong());
    });
    stage.run_for(200);
    assert_eq!(stage.primus.stats().sparks_silent, 1);
}

/// The time for a request, and the time between two.
#[test]
fn a_request_that_came_meanwhile_is_answered() {
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stage = Stage::new(TransformerKind::WebSockets, &[], None);
    stage.send_all(|_| request[..20].to_vec());
    stage.run_for(1_000);
    stage.pause(40_000, |_| request[20..].to_vec());
    stage.run_for(100);
    assert_eq!(stage.primus.stats().connections_closed, 0);
    stage.pause(90_000, |_| request.to_vec());
    stage.run_for(100);
    assert_eq!(stage.primus.stats().connections_closed, 0);
    for client in 0..CLIENTS {
        assert!(stage.hear(client).starts_with("HTTP/1.1 404"));
    }
    // Whoever asks nothing more goes, though not sooner than after the whole time.
    stage.run_for(KEEP_ALIVE_TIMEOUT_MS_DEFAULT - 1_000);
    assert_eq!(stage.primus.stats().connections_closed, 0);
    stage.run_for(10_000);
    assert_eq!(stage.primus.stats().connections_closed, CLIENTS as u64);
}

#[test]
fn the_pong_of_engine_io_that_came_meanwhile_counts() {
    let options = [("pingInterval", "2000"), ("pingTimeout", "2000")];
    let mut stage = Stage::new(TransformerKind::EngineIo, &options, None);
    stage.send_all(|_| get("/primus/?EIO=4&transport=polling"));
    stage.run_for(100);
    let names = stage.names();
    stage.send_all(|number| get(&poll(&names[number])));
    stage.run_for(3_000);
    assert!(stage.hear(0).ends_with("\r\n\r\n2"), "a ping was sent");
    stage.pause(5_000, |number| post(&poll(&names[number]), "3"));
    stage.run_for(100);
    stage.assert_all_stay();
    stage.run_for(30_000);
    assert_eq!(stage.primus.stats().sparks_ended, CLIENTS as u64);
}

#[test]
fn the_ping_of_an_old_engine_io_that_came_meanwhile_counts() {
    let options = [
        ("allowEIO3", "true"),
        ("pingInterval", "2000"),
        ("pingTimeout", "2000"),
    ];
    let mut stage = Stage::new(TransformerKind::EngineIo, &options, None);
    stage.send_all(|_| upgrade("/primus/?EIO=3&transport=websocket"));
    stage.run_for(3_000);
    stage.pause(5_000, |_| message("2"));
    stage.run_for(100);
    stage.assert_all_stay();
}

#[test]
fn a_poll_of_sockjs_that_came_meanwhile_counts() {
    let options = [("disconnect_delay", "2000")];
    let mut stage = Stage::new(TransformerKind::SockJs, &options, None);
    let poll = |number| post(&format!("/primus/0/name{number}/xhr"), "");
    stage.send_all(poll);
    stage.run_for(1_000);
    stage.pause(5_000, poll);
    stage.run_for(100);
    stage.assert_all_stay();
}

#[test]
fn the_pong_of_sockjs_that_came_meanwhile_counts() {
    let options = [("heartbeat_delay", "2000")];
    let mut stage = Stage::new(TransformerKind::SockJs, &options, None);
    stage.send_all(|number| upgrade(&format!("/primus/0/name{number}/websocket")));
    stage.run_for(3_000);
    stage.pause(12_000, |_| {
        let mut out = Vec::new();
        encode::pong(b"", MASK, &mut out);
        out
    });
    stage.run_for(100);
    stage.assert_all_stay();
}

#[test]
fn a_back_channel_that_came_meanwhile_counts() {
    let options = [("sessionTimeoutInterval", "3000")];
    let mut stage = Stage::new(TransformerKind::BrowserChannel, &options, None);
    stage.send_all(|_| post("/primus/bind?VER=8&RID=1&CVER=3&t=1", "count=0"));
    stage.run_for(1_000);
    let names = stage.names();
    stage.pause(8_000, |number| {
        let name = &names[number];
        get(&format!(
            "/primus/bind?VER=8&SID={name}&RID=rpc&TYPE=xmlhttp&CI=0&AID=0"
        ))
    });
    stage.run_for(100);
    stage.assert_all_stay();
}

/// Turns that come a little late send pings a little late.
#[test]
fn whoever_is_pinged_late_has_a_whole_interval() {
    let mut stage = Stage::new(TransformerKind::WebSockets, &[], Some(1_000));
    stage.send_all(|_| upgrade("/primus"));
    stage.run_for(20);
    let mut pinged = [None; CLIENTS];
    while pinged.contains(&None) {
        while stage.wants_to_turn() {
            stage.turn();
        }
        let sent = stage.net.now();
        // Longer than the way to a client.
        stage.pause(7, |_| Vec::new());
        for (client, at) in pinged.iter_mut().enumerate() {
            if at.is_none() && stage.hear(client).contains("primus::ping::") {
                *at = Some(sent);
            }
        }
    }
    let first = pinged.iter().flatten().min().copied().expect("all of them");
    while stage.primus.stats().sparks_silent == 0 {
        stage.run_for(1);
    }
    let silent = stage.net.now().saturating_since(first);
    assert!(silent >= Duration::from_secs(1), "ended after {silent:?}");
}

/// The wall clock is what somebody sets it to: deadlines and pings go by the one that only goes on.
#[test]
fn a_wall_clock_that_jumps_concerns_nobody() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let mut stage = Stage::pinged();
    let mut pings = 0;
    for jump_ms in [DAY_MS, -2 * DAY_MS, 500, -500] {
        stage.net.jump_wall_clock(jump_ms);
        stage.heard[0].clear();
        for _ in 0..10 {
            stage.send_all(|_| pong());
            stage.run_for(400);
        }
        pings += stage.hear(0).matches("primus::ping::").count();
        stage.assert_all_stay();
    }
    // Each in its second and the time until it is answered, for sixteen of them.
    assert!((8..=16).contains(&pings), "{pings}");
    stage.net.jump_wall_clock(-DAY_MS);
    stage.run_for(2_500);
    assert_eq!(stage.primus.stats().sparks_silent, CLIENTS as u64);
}

/// One shard that is turned when it wants to be, unless it is paused.
pub(crate) struct Stage {
    net: SimNet,
    shard: Shard<SimDriver, AnyTransformer>,
    pub(crate) primus: Handle,
    wait: Wait,
    clients: Vec<EndpointId>,
    heard: Vec<String>,
}

impl Stage {
    pub(crate) fn new(
        kind: TransformerKind,
        transport: &[(&str, &str)],
        ping_interval_ms: Option<u64>,
    ) -> Self {
        let net = SimNet::default();
        let options = Options {
            ping_interval: ping_interval_ms.try_into().unwrap(),
            ..Options::default()
        };
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let transport: Vec<_> = transport.iter().map(owned).collect();
        let transformer = AnyTransformer::new(kind, &CommonOptions::default(), &transport);
        let transformer = transformer.expect("each option is known");
        let driver = SimDriver::new(&net).in_portions_of(1);
        let (shard, primus) = single_shard(driver, options, transformer, |_| {});
        let mut stage = Self {
            net,
            shard,
            primus,
            wait: Wait::No,
            clients: Vec::new(),
            heard: vec![String::new(); CLIENTS],
        };
        stage.turn();
        let connect = |_| stage.net.connect(0, LATENCY).expect("the shard listens");
        stage.clients = (0..CLIENTS).map(connect).collect();
        stage.run_for(10);
        stage
    }

    /// Everybody has a WebSocket and was pinged, and nobody has answered yet.
    fn pinged() -> Self {
        let mut stage = Self::new(TransformerKind::WebSockets, &[], Some(1_000));
        stage.send_all(|_| upgrade("/primus"));
        // Each client is pinged at a moment of its own: everybody answers the first ping of all.
        stage.run_for(20);
        while (0..CLIENTS).any(|client| !stage.hear(client).contains("primus::ping::")) {
            stage.run_for(1);
        }
        assert_eq!(stage.primus.stats().sparks_ended, 0);
        stage
    }

    /// Time goes on, and the shard turns whenever it wants to.
    pub(crate) fn run_for(&mut self, ms: u64) {
        let end = self.net.now() + Duration::from_millis(ms);
        loop {
            while self.wants_to_turn() {
                self.turn();
            }
            let deadline = match self.wait {
                Wait::Until(deadline) => Some(deadline),
                Wait::No | Wait::Forever => None,
            };
            let next = [self.net.next_event(), deadline]
                .into_iter()
                .flatten()
                .min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.net.advance_to(next),
                None => break self.net.advance_to(end),
            }
            self.listen();
        }
    }

    fn wants_to_turn(&self) -> bool {
        match self.wait {
            Wait::No => true,
            Wait::Until(deadline) if deadline <= self.net.now() => true,
            Wait::Until(_) | Wait::Forever => self.shard.has_input(),
        }
    }

    fn turn(&mut self) {
        match self.shard.turn(Wait::No) {
            Ok(Flow::Continue(wait)) => self.wait = wait,
            other => panic!("{other:?}"),
        }
    }

    /// Time goes on without the shard, and each client sends something meanwhile.
    pub(crate) fn pause(&mut self, ms: u64, bytes: impl Fn(usize) -> Vec<u8>) {
        self.send_all(bytes);
        let end = self.net.now() + Duration::from_millis(ms);
        self.net.advance_to(end);
        self.listen();
    }

    pub(crate) fn send_all(&mut self, bytes: impl Fn(usize) -> Vec<u8>) {
        for (number, client) in self.clients.iter().enumerate() {
            self.net.send(*client, &bytes(number));
        }
    }

    fn listen(&mut self) {
        while self.net.next_client_notice().is_some() {}
        for (client, heard) in self.clients.iter().zip(&mut self.heard) {
            if let Some(bytes) = self.net.receive(*client, usize::MAX) {
                heard.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
    }

    /// What a client has received so far.
    pub(crate) fn hear(&mut self, client: usize) -> &str {
        self.listen();
        &self.heard[client]
    }

    /// The name of each session, the second string of what its client was told.
    pub(crate) fn names(&mut self) -> Vec<String> {
        self.listen();
        let name = |heard: &String| heard.split('"').nth(3).expect("a name").to_owned();
        self.heard.iter().map(name).collect()
    }

    pub(crate) fn assert_all_stay(&self) {
        let stats = self.primus.stats();
        let sparks = (stats.sparks_opened, stats.sparks_ended);
        assert_eq!(sparks, (CLIENTS as u64, 0));
    }
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").into_bytes()
}

pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let len = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n");
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    format!("{head}{kind}\r\n{body}").into_bytes()
}

pub(crate) fn poll(name: &str) -> String {
    format!("/primus/?EIO=4&transport=polling&sid={name}")
}

pub(crate) fn upgrade(path: &str) -> Vec<u8> {
    let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n");
    let websocket = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    format!("{head}{websocket}{key}").into_bytes()
}

pub(crate) fn message(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode::message(Kind::Text, text.as_bytes(), MASK, &mut out);
    out
}

/// The answer to a ping of Primus, which may say anything behind its name.
pub(crate) fn pong() -> Vec<u8> {
    message("\"primus::pong::1\"")
}
