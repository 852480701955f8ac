//! A server that holds more than it may although nobody grew beyond a share.

use std::sync::Arc;

use allspark::TransformerKind;
use allspark_engine::Options;
use allspark_protocol::http::Response;
use allspark_protocol::options::Bounded;

use crate::by_hand::ByHand;

const MEMORY_BYTES_MAX: u64 = 4 << 20;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Each asks once, while the kernel takes everything for it, and reads nothing. None of them grows
/// afterwards.
#[test]
fn those_who_hold_most_are_ended_until_little_enough_is_held() {
    for shards in [1, 2] {
        let options = Options {
            memory_bytes_max: Some(Bounded::of(MEMORY_BYTES_MAX)),
            fallback: Some(Arc::new(|head| match head.path() {
                "/" => Response::text(200, "hello"),
                path => {
                    let bytes: usize = path[1..].parse().unwrap();
                    Response::text(200, &"x".repeat(bytes))
                }
            })),
            ..Options::default()
        };
        let kind = TransformerKind::WebSockets;
        let mut stage = ByHand::serving(kind, shards, options, |_| {});
        let mut connect = |number| stage.connect(number % usize::from(shards));
        let ends: Vec<_> = (0..65).map(&mut connect).collect();
        let (reader, deaf) = ends.split_first().unwrap();
        for (number, end) in deaf.iter().enumerate() {
            let bytes = 140_000 + 1_000 * number;
            let get = format!("GET /{bytes} HTTP/1.1\r\nHost: x\r\n\r\n");
            stage.send_all(*end, get.as_bytes());
        }
        stage.seconds(1);
        let stats = stage.stats();
        let held = stats.bytes_held + stats.block_bytes;
        assert!(held <= MEMORY_BYTES_MAX, "{held} bytes are held");
        assert!(held >= MEMORY_BYTES_MAX / 2, "{held} bytes are held");
        assert!(stats.peers_shed > 0);
        let is_whole = |stage: &mut ByHand, end| !stage.read_all(end).1;
        assert!(is_whole(&mut stage, deaf[0]), "it holds less than others");
        assert!(!is_whole(&mut stage, deaf[63]), "it held most");
        stage.send_all(*reader, GET);
        let (answer, _) = stage.read_all(*reader);
        assert!(answer.ends_with("hello"), "{answer}");
    }
}
