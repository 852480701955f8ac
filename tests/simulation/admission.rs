//! Who is let in: by address, by pace, and by how many requests are under way.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::{
    AcceptPolicy, Layer, LayerRequest, Options, Reply, RouteRequest, Routes, Ticket,
};
use allspark_protocol::http::Response;

use crate::by_hand::ByHand;
use crate::stage::handshake;

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

const EIO: &str = "/primus/?EIO=4&transport=polling";

const PROXY: &str = "10.9.0.1";

fn serving(options: Options) -> ByHand {
    let options = Options {
        fallback: Some(Arc::new(|_| Response::text(200, "hello"))),
        ..options
    };
    ByHand::serving(TransformerKind::Any, 2, options, |_| {})
}

/// At most so many from one address; `PROXY` is a proxy.
fn bounded(per_address: u64) -> ByHand {
    let mut options = Options::default();
    options.admission.per_address = per_address.try_into().unwrap();
    options.trusted_proxies = PROXY.parse().unwrap();
    serving(options)
}

/// A connection from an address, to either shard.
fn connect(stage: &mut ByHand, from: &str) -> EndpointId {
    let shard = stage.net.open_endpoints() / 2 % 2;
    let end = stage.net.connect(shard, Duration::ZERO).unwrap();
    stage
        .net
        .set_address(end, format!("{from}:4000").parse().unwrap());
    stage.run_for(Duration::ZERO);
    end
}

/// The status of the answer to this request; 0 if there is none.
fn ask(stage: &mut ByHand, end: EndpointId, request: &str) -> u16 {
    stage.net.send(end, request.as_bytes());
    stage.run_for(Duration::ZERO);
    let mut answer = Vec::new();
    while let Some(part) = stage.net.receive(end, usize::MAX)
        && !part.is_empty()
    {
        answer.extend(part);
    }
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
    if status == 503 {
        let (_, after) = answer.split_once("Retry-After: ").unwrap();
        let after_s: u32 = after.split_once('\r').unwrap().0.parse().unwrap();
        assert!((5..=15).contains(&after_s), "{after_s}");
    }
    status
}

fn close(stage: &mut ByHand, ends: &[EndpointId]) {
    ends.iter().for_each(|end| stage.net.close(*end));
    stage.seconds(10);
}

fn forwarded(request: &str, by: &str) -> String {
    request.replacen("\r\n", &format!("\r\nX-Forwarded-For: {by}\r\n"), 1)
}

#[test]
fn an_address_has_so_many_connections_on_all_shards_together() {
    let mut stage = bounded(3);
    for round in 1..=3 {
        let ends: Vec<_> = (0..5).map(|_| connect(&mut stage, "192.0.2.1")).collect();
        let statuses: Vec<_> = ends.iter().map(|end| ask(&mut stage, *end, GET)).collect();
        assert_eq!(statuses, [200, 200, 200, 503, 503]);
        let other = connect(&mut stage, "192.0.2.2");
        assert_eq!(ask(&mut stage, other, GET), 200);
        close(&mut stage, &ends);
        close(&mut stage, &[other]);
        assert_eq!(stage.stats().addresses_refused, 2 * round);
        assert_eq!(stage.server.connections(), 0);
    }
}

/// A layer names the client of a WebSocket. Its connection counts for its peer all the same, until
/// it is closed.
#[test]
fn a_connection_whose_client_a_layer_names_counts_for_its_peer() {
    let mut options = Options::default();
    options.admission.per_address = 2_u64.try_into().unwrap();
    options.fallback = Some(Arc::new(|_| Response::text(200, "hello")));
    let mut stage = ByHand::serving(TransformerKind::Any, 2, options, |primus| {
        let real_ip = Layer::new("real-ip", |request: &mut LayerRequest<'_>| {
            let address = request.head().header("x-real-ip");
            if let Some(Ok(address)) = address.map(str::parse::<IpAddr>) {
                request.set_address((address, 0).into());
            }
        });
        primus.layers().insert(0, real_ip);
    });
    let clients = ["203.0.113.7", "203.0.113.8", "203.0.113.9"];
    for _ in 0..3 {
        let ends = clients.map(|client| {
            let end = connect(&mut stage, "192.0.2.1");
            let upgrade = handshake(&format!("X-Real-IP: {client}\r\n"));
            (end, ask(&mut stage, end, &upgrade))
        });
        assert_eq!(ends.map(|(_, status)| status), [101, 101, 503]);
        close(&mut stage, &ends.map(|(end, _)| end));
        assert_eq!(stage.server.connections(), 0);
    }
    for address in ["192.0.2.1"].into_iter().chain(clients) {
        let ends = [(); 3].map(|()| connect(&mut stage, address));
        assert_eq!(ends.map(|end| ask(&mut stage, end, GET)), [200, 200, 503]);
        close(&mut stage, &ends);
    }
}

#[test]
fn who_is_refused_hears_another_time_than_others() {
    let mut stage = bounded(1);
    connect(&mut stage, "192.0.2.1");
    let mut heard = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let end = connect(&mut stage, "192.0.2.1");
        stage.send(end, GET.as_bytes());
        let (answer, _) = stage.read_all(end);
        let (_, after) = answer.split_once("Retry-After: ").unwrap();
        heard.insert(after.split_once('\r').unwrap().0.to_owned());
    }
    assert!(heard.len() > 5, "{heard:?}");
}

/// A session wanders between the shards with its connections, and they stay what they are.
#[test]
fn a_connection_that_changes_its_shard_counts_once() {
    let mut stage = bounded(2);
    for _ in 0..3 {
        let ends = [
            connect(&mut stage, "192.0.2.1"),
            connect(&mut stage, "192.0.2.1"),
        ];
        for end in ends {
            for _ in 0..6 {
                stage.send_all(
                    end,
                    format!("GET {EIO} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes(),
                );
                let (answer, _) = stage.read_all(end);
                let Some((_, sid)) = answer.split_once("\"sid\":\"") else {
                    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
                    continue;
                };
                let sid = sid.split_once('"').unwrap().0;
                let post = format!(
                    "POST {EIO}&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
                );
                stage.send_all(ends[0], post.as_bytes());
                stage.send_all(ends[1], GET.as_bytes());
                ends.iter().for_each(|end| drop(stage.read_all(*end)));
            }
        }
        let third = connect(&mut stage, "192.0.2.1");
        assert_eq!(ask(&mut stage, third, GET), 503);
        close(&mut stage, &ends);
    }
    let stats = stage.stats();
    assert!(stats.connections_adopted > 0, "none has moved");
    assert_eq!(stats.connections_accepted, stats.connections_closed);
}

/// What proxies say counts if they are trusted; what strangers say does not.
#[test]
fn sparks_count_for_their_clients() {
    let upgrade = handshake("");
    let open = format!("GET {EIO} HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut stage = bounded(3);
    for _ in 0..2 {
        let mut ends = Vec::new();
        for (request, expected) in [
            (&upgrade, 101),
            (&open, 200),
            (&upgrade, 101),
            (&upgrade, 503),
            (&open, 503),
        ] {
            let end = connect(&mut stage, PROXY);
            // The first element may be anybody's invention.
            let by = format!("198.51.100.{}, 203.0.113.5", ends.len());
            assert_eq!(ask(&mut stage, end, &forwarded(request, &by)), expected);
            ends.push(end);
        }
        let other = connect(&mut stage, PROXY);
        let by = "203.0.113.6";
        assert_eq!(ask(&mut stage, other, &forwarded(&upgrade, by)), 101);
        // A stranger is himself, whatever he says; his connections count, and so do his sparks.
        let strangers: Vec<_> = (0..4).map(|_| connect(&mut stage, "192.0.2.9")).collect();
        for (number, end) in strangers.iter().enumerate() {
            let by = format!("203.0.113.{}", 100 + number);
            let status = ask(&mut stage, *end, &forwarded(&upgrade, &by));
            assert_eq!(status, if number < 3 { 101 } else { 503 });
        }
        ends.extend(strangers);
        ends.push(other);
        close(&mut stage, &ends);
        // The session that nobody polls is over by now.
        stage.seconds(120);
        let stats = stage.stats();
        assert_eq!(stats.sparks_opened, stats.sparks_forgotten);
    }
    assert_eq!(stage.stats().sparks_refused, 4);
}

fn paced(per_s: u64, per_s_of_address: u64, policy: AcceptPolicy) -> ByHand {
    let mut options = Options::default();
    options.admission.accepts_per_s = per_s.try_into().unwrap();
    options.admission.accepts_per_s_of_address = per_s_of_address.try_into().unwrap();
    options.admission.accept_policy = policy;
    serving(options)
}

/// Of so many that come at once, from as many addresses, how many are served.
fn served(stage: &mut ByHand, count: usize, from: impl Fn(usize) -> String) -> usize {
    let ends: Vec<_> = (0..count).map(|n| connect(stage, &from(n))).collect();
    let served = ends.iter().filter(|end| ask(stage, **end, GET) == 200);
    served.count()
}

#[test]
fn connections_that_come_too_fast_are_refused() {
    let mut stage = paced(10, 0, AcceptPolicy::Refuse);
    let anybody = |n: usize| format!("192.0.2.{n}");
    assert_eq!(served(&mut stage, 30, anybody), 10);
    assert_eq!(served(&mut stage, 30, anybody), 0);
    stage.run_for(Duration::from_millis(500));
    assert_eq!(served(&mut stage, 30, anybody), 5);
    // Days later there is one burst and no more.
    stage.seconds(3 * 24 * 3600);
    assert_eq!(served(&mut stage, 30, anybody), 10);
    assert_eq!(stage.stats().accepts_refused, 120 - 25);
}

#[test]
fn an_address_that_comes_too_fast_is_refused_alone() {
    let mut stage = paced(0, 5, AcceptPolicy::Refuse);
    assert_eq!(served(&mut stage, 20, |_| "192.0.2.7".to_owned()), 5);
    assert_eq!(served(&mut stage, 20, |n| format!("192.0.3.{n}")), 20);
    stage.seconds(1);
    assert_eq!(served(&mut stage, 20, |_| "192.0.2.7".to_owned()), 5);
}

/// What a driver takes at once comes on top, and is paid for later.
#[test]
fn connections_that_come_too_fast_wait_if_they_are_to() {
    let mut stage = paced(100, 0, AcceptPolicy::Wait);
    let address = |n: usize| format!("192.0.{}.{}", n / 200, n % 200);
    let ends: Vec<_> = (0..900).map(|n| connect(&mut stage, &address(n))).collect();
    let at_once = 2 * 64;
    for second in 0..=8 {
        let accepted = stage.stats().connections_accepted;
        let least = 100 * (second + 1);
        assert!(
            (least..=least + at_once).contains(&accepted) || accepted == 900,
            "{accepted}"
        );
        stage.seconds(1);
    }
    let served = ends.iter().filter(|end| ask(&mut stage, **end, GET) == 200);
    assert_eq!(served.count(), 900);
    let stats = stage.stats();
    assert_eq!(
        (stats.connections_accepted, stats.accepts_refused),
        (900, 0)
    );
    assert!(
        (7..=40).contains(&stats.accepts_rested),
        "{}",
        stats.accepts_rested
    );
}

/// A server that lets five requests be under way, and the tickets of `GET /later`.
fn unfinished() -> (ByHand, Arc<Mutex<Vec<Ticket>>>) {
    let tickets = Arc::<Mutex<Vec<Ticket>>>::default();
    let kept = Arc::clone(&tickets);
    let mut routes = Routes::new();
    let later = move |request: &RouteRequest<'_>| {
        kept.lock().unwrap().push(request.later());
        Reply::Later
    };
    routes.add("GET", "/later", later).unwrap();
    let mut options = Options {
        routes: Arc::new(routes),
        ..Options::default()
    };
    options.admission.requests_max = 5_u64.try_into().unwrap();
    (serving(options), tickets)
}

#[test]
fn requests_under_way_are_bounded_and_whole_ones_pass() {
    let (mut stage, tickets) = unfinished();
    let later = "GET /later HTTP/1.1\r\nHost: x\r\n\r\n";
    let begun = [
        "GET / HTT",
        "POST /primus/a HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx",
        later,
    ];
    for round in 0..3 {
        let ends: Vec<_> = (0..5).map(|_| connect(&mut stage, "192.0.2.1")).collect();
        for (number, end) in ends.iter().enumerate() {
            let request = begun[(number + round) % 3];
            assert_eq!(ask(&mut stage, *end, request), 0, "{request}");
        }
        assert_eq!(stage.stats().requests_under_way, 5);
        for request in begun {
            let end = connect(&mut stage, "192.0.2.1");
            assert_eq!(ask(&mut stage, end, request), 503, "{request}");
        }
        let end = connect(&mut stage, "192.0.2.1");
        assert_eq!(ask(&mut stage, end, GET), 200, "it comes whole");
        let poll = format!("GET {EIO} HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(ask(&mut stage, end, &poll), 200);
        // The application answers, and others give up.
        for ticket in tickets.lock().unwrap().drain(..) {
            ticket.respond(Response::text(200, "at last"));
        }
        stage.run_for(Duration::ZERO);
        let answered = ends
            .iter()
            .filter(|end| ask(&mut stage, **end, "") == 200)
            .count();
        assert!(answered > 0);
        close(&mut stage, &ends);
        assert_eq!(stage.stats().requests_under_way, 0);
        assert_eq!(stage.stats().requests_refused, 3 * (round as u64 + 1));
    }
}

/// There is no way to tell them why.
#[test]
fn handshakes_under_way_are_bounded() {
    let mut options = Options::default();
    options.admission.handshakes_max = 3_u64.try_into().unwrap();
    let mut stage = serving(options);
    stage.server = stage.server.with_handshakes();
    for round in 1..=3 {
        let ends: Vec<_> = (0..5).map(|_| connect(&mut stage, "192.0.2.1")).collect();
        let open = ends.iter().filter(|end| !stage.read_all(**end).1);
        assert_eq!(open.count(), 3);
        let stats = stage.stats();
        assert_eq!(
            (stats.handshakes_under_way, stats.handshakes_refused),
            (3, 2 * round)
        );
        // Whoever never finishes it has the time that a head may take.
        stage.seconds(40);
        assert_eq!(stage.stats().handshakes_under_way, 0);
        close(&mut stage, &ends);
    }
}

#[test]
fn a_head_that_is_longer_than_it_may_be_is_refused() {
    let mut stage = serving(Options {
        head_bytes_max: 300_u64.try_into().unwrap(),
        ..Options::default()
    });
    for (bytes, expected) in [(100, 200), (400, 431)] {
        let more = format!("\r\nX: {}\r\n", "x".repeat(bytes));
        let end = connect(&mut stage, "192.0.2.1");
        assert_eq!(
            ask(&mut stage, end, &GET.replacen("\r\n", &more, 1)),
            expected
        );
        let post = format!("POST /primus HTTP/1.1{more}Host: x\r\nContent-Length: 9\r\n\r\n");
        let end = connect(&mut stage, "192.0.2.1");
        let status = ask(&mut stage, end, &post);
        assert_eq!(status == 431, expected == 431, "{status}");
    }
}
