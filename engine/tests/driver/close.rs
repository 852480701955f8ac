use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use allspark_engine::io::{Completion, Op};
use allspark_engine::memory::Slice;

use crate::rig::{Rig, Size, TestDriver, pattern};

pub(crate) fn says_closed_once_and_last<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let connection = rig.open();
    let (socket, token) = (connection.socket, rig.token());
    // Fill the connection, so that the wait for room stays pending until it is closed.
    let bytes = Slice::copy_of(&pattern(32 << 20));
    rig.driver.push(Op::Send { socket, bytes });
    rig.settle();
    rig.driver.push(Op::AwaitWritable { socket });
    rig.settle();
    rig.drain();
    rig.driver.push(Op::Close { socket, token });
    rig.settle_with(1);
    let reported = rig.drain();
    assert!(
        matches!(reported[..], [.., Completion::Closed { token: t }] if t == token),
        "{reported:?}"
    );
    let closed = |c: &&Completion| matches!(c, Completion::Closed { .. });
    assert_eq!(reported.iter().filter(closed).count(), 1);
    assert_eq!(rig.driver.stale(), 0);
}

pub(crate) fn sends_what_was_pushed_before<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    let bytes = Slice::copy_of(b"goodbye");
    rig.driver.push(Op::Send { socket, bytes });
    rig.close(socket, token);
    let mut received = String::new();
    connection.peer.read_to_string(&mut received).unwrap();
    assert_eq!(received, "goodbye");
}

/// The kernel carries a shutdown out on a thread of its own, and looks the socket up only then: by
/// that time the place of a closed socket must not be another connection's.
pub(crate) fn a_shutdown_hits_nobody_else<D: TestDriver>() {
    let mut rig = Rig::<D>::sized(Size {
        sockets_per_ring: 1,
        sockets_max: 1,
        ..Size::default()
    });
    let mut connection = rig.open();
    for round in 0..300 {
        let (socket, token) = (connection.socket, connection.token);
        rig.driver.push(Op::Shutdown { socket });
        rig.driver.push(Op::Close { socket, token });
        connection = rig.open();
        rig.drain();
        let wait = Some(Duration::from_millis(2));
        connection.peer.set_read_timeout(wait).unwrap();
        let silent = loop {
            let heard = connection.peer.read(&mut [0]);
            match heard.map_err(|error| error.kind()) {
                // By the kernel, which starts a thread for a ring in the name of who made it.
                Err(ErrorKind::Interrupted) => {}
                heard => break heard,
            }
        };
        assert_eq!(silent, Err(ErrorKind::WouldBlock), "round {round}");
    }
}

pub(crate) fn uses_sockets_again<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut sockets = std::collections::HashSet::new();
    for round in 0..200 {
        let mut connection = rig.open();
        sockets.insert(connection.socket);
        let message = [round as u8; 64];
        connection.peer.write_all(&message).unwrap();
        if round % 2 == 0 {
            assert_eq!(rig.receive(connection.token, 64), message);
        }
        // More is on its way while the connection is closed.
        let _ = connection.peer.write_all(&message);
        rig.close(connection.socket, connection.token);
        rig.drain();
        rig.turn(allspark_engine::io::Wait::No);
        let late = rig.drain();
        assert!(late.is_empty(), "nothing comes after Closed: {late:?}");
    }
    assert!(sockets.len() < 150, "{} sockets were used", sockets.len());
    assert_eq!(rig.driver.stale(), 0);
}

pub(crate) fn ignores_what_comes_after<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    rig.settle();
    rig.driver.push(Op::Close { socket, token });
    rig.driver.push(Op::AwaitWritable { socket });
    rig.driver.push(Op::Receive { socket, token });
    rig.driver.push(Op::StopReceive { socket });
    let bytes = Slice::copy_of(b"too late");
    rig.driver.push(Op::Send { socket, bytes });
    rig.driver.push(Op::Close { socket, token });
    rig.settle_with(1);
    let reported = rig.drain();
    assert!(
        matches!(reported[..], [Completion::Closed { token: t }] if t == token),
        "{reported:?}"
    );
    let mut received = Vec::new();
    match connection.peer.read_to_end(&mut received) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert!(received.is_empty());
}
