//! Ten thousand reconnects: the delays are those of the npm module `recovery`.

use std::sync::Arc;
use std::time::Duration;

use allspark_protocol::Instant;
use allspark_protocol::transformer::Link;

use super::super::{Client, ClientOptions, Event, Output, Outputs};
use super::Rig;

const CLIENTS: u64 = 10_000;

/// Milliseconds before each attempt of a client that never gets a connection.
fn delays_ms(options: &Arc<ClientOptions>, seed: u64) -> Vec<u64> {
    let mut client = Client::new(Arc::clone(options), seed);
    let (mut out, mut now) = (Outputs::default(), Instant::ZERO);
    let mut delays_ms = Vec::new();
    client.open(now, &mut out);
    loop {
        let link = connected(&out).expect("it connects");
        out.clear();
        client.lost(now, link, &mut out);
        let Some(delay) = scheduled(&out) else {
            return delays_ms;
        };
        delays_ms.push(delay.as_millis() as u64);
        assert_eq!(
            client.deadline(),
            Some(now + delay),
            "nothing else is waited for"
        );
        now = now + delay;
        out.clear();
        client.expired(now, &mut out);
    }
}

fn connected(out: &Outputs) -> Option<Link> {
    out.list().iter().find_map(|output| match output {
        Output::Connect(link) => Some(*link),
        _ => None,
    })
}

fn scheduled(out: &Outputs) -> Option<Duration> {
    Rig::events(out).find_map(|event| match event {
        Event::ReconnectScheduled(attempt) => Some(attempt.scheduled),
        _ => None,
    })
}

#[test]
fn ten_thousand_schedules_keep_to_the_algorithm() {
    let options = Arc::new(ClientOptions::default());
    let mut sums_ms = [0; 10];
    for seed in 0..CLIENTS {
        let delays_ms = delays_ms(&options, seed);
        assert_eq!(delays_ms.len(), 10, "all retries are made");
        assert_eq!(delays_ms[0], 500, "the first comes at exactly min");
        for (number, delay_ms) in delays_ms.iter().enumerate().skip(1) {
            let least_ms = 500 << number;
            assert!(
                (least_ms..=2 * least_ms).contains(delay_ms),
                "{number}: {delay_ms}"
            );
            sums_ms[number] += delay_ms;
        }
    }
    for (number, sum_ms) in sums_ms.into_iter().enumerate().skip(1) {
        let mean = sum_ms as f64 / CLIENTS as f64 / f64::from(500 << number);
        // The deviation of the mean of 10,000 uniform numbers is 0.003.
        assert!((mean - 1.5).abs() < 0.015, "attempt {}: {mean}", number + 1);
    }
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    let options = Arc::new(ClientOptions::default());
    assert_eq!(delays_ms(&options, 1), delays_ms(&options, 1));
    assert_ne!(delays_ms(&options, 1), delays_ms(&options, 2));
}
