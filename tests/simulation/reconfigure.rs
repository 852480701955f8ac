//! Bounds and origins that change while a server runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::{LiveOptions, NeedsRestart, Options, RatePolicy};
use allspark_protocol::http::{Cors, CorsOptions, Response};
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::encode;

use crate::by_hand::ByHand;
use crate::stage::handshake;

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

const EIO: &str = "/primus/?EIO=4&transport=polling";

fn serving(options: Options) -> ByHand {
    let options = Options {
        fallback: Some(Arc::new(|_| Response::text(200, "hello"))),
        ..options
    };
    ByHand::serving(TransformerKind::Any, 2, options, |_| {})
}

/// Changes an option, and lets the shards hear of it.
fn change(stage: &mut ByHand, change: impl FnOnce(&mut LiveOptions)) -> Vec<NeedsRestart> {
    let mut options = stage.handle().live_options();
    change(&mut options);
    let needed = stage.handle().reconfigure(options);
    stage.run_for(Duration::ZERO);
    needed
}

fn connect_from(stage: &mut ByHand, shard: usize, from: &str) -> EndpointId {
    let end = stage.net.connect(shard, Duration::ZERO).unwrap();
    stage
        .net
        .set_address(end, format!("{from}:4000").parse().unwrap());
    stage.run_for(Duration::ZERO);
    end
}

/// The status of the answer to this request; 0 if there is none.
fn ask(stage: &mut ByHand, end: EndpointId, request: &str) -> u16 {
    stage.send_all(end, request.as_bytes());
    let (answer, _) = stage.read_all(end);
    answer.split(' ').nth(1).unwrap_or("0").parse().unwrap()
}

#[test]
fn shards_that_sleep_hear_of_new_bounds_and_who_is_there_stays() {
    let mut stage = serving(Options::default());
    let inside: Vec<_> = (0..2).map(|shard| stage.connect(shard)).collect();
    stage.seconds(5);
    let needed = change(&mut stage, |options| {
        options.connections_max = 2_u64.try_into().unwrap();
        options.head_bytes_max = 256_u64.try_into().unwrap();
    });
    assert_eq!(needed, []);
    let long = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(300)
    );
    for (shard, inside) in inside.into_iter().enumerate() {
        assert_eq!(ask(&mut stage, inside, GET), 200);
        let further = stage.connect(shard);
        assert_eq!(ask(&mut stage, further, GET), 503);
        assert_eq!(ask(&mut stage, inside, &long), 431);
    }
    // As many as at the start, and no more.
    let needed = change(&mut stage, |options| {
        options.connections_max = Options::default().connections_max;
    });
    assert_eq!(needed, []);
    stage.seconds(10);
    let further = stage.connect(1);
    assert_eq!(ask(&mut stage, further, GET), 200);
    let needed = change(&mut stage, |options| {
        options.connections_max = u64::MAX.try_into().unwrap();
    });
    assert_eq!(needed, [NeedsRestart::ConnectionsMax]);
    let live = stage.handle().live_options();
    assert_eq!(live.connections_max, Options::default().connections_max);
}

#[test]
fn the_bound_and_the_pace_of_an_address_change_and_who_entered_leaves() {
    let mut stage = serving(Options::default());
    let set = |stage: &mut ByHand, max: u64, per_s: u64| {
        let needed = change(stage, |options| {
            options.per_address = max.try_into().unwrap();
            options.accepts_per_s_of_address = per_s.try_into().unwrap();
        });
        assert_eq!(needed, []);
    };
    let come = |stage: &mut ByHand, from: &str| {
        let ends: Vec<_> = (0..4)
            .map(|count| connect_from(stage, count % 2, from))
            .collect();
        let served = ends.iter().filter(|end| ask(stage, **end, GET) == 200);
        let served = served.count();
        ends.iter().for_each(|end| stage.net.close(*end));
        stage.seconds(10);
        assert_eq!(stage.server.connections(), 0);
        served
    };
    for (max, per_s, expected) in [
        (16_384, 0, 4),
        (3, 0, 3),
        (0, 2, 2),
        (1, 2, 1),
        (0, 0, 4),
        (2, 0, 2),
    ] {
        set(&mut stage, max, per_s);
        assert_eq!(come(&mut stage, "192.0.2.1"), expected, "{max} {per_s}");
    }

    let mut uncounted = Options::default();
    uncounted.admission.per_address = 0_u64.try_into().unwrap();
    let mut stage = serving(uncounted);
    let needed = change(&mut stage, |options| {
        options.per_address = 1_u64.try_into().unwrap();
        options.accepts_per_s_of_address = 3_u64.try_into().unwrap();
    });
    assert_eq!(needed, [NeedsRestart::PerAddress]);
    assert_eq!(come(&mut stage, "192.0.2.2"), 3, "all else has changed");
}

#[test]
fn sessions_that_are_there_go_on_when_there_may_be_none() {
    let mut stage = serving(Options::default());
    let open = format!("GET {EIO} HTTP/1.1\r\nHost: x\r\n\r\n");
    let end = stage.connect(0);
    stage.send_all(end, open.as_bytes());
    let (answer, _) = stage.read_all(end);
    let sid = answer.split_once("\"sid\":\"").unwrap().1;
    let sid = sid.split_once('"').unwrap().0.to_owned();
    change(&mut stage, |options| {
        options.sessions_max = 0_u64.try_into().unwrap();
    });
    let other = stage.connect(0);
    assert_eq!(ask(&mut stage, other, &open), 503);
    let post = format!("POST {EIO}&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n4a");
    assert_eq!(ask(&mut stage, end, &post), 200);
}

#[test]
fn origins_change_for_upgrades_and_for_scripts() {
    let mut stage = serving(Options::default());
    let from = |origin: &str| {
        let upgrade = handshake("");
        upgrade.replacen("\r\n", &format!("\r\nOrigin: {origin}\r\n"), 1)
    };
    let (friend, foe) = (from("https://chat.example"), from("http://evil.example"));
    let statuses = |stage: &mut ByHand, shard: usize| {
        [&friend, &foe].map(|upgrade| {
            let end = stage.connect(shard);
            ask(stage, end, upgrade)
        })
    };
    assert_eq!(statuses(&mut stage, 1), [101, 101]);
    let listed = CorsOptions {
        origins: "https://chat.example".to_owned(),
        ..CorsOptions::default()
    };
    change(&mut stage, |options| {
        options.cors = Cors::new(&listed).unwrap();
    });
    for shard in 0..2 {
        assert_eq!(statuses(&mut stage, shard), [101, 403]);
    }
    change(&mut stage, |options| options.cors = Cors::default());
    assert_eq!(statuses(&mut stage, 1), [101, 101]);
}

/// A spark over WebSocket, and how many messages its server got.
struct Talker {
    stage: ByHand,
    end: EndpointId,
    got: Arc<AtomicU64>,
}

impl Talker {
    fn new(messages_per_s: u64, policy: RatePolicy) -> Self {
        let mut options = Options {
            ping_interval: None.try_into().unwrap(),
            ..Options::default()
        };
        options.message_rates.messages_per_s = messages_per_s.try_into().unwrap();
        options.message_rates.burst_ms = 1_000_u64.try_into().unwrap();
        options.message_rates.policy = policy;
        let got = Arc::<AtomicU64>::default();
        let counted = Arc::clone(&got);
        let attach = move |primus: &allspark_engine::Attach| {
            primus.on_data(move |_, _| {
                counted.fetch_add(1, Ordering::Relaxed);
            });
        };
        let mut stage = ByHand::serving(TransformerKind::WebSockets, 1, options, attach);
        let end = stage.connect(0);
        assert_eq!(ask(&mut stage, end, &handshake("")), 101);
        Self { stage, end, got }
    }

    fn say(&mut self, count: usize) {
        let mut bytes = Vec::new();
        for _ in 0..count {
            encode::message(Kind::Text, b"\"hello\"", Some([1, 2, 3, 4]), &mut bytes);
        }
        self.stage.send_all(self.end, &bytes);
    }

    fn set(&mut self, messages_per_s: u64, policy: RatePolicy) {
        change(&mut self.stage, |options| {
            options.message_rates.messages_per_s = messages_per_s.try_into().unwrap();
            options.message_rates.policy = policy;
        });
        self.stage.run_for(Duration::from_millis(10));
    }

    fn got(&self) -> u64 {
        self.got.swap(0, Ordering::Relaxed)
    }
}

#[test]
fn who_is_paused_goes_on_at_the_new_rate() {
    let mut talker = Talker::new(1, RatePolicy::Pause);
    talker.say(100);
    assert!(talker.got() < 5);
    talker.set(20, RatePolicy::Pause);
    talker.stage.seconds(2);
    let got = talker.got();
    assert!((20..=65).contains(&got), "{got}");
    talker.set(0, RatePolicy::Pause);
    talker.stage.seconds(10);
    assert!(talker.got() > 0);
    talker.say(1_000);
    assert_eq!(talker.got(), 1_000, "nothing is bounded");
}

#[test]
fn a_rate_begins_to_count_and_its_policy_changes() {
    let mut talker = Talker::new(0, RatePolicy::Pause);
    talker.say(50);
    assert_eq!(talker.got(), 50);
    talker.set(10, RatePolicy::Drop);
    talker.say(50);
    assert_eq!(talker.got(), 10);
    assert_eq!(talker.stage.stats().messages_refused, 40);
    talker.set(10, RatePolicy::End);
    talker.say(50);
    assert_eq!(talker.stage.stats().sparks_flooding, 1);
}
