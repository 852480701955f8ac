//! Compressed messages that become a thousand times as much: what one receive costs in a turn.

use allspark_engine::Options;
use allspark_protocol::primus::PingInterval;
use allspark_protocol::transformer::Kind;
use allspark_protocol::websocket::deflate::{Deflater, Effort, WindowBits};
use allspark_protocol::websocket::encode;
use allspark_transformers::CommonOptions;
use allspark_transformers::websockets::{WebSockets, WebSocketsOptions};

use crate::stage::{Stage, WIDE, handshake};

const EXTENSION: &str = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

const MESSAGES: usize = 100;

const MESSAGE_BYTES: usize = 200_000;

/// Bytes of messages that a turn may look at, with several peers that send such.
const TURN_BYTES_MAX: usize = 2_000_000;

fn echoing() -> Stage<WebSockets> {
    let common = CommonOptions {
        compression: true,
        ..CommonOptions::default()
    };
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    let transformer = WebSockets::new(&common, WebSocketsOptions::default());
    Stage::new(options, transformer, |primus| {
        primus.on_connection(|spark| {
            spark.on_data(|spark, data| {
                // Each message says its number at its end.
                let text = data.encoded();
                spark.write(str::from_utf8(&text[text.len() - 10..]).unwrap());
            });
        });
    })
}

fn text(number: usize) -> String {
    format!("\"{}{number:09}\"", "0".repeat(MESSAGE_BYTES))
}

/// So many messages, in a few kilobytes.
fn bombs() -> Vec<u8> {
    let mut deflater = Deflater::new(WindowBits::MAX, Effort::DEFAULT, false);
    let (mut scratch, mut said) = (Vec::new(), Vec::new());
    for number in 0..MESSAGES {
        let text = text(number);
        let compressed = deflater.message(text.as_bytes(), &mut scratch).unwrap();
        encode::compressed(Kind::Text, compressed, MASK, &mut said);
    }
    assert!(said.len() < 40_000, "{}", said.len());
    said
}

/// The numbers of the messages that were echoed.
fn echoed(heard: &[u8]) -> Vec<usize> {
    let heard = String::from_utf8_lossy(heard);
    let digits = heard.split(|char: char| !char.is_ascii_digit());
    let numbers = digits.filter(|digits| digits.len() == 9);
    numbers.map(|digits| digits.parse().unwrap()).collect()
}

#[test]
fn a_turn_looks_at_a_share_of_them_and_others_are_served_meanwhile() {
    let mut stage = echoing();
    let mut attackers: Vec<_> = (0..3).map(|_| stage.upgrade(EXTENSION)).collect();
    let mut other = stage.upgrade("");
    let bombs = bombs();
    attackers.iter().for_each(|attacker| attacker.say(&bombs));
    let mut hello = Vec::new();
    encode::message(Kind::Text, b"\"0123456789\"", MASK, &mut hello);
    let mut received = stage.primus.stats().messages_received;
    let mut turns_waited = None;
    for turn in 0..1_000 {
        if turn == 3 {
            other.say(&hello);
        }
        stage.turn();
        let now = stage.primus.stats().messages_received;
        let bytes = (now - received) as usize * MESSAGE_BYTES;
        assert!(bytes <= TURN_BYTES_MAX, "{bytes} bytes in turn {turn}");
        received = now;
        attackers.iter_mut().for_each(|attacker| {
            attacker.read();
        });
        if other.read() > 0 {
            turns_waited.get_or_insert(turn - 3);
        }
    }
    assert!(turns_waited.unwrap() <= 4, "{turns_waited:?}");
    for attacker in &attackers {
        let all: Vec<usize> = (0..MESSAGES).collect();
        assert_eq!(echoed(&attacker.heard), all);
    }
    // They are listened to again.
    let attacker = &mut attackers[0];
    attacker.heard.clear();
    attacker.say(&hello);
    stage.turns(4);
    assert!(attacker.read() > 0);
}

/// What comes right behind the handshake, in the same receive, is no exception.
#[test]
fn who_says_them_with_its_handshake_is_heard_to_the_end() {
    let mut stage = echoing();
    let client = stage.dial();
    client.say(&[handshake(EXTENSION).as_bytes(), &bombs()].concat());
    stage.turns(500);
    let stats = stage.primus.stats();
    assert_eq!(stats.messages_received as usize, MESSAGES);
    assert_eq!(stats.sparks_ended, 0);
}

#[test]
fn who_says_its_last_words_so_is_heard_to_the_end() {
    let mut stage = echoing();
    let mut client = stage.upgrade(EXTENSION);
    client.say(&bombs());
    client.end();
    for _ in 0..500 {
        stage.turn();
        client.read();
    }
    let stats = stage.primus.stats();
    assert_eq!(stats.messages_received as usize, MESSAGES);
    assert_eq!((stats.sparks_ended, stage.shard.connections()), (1, 0));
}

#[test]
fn what_waits_for_its_turn_is_bounded_and_counted() {
    let mut stage = echoing();
    let client = stage.upgrade(EXTENSION);
    client.set_window(WIDE);
    let bombs = bombs();
    let mut most = 0;
    for _ in 0..20 {
        client.say(&bombs);
        stage.turn();
        most = most.max(stage.primus.stats().bytes_held);
    }
    assert!(most > 1_000, "it is counted: {most}");
    assert!(most < 200_000, "it is not listened to: {most}");
}
