//! Clients that do what they may not.

use super::super::channel::kind;
use super::super::fault::alert;
use super::certificates::{SUITES, identity};
use super::stage::Stage;
use crate::limits::{TLS_EMPTY_RECORDS_MAX, TLS_HANDSHAKE_BYTES_MAX, TLS_KEY_UPDATES_MAX};

/// The first bytes of a client.
fn hello() -> Vec<u8> {
    let mut stage = Stage::new();
    let mut hello = Vec::new();
    stage.client.write_tls(&mut hello).unwrap();
    hello
}

/// Plays the bytes in the place of a client, and the end of its stream. Returns what came back, and
/// why the server gave up.
fn play(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
    let mut stage = Stage::new();
    let sent = stage.net.send(stage.end, bytes).unwrap();
    let mut rest = &bytes[sent..];
    stage.is_deaf = true;
    for _ in 0..40 {
        stage.turn();
        stage.advance();
        let sent = stage.net.send(stage.end, rest).unwrap_or(0);
        rest = &rest[sent..];
    }
    let answer = stage.net.receive(stage.end, 1 << 20).unwrap_or_default();
    stage.net.shutdown(stage.end);
    for _ in 0..20 {
        stage.turn();
        stage.advance();
    }
    let ended = stage.host.ended.clone();
    stage.close();
    (answer, ended.and_then(Result::err))
}

const HANDSHAKE_FAILURE: u8 = 40;

/// The signatures that a client of TLS 1.2 knows: Ed25519.
const SIGNATURES: &[u8] = &[0, 13, 0, 4, 0, 2, 8, 7];

const P256: &[u8] = &[0, 10, 0, 4, 0, 2, 0, 23];

/// A hello without a word of TLS 1.3: of version 3.`minor`, where 3.3 is TLS 1.2, with these suites
/// and a further extension.
fn old_hello(minor: u8, suites: &[[u8; 2]], further: &[u8]) -> Vec<u8> {
    const UNCOMPRESSED_POINTS: [u8; 6] = [0, 11, 0, 2, 1, 0];
    hello_with(minor, suites, &[P256, &UNCOMPRESSED_POINTS, further])
}

/// The same with these extensions alone.
fn hello_with(minor: u8, suites: &[[u8; 2]], extensions: &[&[u8]]) -> Vec<u8> {
    let (suites, extensions) = (suites.concat(), extensions.concat());
    let mut body = vec![3, minor];
    body.extend([7; 32]);
    body.extend([0, 0, suites.len() as u8]);
    body.extend(&suites);
    body.extend([1, 0, 0, extensions.len() as u8]);
    body.extend(&extensions);
    let message = [&[1, 0, 0, body.len() as u8], &body[..]].concat();
    [&[22, 3, 1, 0, message.len() as u8], &message[..]].concat()
}

/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.
const GCM: [u8; 2] = [0xc0, 0x2b];

/// TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, the same with AES-256, and with AES-128 and SHA-256: those
/// of the same kind of key that go before.
const CBC: [[u8; 2]; 3] = [[0xc0, 0x09], [0xc0, 0x0a], [0xc0, 0x23]];

#[test]
fn no_version_before_1_2_is_spoken() {
    let (answer, fault) = play(&old_hello(3, &[GCM], SIGNATURES));
    assert_eq!(answer[..2], [22, 3], "TLS 1.2 is answered: {fault:?}");
    for minor in 0..3 {
        for suites in [&[GCM][..], &CBC] {
            // Clients of these versions name no signatures (RFC 5246, 7.4.1.4.1).
            for further in [SIGNATURES, &[]] {
                let (answer, fault) = play(&old_hello(minor, suites, further));
                assert_eq!(
                    alert_of(&answer),
                    Some(alert::PROTOCOL_VERSION),
                    "{fault:?}"
                );
            }
        }
    }
}

#[test]
fn no_suite_of_chained_blocks_is_spoken() {
    for further in [SIGNATURES, &[]] {
        let (answer, fault) = play(&old_hello(3, &CBC, further));
        assert_eq!(alert_of(&answer), Some(HANDSHAKE_FAILURE), "{fault:?}");
    }
    let (answer, fault) = play(&old_hello(3, &[CBC[0], GCM], SIGNATURES));
    assert_eq!(answer[..2], [22, 3], "there is a better one: {fault:?}");
}

/// Of TLS 1.3: that it is offered, and no key yet, for which the server asks.
const TLS13: &[u8] = &[0, 43, 0, 3, 2, 3, 4];
const NO_KEY_SHARES: &[u8] = &[0, 51, 0, 2, 0, 0];

/// RFC 8446, 9.2.
#[test]
fn who_offers_tls_1_3_without_what_belongs_to_it_is_told_so() {
    const AES_128: [u8; 2] = [0x13, 0x01];
    let complete = [TLS13, P256, SIGNATURES, NO_KEY_SHARES];
    let (answer, fault) = play(&hello_with(3, &[AES_128], &complete));
    assert_eq!(answer[..2], [22, 3], "it is asked for a key: {fault:?}");
    // The version that everybody can read says nothing.
    for minor in [1, 3] {
        for without in 1..complete.len() {
            let mut extensions = complete.to_vec();
            extensions.remove(without);
            let (answer, fault) = play(&hello_with(minor, &[AES_128], &extensions));
            let told = alert_of(&answer);
            assert_eq!(told, Some(alert::MISSING_EXTENSION), "{without}: {fault:?}");
        }
    }
    // Who lacks none of them is told what rustls has to say.
    let (answer, fault) = play(&hello_with(3, &CBC, &complete));
    assert_eq!(alert_of(&answer), Some(HANDSHAKE_FAILURE), "{fault:?}");
}

fn alert_of(answer: &[u8]) -> Option<u8> {
    match answer {
        [21, 3, _, 0, 2, 2, alert] => Some(*alert),
        _ => None,
    }
}

#[test]
fn a_hello_that_is_broken_anywhere_leaves_nothing() {
    let hello = hello();
    for at in 0..hello.len() {
        let mut broken = hello.clone();
        broken[at] ^= 0x81;
        assert_ended_without_panic(&play(&broken));
    }
    for len in (0..hello.len()).step_by(7) {
        assert_ended_without_panic(&play(&hello[..len]));
    }
    assert_ended_without_panic(&play(&[hello.clone(), hello.clone()].concat()));
    // What cannot even be read, and what comes where nothing of its kind may.
    for (kind, body) in [(21, 1), (20, 1), (23, 1), (22, 0), (24, 1)] {
        let record = [kind, 3, 3, 0, body, 0xff];
        let record = &record[..5 + usize::from(body)];
        assert_ended_without_panic(&play(record));
        assert_ended_without_panic(&play(&[&hello, record].concat()));
    }
}

/// A panic of rustls would keep its alert from the peer.
fn assert_ended_without_panic((answer, fault): &(Vec<u8>, Option<String>)) {
    let fault = fault.as_deref().unwrap_or_default();
    assert!(!fault.contains("panicked"), "{fault}, after {answer:?}");
}

#[test]
fn what_is_no_tls_is_told_so() {
    let (answer, fault) = play(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
    assert_eq!(fault.as_deref(), Some("the peer speaks plain HTTP"));
    let (answer, fault) = play(&[0x16, 3, 1, 0xff, 0xff, 1, 2, 3]);
    assert_eq!(alert_of(&answer), Some(22), "a record that is too long");
    assert_eq!(fault.as_deref(), Some("a record is too long"));
    let (answer, _) = play(&[0x80, 0x2e, 1, 3, 1, 0, 0]);
    assert!(alert_of(&answer).is_some() || answer.is_empty());
}

#[test]
fn a_handshake_without_end_has_one() {
    // Parts of a message that is as long as a message may be, a byte each.
    let mut bytes = vec![0x16, 3, 1, 0, 4, 1, 0, 0xff, 0xff];
    while bytes.len() <= TLS_HANDSHAKE_BYTES_MAX + 10 {
        bytes.extend([0x16, 3, 1, 0, 1, 0]);
    }
    let (_, fault) = play(&bytes);
    assert!(fault.is_some());
}

/// Seals what the client itself would not.
fn after_the_handshake(suite: usize, play: impl FnOnce(&mut Stage)) -> Option<String> {
    let mut stage = Stage::with(identity(Some(SUITES[suite]))).shaken();
    stage.settle();
    play(&mut stage);
    stage.settle();
    let fault = stage.host.ended.clone().and_then(Result::err);
    stage.close();
    fault
}

#[test]
fn a_record_that_was_changed_is_not_believed() {
    for suite in 0..SUITES.len() {
        for at in [5, 12, 20, 30] {
            let mut alert = None;
            let fault = after_the_handshake(suite, |stage| {
                stage.say(b"a message of some bytes");
                stage.client.write_tls(&mut stage.out).unwrap();
                stage.out[at] ^= 1;
                stage.settle();
                alert.clone_from(&stage.failure);
            });
            assert_eq!(fault.as_deref(), Some("a record can't be decrypted"));
            let alert = format!("{:?}", alert.unwrap());
            assert!(alert.contains("BadRecordMac"), "{alert}");
        }
    }
}

#[test]
fn records_of_another_kind_may_not_come() {
    for kind in [0, 20, 21, 22, 24] {
        let fault = after_the_handshake(0, |stage| {
            stage.send_raw(&[kind, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
            stage.send_raw(&[11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
        });
        assert_eq!(fault.as_deref(), Some("a record is of no known kind"));
    }
    let fault = after_the_handshake(0, |stage| stage.send_raw(&[23, 3, 3, 0xff, 0]));
    assert_eq!(fault.as_deref(), Some("a record is too long"));
    let fault = after_the_handshake(3, |stage| stage.send_raw(&[23, 3, 3, 0, 0]));
    assert_eq!(fault.as_deref(), Some("a record can't be decrypted"));
}

#[test]
fn keys_are_not_changed_for_ever() {
    let changes = |count: u8| {
        after_the_handshake(0, |stage| {
            for _ in 0..count {
                stage.client.refresh_traffic_keys().unwrap();
                stage.step();
            }
        })
    };
    assert_eq!(changes(TLS_KEY_UPDATES_MAX), None);
    let fault = changes(TLS_KEY_UPDATES_MAX + 1);
    assert_eq!(
        fault.as_deref(),
        Some("the peer changes its keys again and again")
    );
}

/// rustls's client sends none, so they are sealed with the keys of the server's own end.
#[test]
fn records_with_nothing_in_them_are_counted() {
    let empties = |count: u8| {
        after_the_handshake(2, |stage| {
            let mut peer = stage.mirrored();
            let sealing = peer.sealing_key();
            let mut bytes = Vec::new();
            for _ in 0..count {
                peer.seal(&sealing, kind::DATA, 0, &mut bytes, |_| {});
            }
            stage.send_raw(&bytes);
        })
    };
    assert_eq!(empties(TLS_EMPTY_RECORDS_MAX), None);
    let fault = empties(TLS_EMPTY_RECORDS_MAX + 1);
    assert_eq!(fault.as_deref(), Some("records come with nothing in them"));
}

/// A client that begins anew within its encrypted connection. Of TLS 1.2 an alert of its own says
/// that nobody does so here, always as a warning (RFC 5246, 7.2.2); TLS 1.3 has no such thing.
#[test]
fn nobody_negotiates_again() {
    const WARNING: u8 = 1;
    const FATAL: u8 = 2;
    let hello = hello();
    let message = &hello[5..];
    for (suite, name) in SUITES.iter().enumerate() {
        let mut said = None;
        let fault = after_the_handshake(suite, |stage| {
            let mut peer = stage.mirrored();
            let (sealing, opening) = (peer.sealing_key(), peer.opening_key());
            let mut record = Vec::new();
            peer.seal(
                &sealing,
                kind::HANDSHAKE,
                message.len(),
                &mut record,
                |out| {
                    out.extend_from_slice(message);
                },
            );
            stage.is_deaf = true;
            stage.send_raw(&record);
            stage.settle();
            let mut answer = stage.net.receive(stage.end, 1 << 20).unwrap();
            let opened = peer.open(&opening, &mut answer, 0).unwrap();
            said = Some((opened.kind, answer[..opened.len].to_vec()));
        });
        let is_old = !name.as_str().unwrap().starts_with("TLS13");
        let (why, told) = match is_old {
            true => (
                "the peer wants to negotiate again",
                [WARNING, alert::NO_RENEGOTIATION],
            ),
            false => (
                "a message comes that may not come here",
                [FATAL, alert::UNEXPECTED_MESSAGE],
            ),
        };
        assert_eq!(fault.as_deref(), Some(why), "{name:?}");
        assert_eq!(said, Some((kind::ALERT, told.to_vec())), "{name:?}");
    }
}

/// Whatever comes, in whatever pieces: the driver says why it gives up, and nothing is left.
#[test]
fn what_makes_no_sense_leaves_nothing() {
    use rand_chacha::ChaCha12Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut dice = ChaCha12Rng::seed_from_u64(14);
    let hello = hello();
    for round in 0..400 {
        let mut bytes = if round % 2 == 0 {
            hello.clone()
        } else {
            Vec::new()
        };
        for _ in 0..1 + dice.next_u32() % 6 {
            let (a, b) = (dice.next_u32(), dice.next_u32() as usize);
            match a % 4 {
                0 => bytes.extend([0x16, 3, 3, (b >> 8) as u8 % 70, b as u8]),
                1 => bytes.extend((0..b % 300).map(|_| dice.next_u32() as u8)),
                2 if !bytes.is_empty() => {
                    let at = b % bytes.len();
                    bytes[at] = a as u8;
                }
                _ => bytes.truncate(b % (bytes.len() + 1)),
            }
        }
        play(&bytes);
    }
    for round in 0..200 {
        let suite = round % SUITES.len();
        after_the_handshake(suite, |stage| {
            stage.say(b"one message");
            stage.say(b"and another one");
            while stage.client.wants_write() {
                stage.client.write_tls(&mut stage.out).unwrap();
            }
            let (at, with) = (dice.next_u32() as usize % stage.out.len(), dice.next_u32());
            match round % 3 {
                0 => stage.out[at] ^= 1 | with as u8,
                1 => stage.out.truncate(at),
                _ => drop(stage.out.remove(at)),
            }
            stage.net.set_segment(stage.end, 1 + with as usize % 40);
        });
    }
}

/// Many connections begin at once: no turn does more handshakes than it has time for.
#[test]
fn handshakes_take_turns() {
    let mut stage = Stage::new();
    let hello = hello();
    let latency = std::time::Duration::ZERO;
    let ends: Vec<_> = (0..40)
        .map(|_| stage.net.connect(0, latency).unwrap())
        .collect();
    stage.net.advance_to(stage.net.now());
    let (mut completions, mut waited) = (Vec::new(), 0);
    use crate::io::{Completion, Driver, Op, Wait};
    stage.driver.turn(Wait::No, &mut completions).unwrap();
    for (number, completion) in completions.drain(..).enumerate() {
        if let Completion::Accepted { socket, .. } = completion {
            let token = super::stage::token(100 + number as u32);
            stage.driver.push(Op::Receive { socket, token });
        }
    }
    for end in &ends {
        stage.net.send(*end, &hello).unwrap();
    }
    stage.net.advance_to(stage.net.now());
    for _ in 0..20 {
        let before = stage.driver.to_shake.len();
        stage.driver.turn(Wait::No, &mut completions).unwrap();
        let after = stage.driver.to_shake.len();
        assert!(before.saturating_sub(after) <= crate::limits::TLS_HANDSHAKES_PER_TURN);
        waited = waited.max(after);
    }
    assert!(
        waited >= 40 - 8 && stage.driver.to_shake.is_empty(),
        "{waited}"
    );
}
