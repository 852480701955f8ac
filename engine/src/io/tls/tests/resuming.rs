use std::sync::Arc;

use rustls::HandshakeKind;

use super::certificates::{SUITES, identity};
use super::stage::{Stage, token};
use crate::io::sim::SimDriver;
use crate::io::{Completion, Detached, Driver, Op, Tls, TlsAcceptor, Wait};

#[test]
fn a_client_that_comes_back_needs_no_signature() {
    for suite in [SUITES[0], SUITES[3]] {
        let identity = identity(Some(suite));
        let acceptor = TlsAcceptor::new(identity.server);
        let config = Arc::new(identity.client);
        let mut first = Stage::of(&acceptor, Arc::clone(&config)).shaken();
        first.settle();
        let mut second = Stage::of(&acceptor, config).shaken();
        assert_eq!(second.client.handshake_kind(), Some(HandshakeKind::Resumed));
        second.say(b"again");
        second.until(|stage| stage.host.received == b"again");
        let secure = second.host.secure.unwrap();
        assert_eq!(
            secure.server_name.as_deref(),
            Some(super::certificates::NAME)
        );
    }
}

#[test]
fn another_configuration_is_for_those_that_come_after_it() {
    let (old, new) = (identity(None), identity(None));
    let acceptor = TlsAcceptor::new(old.server);
    let mut stage = Stage::of(&acceptor, Arc::new(old.client)).shaken();
    acceptor.replace(new.server);
    stage.say(b"still here");
    stage.until(|stage| stage.host.received == b"still here");
    let mut later = Stage::of(&acceptor, Arc::new(new.client)).shaken();
    later.say(b"new");
    later.until(|stage| stage.host.received == b"new");
}

fn turn(driver: &mut Tls<SimDriver>) -> Vec<Completion> {
    let mut completions = Vec::new();
    driver.turn(Wait::No, &mut completions).unwrap();
    completions
}

fn release(stage: &mut Stage) -> Detached {
    let (socket, token) = (stage.host.socket.unwrap(), token(7));
    stage.driver.push(Op::Release { socket, token });
    match turn(&mut stage.driver).pop() {
        Some(Completion::Released { result, .. }) => result.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The connection goes to a driver that has seen nothing yet.
fn go_elsewhere(stage: &mut Stage) {
    let socket = release(stage);
    assert!(stage.driver.connections.is_empty());
    let mut other = Tls::server(SimDriver::new(&stage.net), Vec::new());
    let token = token(3);
    other.push(Op::Adopt { socket, token });
    let Some(Completion::Adopted { result, .. }) = turn(&mut other).pop() else {
        panic!("not adopted");
    };
    let (socket, token) = (result.unwrap(), super::stage::token(7));
    other.push(Op::Receive { socket, token });
    stage.driver = other;
    stage.host.socket = Some(socket);
}

/// What the old driver was about to do is done by the new one: the tickets have not left, or only a
/// part of them has.
#[test]
fn a_connection_that_goes_at_once_is_sent_everything() {
    for window in [10, 60, 100_000] {
        let mut stage = Stage::new();
        stage.until(|stage| stage.host.secure.is_some());
        stage.net.set_window(stage.end, window);
        go_elsewhere(&mut stage);
        stage.settle();
        assert!(stage.held() == 0 && !stage.client.is_handshaking());
        stage.net.set_window(stage.end, 30_000);
        let said = super::talking::text(200_000);
        stage.host.queue.extend(&said);
        stage.until(|stage| stage.answer.len() == said.len());
        assert!(stage.answer == said);
        let socket = stage.host.socket.unwrap();
        stage.driver.push(Op::Shutdown { socket });
        stage.until(|stage| stage.client_ended);
        let state = stage.client.process_new_packets().unwrap();
        assert!(state.peer_has_closed());
    }
}

/// With half a record, in the middle of the conversation.
#[test]
fn a_connection_goes_to_another_driver_with_its_keys() {
    let mut stage = Stage::new().shaken();
    stage.say(b"first");
    stage.until(|stage| stage.host.received == b"first");
    stage.say(b"second");
    stage.client.write_tls(&mut stage.out).unwrap();
    let rest = stage.out.split_off(9);
    stage.settle();
    go_elsewhere(&mut stage);
    stage.send_raw(&rest);
    stage.host.queue.extend(b"answer");
    stage.until(|stage| stage.host.received == b"firstsecond" && stage.answer == b"answer");
    stage.close();
}

#[test]
fn who_has_not_shaken_hands_goes_nowhere() {
    let mut stage = Stage::new();
    stage.until(|stage| stage.host.socket.is_some());
    let (socket, token) = (stage.host.socket.unwrap(), token(7));
    stage.driver.push(Op::Release { socket, token });
    let last = turn(&mut stage.driver).pop();
    assert!(
        matches!(last, Some(Completion::Released { result: Err(_), .. })),
        "{last:?}"
    );
    assert!(stage.driver.connections.is_empty());
}
