//! Peers that send or read slowly, or nothing: who moves goes on, who does not is given up.

use std::time::Duration;

use allspark::TransformerKind;
use allspark_engine::io::sim::EndpointId;
use allspark_engine::limits::PENDING_BYTES_MAX;

use crate::by_hand::{ByHand, LARGE_BYTES, WINDOW_BYTES};

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const GET_LARGE: &str = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n";

fn stage() -> ByHand {
    ByHand::new(TransformerKind::SockJs, 1)
}

/// Begins a request with a body of so many bytes.
fn begin_post(stage: &mut ByHand, length: usize) -> EndpointId {
    let end = stage.connect(0);
    let head = format!("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    stage.send_all(end, head.as_bytes());
    end
}

/// Lines without a request do not keep a connection, nor do halves of them.
#[test]
fn empty_lines_hold_no_connection() {
    for parts in [&["\r\n"][..], &["\r", "\n"]] {
        for begins_with_a_request in [false, true] {
            let mut stage = stage();
            let end = stage.connect(0);
            if begins_with_a_request {
                stage.send_all(end, GET.as_bytes());
                assert!(stage.read_all(end).0.ends_with("hello"));
            }
            let mut seconds = 0;
            while stage.server.connections() > 0 {
                for part in parts {
                    stage.seconds(10);
                    seconds += 10;
                    stage.send(end, part.as_bytes());
                    assert!(seconds <= 120, "{parts:?}");
                }
            }
        }
    }
}

/// Load balancers commonly keep an idle connection for 60 s, and may use it in the last moment: the
/// server must not be closing it then.
#[test]
fn a_connection_is_kept_for_longer_than_by_load_balancers() {
    let mut stage = stage();
    let end = stage.connect(0);
    for _ in 0..2 {
        stage.send_all(end, GET.as_bytes());
        assert!(stage.read_all(end).0.ends_with("hello"));
        stage.seconds(65);
    }
    assert_eq!(stage.server.connections(), 1);
    stage.seconds(20);
    assert_eq!(stage.server.connections(), 0);
}

#[test]
fn a_few_empty_lines_do_no_harm_and_many_are_refused() {
    let mut stage = stage();
    let end = stage.connect(0);
    stage.send_all(end, b"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n\r\n");
    assert!(stage.read_all(end).0.ends_with("hello"));
    stage.send_all(end, "\r\n".repeat(5).as_bytes());
    let (answer, _) = stage.read_all(end);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("Connection: close"), "{answer}");
}

/// 9 MB at 2 Mbit/s take longer than any request has, and come all the time.
#[test]
fn a_body_that_keeps_coming_is_waited_for() {
    let mut stage = stage();
    let length = 9_000_000;
    let end = begin_post(&mut stage, length);
    let part = vec![b'x'; 25_000];
    for _ in 0..length / part.len() {
        stage.run_for(Duration::from_millis(100));
        stage.send_all(end, &part);
    }
    let (answer, _) = stage.read_all(end);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(stage.stats().requests_timed_out, 0);
}

/// A peer that claims a body and sends nothing of it, or a byte now and then, or stops in the midst
/// of it, has two periods, and is told.
#[test]
fn a_body_that_does_not_come_is_given_up() {
    for (first, each_second) in [(0, 0), (0, 1), (0, 400), (5_000_000, 0), (5_000_000, 9)] {
        let mut stage = stage();
        let end = begin_post(&mut stage, 10 << 20);
        stage.send_all(end, &vec![b'x'; first]);
        let mut seconds = 0;
        while stage.stats().requests_timed_out == 0 {
            stage.seconds(1);
            seconds += 1;
            stage.send(end, &vec![b'x'; each_second]);
            assert!(seconds <= 60, "{first} and {each_second}");
        }
        let (answer, _) = stage.read_all(end);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        stage.seconds(3);
        assert_eq!(stage.server.connections(), 0);
    }
}

/// Neither chunks without data nor what frames them is progress.
#[test]
fn the_frame_of_a_body_is_no_progress() {
    let mut stage = stage();
    let end = stage.connect(0);
    let head = b"POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;";
    stage.send_all(end, head);
    for _ in 0..31 {
        stage.seconds(1);
        stage.send(end, b"xxxxxxx");
    }
    assert_eq!(stage.stats().requests_timed_out, 1);
}

/// A head has a fixed time, however many bytes come.
#[test]
fn a_head_has_a_fixed_time() {
    let mut stage = stage();
    let end = stage.connect(0);
    stage.send_all(end, b"GET / HTTP/1.1\r\nHost: x\r\n");
    for _ in 0..31 {
        stage.seconds(1);
        stage.send(end, format!("X: {}\r\n", "x".repeat(200)).as_bytes());
    }
    let (answer, _) = stage.read_all(end);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// 3.9 MB at 4 kB/s take a quarter of an hour, and the connection is still good for a request.
#[test]
fn an_answer_that_is_read_slowly_arrives_whole() {
    for request in [GET_LARGE, "GET /large HTTP/1.0\r\n\r\n"] {
        let mut stage = stage();
        let end = stage.connect(0);
        stage.send_all(end, request.as_bytes());
        let (mut received, mut seconds) = (0, 0);
        while received < LARGE_BYTES {
            let part = stage.read(end, 4_000).expect("it is not the end");
            received += part.len();
            stage.seconds(1);
            seconds += 1;
            assert!(seconds < 1200, "only {received} bytes came");
        }
        if request == GET_LARGE {
            assert!(!stage.read_all(end).1);
            stage.seconds(40);
            stage.send_all(end, GET.as_bytes());
            assert!(stage.read_all(end).0.ends_with("hello"));
        } else {
            assert!(stage.read_all(end).1, "the connection is closed behind it");
            stage.net.close(end);
            stage.seconds(1);
            assert_eq!(stage.server.connections(), 0);
        }
        assert_eq!(stage.stats().connections_slow, 0);
    }
}

/// Who reads nothing of what he is sent, or a byte now and then, is given up after two periods,
/// whatever he sends meanwhile.
#[test]
fn an_answer_that_is_not_read_is_given_up() {
    for (each_second, asks, last) in [
        (0, false, false),
        (1, false, false),
        (400, true, false),
        (0, false, true),
        (400, false, true),
    ] {
        let mut stage = stage();
        let end = stage.connect(0);
        let request = match last {
            true => "GET /large HTTP/1.0\r\n\r\n",
            false => GET_LARGE,
        };
        stage.send_all(end, request.as_bytes());
        let mut seconds = 0;
        while stage.server.connections() > 0 {
            stage.seconds(1);
            seconds += 1;
            stage.net.receive(end, each_second);
            if asks {
                stage.send(end, GET.as_bytes());
            }
            assert!(seconds <= 62, "{each_second}, {asks}, {last}");
        }
        assert_eq!(stage.stats().connections_slow, 1);
    }
}

/// The last bytes are still in the kernel when everything is sent: who reads them slowly gets them
/// before the connection is closed, and who does not read them does not keep it.
#[test]
fn a_connection_lingers_while_its_peer_reads() {
    for each_second in [2_000, 0] {
        let mut stage = stage();
        let end = stage.connect(0);
        stage.send_all(end, b"GET /large HTTP/1.0\r\n\r\n");
        let mut left = LARGE_BYTES;
        while left > WINDOW_BYTES / 2 {
            left -= stage.read(end, 10_000).expect("it is not the end").len();
        }
        let mut seconds = 0;
        while stage.server.connections() > 0 {
            stage.seconds(1);
            seconds += 1;
            stage.net.receive(end, each_second);
            assert!(seconds <= 100, "{each_second}");
        }
        let least = left.checked_div(each_second).unwrap_or(30);
        assert!(seconds >= least, "{each_second}: {seconds} seconds");
    }
}

/// Everything that is sent to a session must not make the server listen again to what comes behind
/// the request.
#[test]
fn bytes_behind_a_streaming_request_are_bounded() {
    let mut stage = stage();
    let end = stage.connect(0);
    let open = "POST /primus/000/session/xhr_streaming HTTP/1.1\r\nHost: x\r\n\
        Content-Length: 0\r\n\r\n";
    stage.send_all(end, open.as_bytes());
    let flood = vec![b'x'; WINDOW_BYTES];
    let mut taken = 0;
    for round in 0..200 {
        taken += stage.send(end, &flood);
        stage.handle().write(format!("{round}")).unwrap();
        stage.run_for(Duration::from_millis(10));
        assert!(!stage.read_all(end).1, "the request goes on");
    }
    assert!(taken > PENDING_BYTES_MAX);
    assert!(taken <= PENDING_BYTES_MAX + 3 * WINDOW_BYTES, "{taken}");
}

/// What came meanwhile is looked at once the request is answered, and then the connection is
/// listened to again.
#[test]
fn what_came_behind_a_request_is_answered_later() {
    let mut stage = stage();
    let end = stage.connect(0);
    let path = "/primus/000/session";
    let poll = format!("POST {path}/xhr HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    stage.send_all(end, poll.as_bytes());
    assert!(stage.read_all(end).0.ends_with("o\n"));
    // This poll waits for a message, and three windows of requests for it.
    stage.send_all(end, poll.as_bytes());
    let gets = GET.repeat(3 * WINDOW_BYTES / GET.len());
    let mut sent = stage.send(end, gets.as_bytes());
    sent += stage.send(end, &gets.as_bytes()[sent..]);
    sent += stage.send(end, &gets.as_bytes()[sent..]);
    assert_eq!(stage.send(end, &gets.as_bytes()[sent..]), 0);
    stage.handle().write("message").unwrap();
    stage.run_for(Duration::from_millis(10));
    let mut answers = stage.read_all(end).0;
    while sent < gets.len() {
        let count = stage.send(end, &gets.as_bytes()[sent..]);
        assert!(count > 0, "nobody listens");
        sent += count;
        answers.push_str(&stage.read_all(end).0);
    }
    assert_eq!(answers.matches("hello").count(), gets.len() / GET.len());
}

/// What is under way when a connection is not listened to any more is taken, but not without end.
#[test]
fn who_sends_far_too_much_behind_a_request_is_cut_off() {
    let mut stage = stage();
    let end = stage.connect(0);
    stage.net.set_window(end, 4 << 20);
    let open = "POST /primus/000/session/xhr_streaming HTTP/1.1\r\nHost: x\r\n\
        Content-Length: 0\r\n\r\n";
    stage.send_all(end, open.as_bytes());
    stage.send(end, &vec![b'x'; 4 << 20]);
    stage.seconds(1);
    assert_eq!(stage.stats().connections_overrun, 1);
    assert_eq!(stage.server.connections(), 0);
}

/// A spark whose pong waits behind what its peer has not read yet lives as long as the peer reads,
/// and no longer: a byte now and then is no sign of life.
#[test]
fn a_spark_lives_while_its_peer_reads() {
    for (each_second, lives) in [(4_000, true), (1, false), (0, false)] {
        let mut stage = ByHand::new(TransformerKind::WebSockets, 1);
        let end = stage.connect(0);
        let upgrade = "GET /primus HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stage.send_all(end, upgrade.as_bytes());
        stage.handle().write("x".repeat(8_000_000)).unwrap();
        for _ in 0..300 {
            stage.seconds(1);
            stage.net.receive(end, each_second);
        }
        let is_open = stage.stats().sparks_ended == 0;
        assert_eq!(is_open, lives, "{each_second} bytes per second");
    }
}
