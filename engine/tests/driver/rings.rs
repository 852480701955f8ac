//! What only the io_uring driver has: several rings, each with a small table.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use allspark_engine::io::{Completion, Driver, Op, Token, Uring, Wait};
use allspark_engine::memory::Slice;

use crate::hand_over::assert_ended;
use crate::receive::reset;
use crate::rig::{Connection, PATIENCE, Rig, Size, pattern};

const SMALL_TABLES: Size = Size {
    buffers: 16,
    buffer_bytes: 1024,
    send_buffer_bytes: None,
    sockets_per_ring: 8,
    sockets_max: 1 << 20,
    submissions: None,
};

#[test]
fn opens_rings_as_tables_fill_up() {
    let mut rig = Rig::<Uring>::sized(SMALL_TABLES);
    let mut used = HashSet::new();
    for round in 0..3u8 {
        let mut connections: Vec<Connection> = (0..50).map(|_| rig.open()).collect();
        used.extend(connections.iter().map(|connection| connection.socket));
        for connection in &mut connections {
            connection.peer.write_all(&[round; 3]).unwrap();
        }
        for connection in &connections {
            assert_eq!(rig.receive(connection.token, 3), [round; 3]);
            let (socket, bytes) = (connection.socket, Slice::copy_of(&[round; 5]));
            rig.driver.push(Op::Send { socket, bytes });
        }
        rig.settle();
        for connection in &mut connections {
            let mut echo = [0; 5];
            connection.peer.read_exact(&mut echo).unwrap();
            assert_eq!(echo, [round; 5]);
        }
        for connection in connections {
            rig.close(connection.socket, connection.token);
        }
        assert!(rig.drain().is_empty());
    }
    assert!(rig.driver.rings() >= 7, "{} rings", rig.driver.rings());
    assert!(rig.driver.rings() <= 8, "closed sockets make room");
    assert!(used.len() <= 8 * rig.driver.rings());
    assert_eq!(rig.driver.stale_completions(), 0);
}

/// What a crowd needed is given back when the crowd is gone, and others find what they need.
#[test]
fn closes_rings_that_nobody_uses() {
    let mut rig = Rig::<Uring>::sized(SMALL_TABLES);
    let connections: Vec<Connection> = (0..50).map(|_| rig.open()).collect();
    assert!(rig.driver.rings() >= 7, "{} rings", rig.driver.rings());
    rig.driver.give_back();
    assert!(rig.driver.rings() >= 7, "they are used");
    // Accepts that wait for a connection use sockets, too.
    rig.driver.push(Op::StopAccept);
    rig.settle();
    let mut connections = connections.into_iter();
    let stays = connections.next().expect("there are many");
    for connection in connections {
        rig.close(connection.socket, connection.token);
    }
    rig.driver.give_back();
    assert_eq!(rig.driver.rings(), 2, "one is used, one may be needed soon");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for _ in 0..50 {
        let token = rig.token();
        rig.driver.push(Op::Connect { address, token });
        rig.next("Connected", |completion| match completion {
            Completion::Connected { token: t, result } if t == token => Ok(result.unwrap()),
            other => Err(other),
        });
    }
    assert!(rig.driver.rings() >= 7, "{} rings", rig.driver.rings());
    rig.close(stays.socket, stays.token);
    assert_eq!(rig.driver.stale_completions(), 0);
}

/// A connection that does not fit waits until another one is closed. None is lost.
#[test]
fn a_full_driver_keeps_connections_waiting() {
    let mut rig = Rig::<Uring>::sized(Size {
        sockets_max: 8,
        ..SMALL_TABLES
    });
    let mut peers: Vec<TcpStream> = (0..12)
        .map(|_| TcpStream::connect(rig.address).unwrap())
        .collect();
    // Those for whom there is room, and that there is none for others.
    rig.settle_with(8 + 1);
    let mut accepted = Vec::new();
    let mut failures = 0;
    for completion in rig.drain() {
        match completion {
            Completion::Accepted { socket, .. } => accepted.push(socket),
            Completion::AcceptFailed { .. } => failures += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted.len(), failures), (8, 1));
    std::thread::sleep(std::time::Duration::from_millis(250));
    rig.settle();
    assert!(rig.drain().is_empty(), "one failure is reported once");
    for socket in accepted.drain(..4) {
        let token = rig.token();
        rig.close(socket, token);
    }
    for peer in &peers[8..] {
        accepted.push(rig.accepted(peer.local_addr().unwrap()));
    }
    // Each of those that are open is served.
    for (peer, &socket) in peers[4..].iter_mut().zip(&accepted) {
        let bytes = Slice::copy_of(b"served");
        rig.driver.push(Op::Send { socket, bytes });
        rig.settle();
        let mut received = [0; 6];
        peer.read_exact(&mut received).unwrap();
        assert_eq!(&received, b"served");
    }
}

#[test]
fn connects_on_every_ring() {
    let mut rig = Rig::<Uring>::sized(SMALL_TABLES);
    let address = rig.address;
    let mut opened = HashSet::new();
    for _ in 0..30 {
        let token = rig.token();
        rig.driver.push(Op::Connect { address, token });
        let socket = rig.next("Connected", |completion| match completion {
            Completion::Connected { token: t, result } if t == token => Ok(result.unwrap()),
            other => Err(other),
        });
        assert!(opened.insert(socket));
        rig.driver.push(Op::Receive { socket, token });
        let accepted = rig.next("Accepted", |completion| match completion {
            Completion::Accepted { socket, .. } => Ok(socket),
            other => Err(other),
        });
        assert!(opened.insert(accepted));
        let bytes = Slice::copy_of(b"across");
        rig.driver.push(Op::Send {
            socket: accepted,
            bytes,
        });
        assert_eq!(rig.receive(token, 6), b"across");
    }
    assert!(rig.driver.rings() > 60 / 8);
}

#[test]
fn a_full_driver_refuses_to_connect() {
    let mut rig = Rig::<Uring>::sized(Size {
        sockets_max: 8,
        ..SMALL_TABLES
    });
    // All slots are reserved for connections that may come in.
    rig.settle();
    let (address, token) = (rig.address, rig.token());
    rig.driver.push(Op::Connect { address, token });
    let error = rig.next("Connected", |completion| match completion {
        Completion::Connected { result, .. } => Ok(result.unwrap_err()),
        other => Err(other),
    });
    assert_eq!(error.raw_os_error(), Some(libc::ENFILE));
}

#[test]
fn a_full_driver_refuses_to_adopt() {
    let mut giver = Rig::<Uring>::new();
    let mut full = Rig::<Uring>::sized(Size {
        sockets_max: 8,
        ..SMALL_TABLES
    });
    // Some slots are in use, all others reserved for connections that may come in.
    let served: Vec<Connection> = (0..4).map(|_| full.open()).collect();
    full.settle();
    let mut refused = giver.open();
    let detached = giver.release(refused.socket, refused.token).unwrap();
    let error = full.adopt(detached).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENFILE));
    assert_ended(&mut refused.peer);
    // It is full, not broken.
    full.driver.push(Op::StopAccept);
    full.settle();
    let mut adopted = giver.open();
    let detached = giver.release(adopted.socket, adopted.token).unwrap();
    let socket = full.adopt(detached).unwrap();
    assert!(served.iter().all(|connection| connection.socket != socket));
    full.close(socket, adopted.token);
    assert_ended(&mut adopted.peer);
}

#[test]
fn adopts_on_every_ring() {
    let mut giver = Rig::<Uring>::sized(SMALL_TABLES);
    let mut taker = Rig::<Uring>::sized(SMALL_TABLES);
    let mut sockets = HashSet::new();
    let mut peers = Vec::new();
    for _ in 0..30 {
        let connection = giver.open();
        let (socket, token) = (connection.socket, connection.token);
        let detached = giver.release(socket, token).unwrap();
        let socket = taker.adopt(detached).unwrap();
        assert!(sockets.insert(socket));
        taker.driver.push(Op::Receive { socket, token });
        peers.push((connection.peer, token));
    }
    for (peer, token) in &mut peers {
        peer.write_all(b"across").unwrap();
        assert_eq!(taker.receive(*token, 6), b"across");
    }
    assert!(taker.driver.rings() > 30 / 8);
    // What was given away made room again.
    assert!(giver.driver.rings() <= 2, "{} rings", giver.driver.rings());
}

/// Bytes on any ring end a sleep in the main one that has begun, again and again.
#[test]
fn sleeps_in_the_main_ring_for_all() {
    let mut rig = Rig::<Uring>::sized(SMALL_TABLES);
    let mut connections: Vec<Connection> = (0..40).map(|_| rig.open()).collect();
    rig.settle();
    for connection in connections.iter_mut().chain(&mut [rig.open()]) {
        for _ in 0..2 {
            let mut peer = connection.peer.try_clone().unwrap();
            let writer = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                peer.write_all(b"x").unwrap();
            });
            let begun = Instant::now();
            while rig.pending() == 0 {
                rig.turn(Wait::Until(rig.driver.now() + PATIENCE));
            }
            assert!(begun.elapsed() < PATIENCE, "nobody told the main ring");
            assert_eq!(rig.receive(connection.token, 1), b"x");
            writer.join().unwrap();
        }
    }
}

/// Queues that are far too small make it slow, not wrong.
#[test]
fn loses_nothing_when_queues_overflow() {
    let mut rig = Rig::<Uring>::sized(Size {
        submissions: Some(4),
        send_buffer_bytes: Some(4096),
        ..Size::default()
    });
    let mut connections: Vec<Connection> = (0..200).map(|_| rig.open()).collect();
    rig.settle();
    for connection in &mut connections {
        connection.peer.write_all(b"x").unwrap();
    }
    let bytes = Slice::copy_of(&pattern(8 << 20));
    for connection in &connections {
        let (socket, bytes) = (connection.socket, bytes.clone());
        rig.driver.push(Op::Send { socket, bytes });
    }
    rig.turn(Wait::No);
    let reported = rig.drain();
    let stalled = |c: &&Completion| matches!(c, Completion::SendStalled { .. });
    assert_eq!(reported.iter().filter(stalled).count(), connections.len());
    let mut received = reported.len() - connections.len();
    while received < connections.len() {
        rig.settle();
        received += rig.drain().len();
    }
    for connection in connections {
        rig.close(connection.socket, connection.token);
    }
    assert!(rig.drain().is_empty());
    assert_eq!(rig.driver.stale_completions(), 0);
}

/// A release that waits for its place in a submission: what comes in meanwhile is delivered first,
/// under the connection's own token.
#[test]
fn delivers_what_comes_in_before_it_is_released() {
    let (mut rig, crowd) = busy();
    let mut connection = rig.open();
    rig.settle();
    connection.peer.write_all(b"early").unwrap();
    let leave = release_late(&mut rig, &crowd, &connection);
    let (detached, received) = match &mut released(&mut rig, leave)[..] {
        [
            Completion::Received { token, buffer },
            Completion::Released { result, .. },
        ] => {
            assert_eq!(*token, connection.token);
            let taken = std::mem::replace(result, Err(std::io::ErrorKind::Other.into()));
            (taken.unwrap(), buffer.to_vec())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(received, b"early");
    let socket = rig.adopt(detached).unwrap();
    let token = connection.token;
    rig.driver.push(Op::Receive { socket, token });
    connection.peer.write_all(b"late").unwrap();
    assert_eq!(rig.receive(token, 4), b"late");
}

/// The same for a connection that breaks: who adopted it would not learn of that any more.
#[test]
fn does_not_give_away_what_is_broken() {
    let (mut rig, crowd) = busy();
    let connection = rig.open();
    rig.settle();
    let leave = release_late(&mut rig, &crowd, &connection);
    reset(connection.peer);
    match &released(&mut rig, leave)[..] {
        [
            Completion::Released {
                result: Err(error), ..
            },
        ] => {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
        other => panic!("{other:?}"),
    }
    rig.settle();
    assert!(
        rig.drain().is_empty(),
        "it is closed, and Closed is not said"
    );
    assert_eq!(rig.driver.stale_completions(), 0);
}

/// A driver that submits little at a time, and connections to keep it busy with.
fn busy() -> (Rig<Uring>, Vec<Connection>) {
    let mut rig = Rig::<Uring>::sized(Size {
        submissions: Some(4),
        ..Size::default()
    });
    let crowd = (0..50).map(|_| rig.open()).collect();
    rig.settle();
    (rig, crowd)
}

/// Pushes a release that is submitted after everything else was looked at. Returns its token.
fn release_late(rig: &mut Rig<Uring>, crowd: &[Connection], connection: &Connection) -> Token {
    for other in crowd {
        let (socket, bytes) = (other.socket, Slice::copy_of(b"x"));
        rig.driver.push(Op::Send { socket, bytes });
    }
    let (socket, token) = (connection.socket, rig.token());
    rig.driver.push(Op::Release { socket, token });
    token
}

/// Everything that is reported until a release is done.
fn released(rig: &mut Rig<Uring>, leave: Token) -> Vec<Completion> {
    let mut reported = Vec::new();
    let done = |reported: &Completion| match reported {
        Completion::Released { token, .. } => *token == leave,
        _ => false,
    };
    while !reported.iter().any(done) {
        rig.settle();
        reported.extend(rig.drain());
    }
    reported
}

/// What the probe says is what making a driver says.
#[test]
fn the_probe_agrees_with_the_driver() {
    let probed = allspark_engine::io::probe();
    let made = Uring::new(allspark_engine::io::UringOptions::default());
    assert_eq!(probed.is_ok(), made.is_ok(), "{probed:?} {made:?}");
}

/// What the probe says about releases is what a release says.
#[test]
fn the_probe_agrees_with_a_release() {
    let probed = allspark_engine::io::probe_release();
    let mut rig = Rig::<Uring>::new();
    let connection = rig.open();
    let released = rig.release(connection.socket, connection.token);
    assert_eq!(probed.is_ok(), released.is_ok(), "{probed:?} {released:?}");
}
