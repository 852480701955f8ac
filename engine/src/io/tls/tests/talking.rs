use rustls::{CipherSuite, HandshakeKind};

use super::certificates::{NAME, SUITES, identity};
use super::stage::{Stage, token};
use crate::io::{Driver, Op, TlsVersion};

/// Something of which each part differs from the others.
pub(super) fn text(len: usize) -> Vec<u8> {
    (0..len)
        .map(|number| (number * 7 + number / 251) as u8)
        .collect()
}

#[test]
fn both_ends_understand_each_other_whatever_the_suite() {
    for suite in SUITES {
        let mut stage = Stage::with(identity(Some(suite))).shaken();
        let said = text(100_000);
        stage.say(&said);
        stage.until(|stage| stage.host.received.len() == said.len());
        assert!(stage.host.received == said, "{suite:?}");
        stage.host.queue.extend(&said);
        stage.until(|stage| stage.answer.len() == said.len());
        assert!(stage.answer == said, "{suite:?}");
        let secure = stage.host.secure.clone().unwrap();
        let is_new = suite.as_str().unwrap().starts_with("TLS13");
        let version = if is_new {
            TlsVersion::V1_3
        } else {
            TlsVersion::V1_2
        };
        assert_eq!(secure.version, version);
        assert_eq!(secure.server_name.as_deref(), Some(NAME));
        assert_eq!(
            secure.cipher,
            suite.as_str().unwrap().replace("TLS13_", "TLS_")
        );
        assert!(secure.client.is_none());
        stage.close();
    }
}

#[test]
fn an_idle_connection_holds_nothing() {
    let mut stage = Stage::new().shaken();
    stage.say(b"hello");
    stage.until(|stage| stage.host.received == b"hello");
    stage.settle();
    assert_eq!(stage.held(), 0);
    let sessions = size_of::<super::super::session::Session>();
    assert!(sessions <= 360, "{sessions}");
    let places = size_of::<super::super::session::Connection>();
    assert!(places <= 40, "{places}");
}

/// Bytes come one by one, in pieces of any size, and all at once.
#[test]
fn it_does_not_matter_how_bytes_come() {
    for segment in [1, 2, 3, 5, 7, 100, 1_000, 5_000] {
        let stage = Stage::new();
        stage.net.set_segment(stage.end, segment);
        let mut stage = stage.shaken();
        let said = text(3_000);
        for part in said.chunks(700) {
            stage.say(part);
        }
        stage.until(|stage| stage.host.received.len() == said.len());
        assert!(stage.host.received == said, "{segment}");
        stage.host.queue.extend(&said);
        stage.until(|stage| stage.answer.len() == said.len());
        assert!(stage.answer == said && stage.held() == 0, "{segment}");
    }
}

/// What a client sends behind the last message of its handshake is not for rustls.
#[test]
fn data_behind_the_end_of_the_handshake_is_not_lost() {
    for (suite, len) in [(SUITES[0], 7), (SUITES[3], 7), (SUITES[0], 300 * 1024)] {
        let (mut stage, said) = (Stage::with(identity(Some(suite))), text(len));
        // Kept by rustls until it may be sent, and then sent with the last message.
        stage.say(&said);
        let mut stage = stage.shaken();
        stage.until(|stage| stage.host.received.len() == len);
        assert!(stage.host.received == said, "{len} bytes");
    }
}

#[test]
fn each_end_can_change_its_keys() {
    for suite in &SUITES[..3] {
        let mut stage = Stage::with(identity(Some(*suite))).shaken();
        for round in 0..5 {
            stage.client.refresh_traffic_keys().unwrap();
            stage.say(b"ping");
            stage.until(|stage| stage.host.received.len() == 4 * (round + 1));
            stage.host.queue.extend(b"pong");
            stage.until(|stage| stage.answer.len() == 4 * (round + 1));
            if let Some(key) = stage
                .driver
                .connections
                .key_at(stage.host.socket.unwrap().0)
            {
                // As if the client had asked for it.
                let session = stage.driver.session_mut(key).unwrap();
                session
                    .flags
                    .set(super::super::session::Flags::UPDATE_ASKED);
            }
        }
        assert_eq!(stage.answer, b"pong".repeat(5), "{suite:?}");
    }
}

#[test]
fn an_end_is_told_in_both_directions() {
    let mut stage = Stage::new().shaken();
    stage.say(b"last");
    stage.client.send_close_notify();
    stage.until(|stage| stage.host.ended.is_some());
    assert_eq!(stage.host.ended, Some(Ok(())));
    assert_eq!(stage.host.received, b"last");
    // The other direction is still open.
    stage.host.queue.extend(b"answer");
    stage.until(|stage| stage.answer == b"answer");
    let socket = stage.host.socket.unwrap();
    stage.driver.push(Op::Shutdown { socket });
    stage.until(|stage| stage.client_ended);
    let state = stage.client.process_new_packets().unwrap();
    assert!(state.peer_has_closed(), "not only the stream ends");
    stage.close();
}

#[test]
fn a_stream_that_ends_without_a_word_is_an_end_and_half_a_record_is_a_fault() {
    let mut stage = Stage::new().shaken();
    stage.net.shutdown(stage.end);
    stage.until(|stage| stage.host.ended.is_some());
    assert_eq!(stage.host.ended, Some(Ok(())));

    let mut stage = Stage::new().shaken();
    stage.say(b"a message");
    stage.client.write_tls(&mut stage.out).unwrap();
    stage.out.truncate(12);
    stage.play_client();
    stage.net.shutdown(stage.end);
    stage.until(|stage| stage.host.ended.is_some());
    let fault = stage.host.ended.clone().unwrap().unwrap_err();
    assert!(fault.contains("middle of a record"), "{fault}");
}

#[test]
fn a_connection_that_is_closed_while_it_shakes_hands_leaves_nothing() {
    for steps in 0..8 {
        let mut stage = Stage::new();
        for _ in 0..steps {
            stage.step();
        }
        if stage.host.socket.is_some() {
            stage.close();
        }
        assert!(stage.driver.connections.is_empty());
    }
    assert_eq!(token(7).index(), 7);
}

#[test]
fn a_plain_listener_beside_it_stays_plain() {
    let mut stage = Stage::new();
    stage.driver.set_acceptors(vec![None]);
    stage.send_raw(b"as it is");
    stage.host.secure = Some(crate::io::Secure {
        version: TlsVersion::Other,
        cipher: "".into(),
        server_name: None,
        client: None,
    });
    stage.is_deaf = true;
    let wanted = b"as it is";
    for _ in 0..20 {
        let sent = stage.net.send(stage.end, &stage.out).unwrap();
        stage.out.drain(..sent);
        stage.turn();
        stage.advance();
    }
    assert_eq!(stage.host.received, wanted);
    stage.host.queue.extend(b"too");
    stage.turn();
    stage.advance();
    assert_eq!(stage.net.receive(stage.end, 100).unwrap(), b"too");
    stage.close();
}

#[test]
fn suites_are_what_they_are_called() {
    assert!(SUITES.contains(&CipherSuite::TLS13_AES_128_GCM_SHA256));
    let stage = Stage::new().shaken();
    assert_eq!(stage.client.handshake_kind(), Some(HandshakeKind::Full));
}
