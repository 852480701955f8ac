//! What connections that change their shard may take from others.

use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::limits::{
    LUGGAGE_BYTES_MAX, MOVES_AT_ONCE_MAX, MOVES_PER_SECOND_MAX, PENDING_BYTES_MAX,
};

use crate::by_hand::{ByHand, WINDOW_BYTES};

fn post(session: &str, action: &str, body: &str) -> String {
    format!(
        "POST /primus/000/{session}/{action} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Opens sessions until each of two shards has one, and names them in the order of the shards.
fn open_sessions(stage: &mut ByHand) -> [String; 2] {
    let mut sessions = [None, None];
    for number in 0.. {
        let session = format!("session{number}");
        let before = stage.stats().connections_adopted;
        let end = stage.connect(0);
        stage.send_all(end, post(&session, "xhr", "").as_bytes());
        assert!(stage.read_all(end).0.ends_with("o\n"));
        let shard = stage.stats().connections_adopted - before;
        sessions[shard as usize].get_or_insert(session);
        if let [Some(first), Some(second)] = &sessions {
            return [first.clone(), second.clone()];
        }
    }
    unreachable!("one of 2^64 names belongs to either shard")
}

/// One connection with the requests of two sessions, as proxies make them: every request is for the
/// other shard. All are answered, in order, and none of them sooner than the bound allows.
#[test]
fn a_connection_moves_only_so_often() {
    let mut stage = ByHand::new(TransformerKind::SockJs, 2);
    let sessions = open_sessions(&mut stage);
    let end = stage.connect(0);
    let start = stage.net.now();
    let moves = 1500;
    for number in 0..moves {
        let session = &sessions[(number + 1) % 2];
        stage.send_all(end, post(session, "xhr_send", "[\"a\"]").as_bytes());
        let mut answer = stage.read_all(end).0;
        while answer.is_empty() {
            stage.run_for(Duration::from_millis(1));
            answer = stage.read_all(end).0;
        }
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    }
    let stats = stage.stats();
    assert!(stats.connections_adopted >= moves as u64);
    assert!(stats.moves_delayed > 0);
    let rate = u128::from(MOVES_PER_SECOND_MAX);
    let least_ms = (moves as u128 - u128::from(MOVES_AT_ONCE_MAX)) * 1000 / rate;
    let ms = stage.net.now().saturating_since(start).as_millis();
    assert!((least_ms..=3 * least_ms).contains(&ms), "{ms} ms");
}

/// Connections that can't leave, because their peers do not read what they were sent before. They
/// send as much of a request as is taken.
fn stuck(stage: &mut ByHand, session: &str, body: &str) -> EndpointId {
    let end = stage.connect(0);
    stage.send_all(end, b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
    let request = post(session, "xhr_send", body);
    let mut rest = request.as_bytes();
    while !rest.is_empty() {
        match stage.send(end, rest) {
            0 => break,
            count => rest = &rest[count..],
        }
    }
    end
}

#[test]
fn a_connection_that_leaves_is_not_listened_to() {
    let mut stage = ByHand::new(TransformerKind::SockJs, 2);
    let [_, session] = open_sessions(&mut stage);
    let end = stuck(&mut stage, &session, "[\"a\"]");
    let flood = vec![b'x'; WINDOW_BYTES];
    let mut taken = 0;
    for _ in 0..200 {
        taken += stage.send(end, &flood);
        stage.run_for(Duration::from_millis(10));
    }
    assert!(taken > PENDING_BYTES_MAX);
    assert!(taken <= PENDING_BYTES_MAX + 3 * WINDOW_BYTES, "{taken}");
}

/// What waits to leave is bounded in all, whatever the requests claim to bring; one for which there
/// is no room is not waited for, and when the others have left or are given up there is room again.
#[test]
fn what_leaves_a_shard_is_bounded() {
    let mut stage = ByHand::new(TransformerKind::SockJs, 2);
    let [_, session] = open_sessions(&mut stage);
    let body = format!("[\"{}\"]", "a".repeat(9_000_000));
    let not_waited_for = |stage: &ByHand| {
        let stats = stage.stats();
        stats.moves_refused + stats.connections_overrun
    };
    let mut waiting = 0;
    while not_waited_for(&stage) == 0 {
        waiting += 1;
        stuck(&mut stage, &session, &body);
    }
    let each = PENDING_BYTES_MAX..=PENDING_BYTES_MAX + 2 * WINDOW_BYTES;
    let fit = LUGGAGE_BYTES_MAX / each.end()..=LUGGAGE_BYTES_MAX / each.start() + 1;
    assert!(fit.contains(&waiting), "{waiting}");

    stage.seconds(120);
    assert_eq!(stage.server.connections(), 0);
    let before = not_waited_for(&stage);
    stuck(&mut stage, &session, &body);
    assert_eq!(not_waited_for(&stage), before, "there is room again");
}
