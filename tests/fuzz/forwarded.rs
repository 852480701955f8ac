//! What strangers could write into the headers by which proxies name a client: whatever it is, the
//! client is the one that the trusted proxy has named, or nobody.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use allspark_protocol::http::{ForwardedHeader, RequestHead, TrustedProxies};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::{below, variable};

const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 80);

/// What the proxy could append, each for the client of the same name.
const X_FORWARDED_FOR: [&str; 3] = ["203.0.113.7", "203.0.113.7:80", "[::ffff:203.0.113.7]:80"];
const FORWARDED: [&str; 4] = [
    "for=203.0.113.7",
    "for=\"203.0.113.7:80\"",
    "by=10.0.0.1;For=\"[::ffff:203.0.113.7]:80\";proto=http",
    "host=\"a\\\"b;for=6.6.6.6,\";for=203.0.113.7;by=\"_x\"",
];

/// What strangers write is made of these.
const PARTS: [&str; 20] = [
    "for=",
    "6.6.6.6",
    "\"",
    "\\",
    ";",
    ",",
    "=",
    "[::6]",
    ":6",
    "10.0.0.9",
    "unknown",
    "_x",
    " ",
    "by",
    "for=6.6.6.6",
    "for=\"",
    "\";",
    "host=\"",
    "\t",
    "é",
];

fn written_by_a_stranger(rng: &mut ChaCha12Rng) -> String {
    (0..below(rng, 12))
        .map(|_| PARTS[below(rng, PARTS.len())])
        .collect()
}

fn next(header: ForwardedHeader) -> &'static str {
    match header {
        ForwardedHeader::XForwardedFor => "10.0.0.2",
        ForwardedHeader::Forwarded => "for=10.0.0.2",
    }
}

#[test]
fn nobody_chooses_his_address() {
    let trusted: TrustedProxies = "10.0.0.0/8".parse().expect("a network");
    let first = variable("FUZZ_SEED", 1);
    let mut named = 0;
    for seed in first..first + variable("FUZZ_ROUNDS", 100_000) {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let (header, own) = match below(&mut rng, 2) {
            0 => (ForwardedHeader::XForwardedFor, &X_FORWARDED_FOR[..]),
            _ => (ForwardedHeader::Forwarded, &FORWARDED[..]),
        };
        let (name, own) = (header.name(), own[below(&mut rng, own.len())]);
        let stranger = written_by_a_stranger(&mut rng);
        let lines = match below(&mut rng, 3) {
            0 => format!("{name}: {stranger}\r\n{name}: {own}\r\n"),
            1 => format!("{name}: {stranger}, {own}\r\n"),
            // Another proxy has passed it on.
            _ => format!("{name}: {stranger},{own}, {}\r\n", next(header)),
        };
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let Ok(head) = RequestHead::parse(head.as_bytes()) else {
            continue;
        };
        let client = trusted.client(&head, header, PROXY);
        let known = [Ipv4Addr::new(203, 0, 113, 7), Ipv4Addr::new(10, 0, 0, 2)];
        // Where what the first proxy said can't be told apart, the second one is the last known.
        let is_own = client.is_none_or(|client| known.iter().any(|known| client.ip() == *known));
        assert!(is_own, "FUZZ_SEED={seed}: {client:?} by {lines}");
        named += u64::from(client.is_some());
    }
    assert!(
        named * 4 >= variable("FUZZ_ROUNDS", 100_000),
        "only {named} were named"
    );
}
