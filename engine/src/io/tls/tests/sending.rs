use super::certificates::{SUITES, identity};
use super::stage::Stage;
use super::talking::text;
use crate::io::{Driver, Op};

/// The kernel stops at every byte of a record, of the one behind it, and in between.
#[test]
fn wherever_the_kernel_stops_everything_arrives_once_and_in_order() {
    for suite in [SUITES[0], SUITES[3], SUITES[5]] {
        for window in (1..80).chain([200, 1_000, 16_000, 16_406, 16_407, 20_000]) {
            let mut stage = Stage::with(identity(Some(suite))).shaken();
            stage.settle();
            stage.net.set_window(stage.end, window);
            let said = text(if window < 200 { 300 } else { 70_000 });
            for part in said.chunks(said.len() / 3) {
                stage.host.queue.extend(part);
                stage.step();
            }
            stage.until(|stage| stage.answer.len() == said.len());
            assert!(stage.answer == said, "{suite:?} {window}");
            stage.settle();
            assert!(!stage.host.is_blocked && stage.held() == 0);
        }
    }
}

#[test]
fn what_is_not_taken_comes_back_as_it_was() {
    let mut stage = Stage::new().shaken();
    stage.settle();
    stage.is_deaf = true;
    let said = text(300_000);
    stage.host.queue.extend(&said);
    stage.host.slice_bytes = Some(1_000);
    for _ in 0..40 {
        stage.step();
    }
    // The kernel's buffer is full; at most a record stays with the driver.
    let on_the_wire = 64 * 1024;
    let waits = stage.host.queue.len();
    assert!(
        stage.host.is_blocked && waits + on_the_wire + 32 * 1024 > said.len(),
        "{waits}"
    );
    assert!(stage.host.held <= 17 * 1024, "{}", stage.host.held);
    stage.is_deaf = false;
    stage.until(|stage| stage.answer.len() == said.len());
    stage.settle();
    assert!(stage.answer == said && stage.held() == 0 && stage.host.held < 1024);
}

#[test]
fn an_end_waits_for_what_the_driver_keeps() {
    let mut stage = Stage::new().shaken();
    stage.settle();
    stage.net.set_window(stage.end, 30);
    stage
        .host
        .queue
        .extend(b"a text that is longer than the window");
    stage.turn();
    assert!(
        stage.host.queue.is_empty(),
        "it is one record, which has begun"
    );
    assert!(stage.host.is_blocked);
    let socket = stage.host.socket.unwrap();
    stage.driver.push(Op::Shutdown { socket });
    stage.until(|stage| stage.client_ended);
    assert_eq!(stage.answer, b"a text that is longer than the window");
    assert!(
        stage
            .client
            .process_new_packets()
            .unwrap()
            .peer_has_closed()
    );
}

#[test]
fn who_has_not_shaken_hands_gets_nothing() {
    let mut stage = Stage::new();
    stage.until(|stage| stage.host.socket.is_some());
    stage.host.queue.extend(b"HTTP/1.1 408 Request Timeout");
    stage.turn();
    assert!(stage.host.queue.is_empty() && !stage.host.is_blocked);
    let socket = stage.host.socket.unwrap();
    stage.driver.push(Op::Shutdown { socket });
    stage.turn();
    stage.close();
}
