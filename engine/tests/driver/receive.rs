use std::collections::HashMap;
use std::io::Write;
use std::thread;
use std::time::Duration;

use allspark_engine::io::{Completion, Epoll, Op, Token, Uring, Wait};

use crate::rig::{Connection, Rig, Size, TestDriver, pattern};

pub(crate) fn delivers_a_message<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    for message in [&b"hello"[..], b"a", b"world"] {
        connection.peer.write_all(message).unwrap();
        assert_eq!(rig.receive(connection.token, message.len()), message);
    }
}

pub(crate) fn delivers_a_mebibyte<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    let sent = pattern(1 << 20);
    let copy = sent.clone();
    let writer = thread::spawn(move || connection.peer.write_all(&copy).map(|()| connection.peer));
    let received = rig.receive(connection.token, sent.len());
    writer.join().unwrap().unwrap();
    assert!(received == sent);
}

/// The shard keeps every buffer; the peer sends far more than they hold.
pub(crate) fn resumes_when_buffers_return<D: TestDriver>() {
    let size = Size {
        buffers: 8,
        buffer_bytes: 1024,
        ..Size::default()
    };
    let mut rig = Rig::<D>::sized(size);
    let mut connection = rig.open();
    let sent = pattern(100_000);
    connection.peer.write_all(&sent).unwrap();
    let mut received = Vec::new();
    while received.len() < sent.len() {
        // Long enough for the driver to run out of buffers and to notice it.
        rig.settle();
        let held = rig.drain();
        let before = received.len();
        received.extend(held.iter().flat_map(|completion| match completion {
            Completion::Received { buffer, .. } => buffer.to_vec(),
            other => panic!("{other:?}"),
        }));
        let held_bytes = received.len() - before;
        assert!(held_bytes <= 8 * 1024, "there are no more buffers");
    }
    assert!(received == sent);
}

/// One buffer comes back at a time, some of those who wait have nothing to receive.
pub(crate) fn starved_sockets_share_what_returns<D: TestDriver>() {
    let size = Size {
        buffers: 2,
        buffer_bytes: 256,
        ..Size::default()
    };
    let mut rig = Rig::<D>::sized(size);
    let mut hoarder = rig.open();
    hoarder.peer.write_all(&[1; 512]).unwrap();
    let mut held = Vec::new();
    let bytes = |held: &[Completion]| held.iter().map(received_bytes).sum::<usize>();
    while bytes(&held) < 512 {
        rig.settle_with(1);
        held.append(&mut rig.drain());
    }
    assert_eq!(bytes(&held), 512, "both buffers are held");
    // These begin to receive when there is no buffer; only the last of them has a message.
    let mut connections: Vec<Connection> = (0..20).map(|_| rig.open()).collect();
    rig.settle();
    let last = connections.last_mut().unwrap();
    last.peer.write_all(b"last").unwrap();
    rig.settle();
    held.clear();
    assert_eq!(rig.receive(last.token, 4), b"last");
    for connection in &mut connections {
        connection.peer.write_all(b"again").unwrap();
        assert_eq!(rig.receive(connection.token, 5), b"again");
    }
}

pub(crate) fn reports_the_end<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    connection.peer.write_all(b"bye").unwrap();
    connection.peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(rig.receive(connection.token, 3), b"bye");
    rig.receive_end(connection.token).unwrap();
    rig.settle();
    let others = rig.drain();
    assert!(others.is_empty(), "the end is reported once: {others:?}");
}

pub(crate) fn reports_a_reset<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let connection = rig.open();
    rig.settle();
    reset(connection.peer);
    let error = rig.receive_end(connection.token).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    rig.settle();
    let others = rig.drain();
    assert!(others.is_empty(), "the end is reported once: {others:?}");
    rig.close(connection.socket, connection.token);
}

/// Closes a connection in the way that the other side takes for a failure.
pub(crate) fn reset(peer: std::net::TcpStream) {
    socket2::SockRef::from(&peer)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

pub(crate) fn stops_and_starts<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    connection.peer.write_all(b"one").unwrap();
    assert_eq!(rig.receive(token, 3), b"one");
    rig.driver.push(Op::StopReceive { socket });
    rig.settle();
    connection.peer.write_all(b"two").unwrap();
    rig.settle();
    assert!(rig.drain().is_empty(), "it was stopped");
    rig.driver.push(Op::Receive { socket, token });
    assert_eq!(rig.receive(token, 3), b"two");
}

/// Stopping and starting at every moment loses nothing and leaves it receiving.
pub(crate) fn survives_toggling<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    let sent = pattern(256 * 1024);
    let copy = sent.clone();
    let writer = thread::spawn(move || {
        for part in copy.chunks(1500) {
            connection.peer.write_all(part).unwrap();
        }
        connection.peer
    });
    let mut received = Vec::new();
    let mut round = 0;
    while received.len() < sent.len() {
        round += 1;
        for step in 0..round % 4 {
            rig.driver.push(if step % 2 == 0 {
                Op::StopReceive { socket }
            } else {
                Op::Receive { socket, token }
            });
        }
        if round % 3 == 0 {
            rig.turn(Wait::No);
        }
        rig.driver.push(Op::Receive { socket, token });
        let until = rig.driver.now() + Duration::from_millis(1);
        rig.turn(Wait::Until(until));
        for completion in rig.drain() {
            match completion {
                Completion::Received { buffer, .. } => received.extend_from_slice(&buffer),
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(received == sent);
    drop(writer.join().unwrap());
    rig.receive_end(token).unwrap();
    assert_eq!(rig.driver.stale(), 0);
}

/// A turn reports many ready connections, not a handful of them.
pub(crate) fn reports_many_in_one_turn<D: TestDriver>() {
    let size = Size {
        buffers: 1024,
        buffer_bytes: 64,
        ..Size::default()
    };
    let mut rig = Rig::<D>::sized(size);
    let mut connections: Vec<Connection> = (0..1000).map(|_| rig.open()).collect();
    rig.settle();
    for connection in &mut connections {
        connection.peer.write_all(b"x").unwrap();
    }
    thread::sleep(Duration::from_millis(50));
    let mut largest = 0;
    let mut received = 0;
    while received < connections.len() {
        let until = rig.driver.now() + Duration::from_millis(100);
        rig.turn(Wait::Until(until));
        let reported = rig.drain();
        largest = largest.max(reported.len());
        received += reported.len();
    }
    assert!(largest >= 200, "{largest} of 1000 in a turn");
}

/// What came first is reported first, also before what came on a connection that was not received
/// from until now: a client that writes a request and then another one on a new connection is
/// answered in this order, however late the thread is.
pub(crate) fn reports_in_the_order_of_arrival<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut earlier = rig.open();
    rig.settle();
    let (mut later, socket) = rig.accept();
    let token = rig.token();
    for round in 0..4 {
        earlier.peer.write_all(b"first").unwrap();
        later.write_all(b"second").unwrap();
        if round == 0 {
            rig.driver.push(Op::Receive { socket, token });
        }
        let order = [0, 1].map(|_| {
            rig.next("Received", |completion| match completion {
                Completion::Received { token, .. } => Ok(token),
                other => Err(other),
            })
        });
        assert_eq!(order, [earlier.token, token], "round {round}");
    }
}

/// A peer sends as fast as it can. When receiving stops, no more comes in than there are buffers,
/// and then nothing.
pub(crate) fn stops_within_its_buffers<D: TestDriver>() {
    const ROUNDS: usize = 50;
    let size = Size {
        buffers: 16,
        buffer_bytes: 1024,
        ..Size::default()
    };
    let mut rig = Rig::<D>::sized(size);
    let connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    let mut peer = connection.peer;
    let writer = thread::spawn(move || while peer.write_all(&[1; 8192]).is_ok() {});
    for _ in 0..ROUNDS {
        rig.driver.push(Op::Receive { socket, token });
        while !matches!(rig.drain().as_slice(), [Completion::Received { .. }, ..]) {
            rig.turn(Wait::Until(rig.driver.now() + Duration::from_millis(100)));
        }
        rig.driver.push(Op::StopReceive { socket });
        let mut late_bytes = 0;
        for _ in 0..20 {
            rig.turn(Wait::No);
            for completion in rig.drain() {
                match completion {
                    Completion::Received { buffer, .. } => late_bytes += buffer.len(),
                    other => panic!("{other:?}"),
                }
            }
        }
        // Each turn gives the buffers back, so it is the stop that counts, not their number.
        let most = 2 * usize::from(size.buffers) * size.buffer_bytes;
        assert!(late_bytes <= most, "{late_bytes} bytes came late");
        rig.settle();
        assert!(rig.drain().is_empty(), "it has stopped");
    }
    rig.close(socket, token);
    writer.join().unwrap();
}

/// How many pieces 20 messages of 60 KB came in.
fn pieces_of_large_messages<D: TestDriver>(rig: &mut Rig<D>) -> usize {
    let mut connection = rig.open();
    let mut pieces = 0;
    for _ in 0..20 {
        connection.peer.write_all(&[5; 60_000]).unwrap();
        let mut missing_bytes = 60_000;
        while missing_bytes > 0 {
            missing_bytes -= rig.next("Received", |completion| match completion {
                Completion::Received { buffer, .. } => Ok(buffer.len()),
                other => Err(other),
            });
            pieces += 1;
        }
    }
    pieces
}

/// How many it is in depends on what the kernel has when it is asked; pages of 4 KiB make 300.
#[test]
fn a_large_message_lies_in_few_pieces() {
    let size = Size {
        buffers: 2,
        buffer_bytes: 512 * 1024,
        ..Size::default()
    };
    let pieces = pieces_of_large_messages(&mut Rig::<Epoll>::sized(size));
    assert!(pieces <= 150, "{pieces} with epoll");
    let mut rig = Rig::<Uring>::sized(size);
    let pieces = pieces_of_large_messages(&mut rig);
    // An older kernel has whole buffers.
    assert!(
        !rig.driver.is_incremental() || pieces <= 150,
        "{pieces} with io_uring"
    );
}

fn received_bytes(completion: &Completion) -> usize {
    match completion {
        Completion::Received { buffer, .. } => buffer.len(),
        other => panic!("{other:?}"),
    }
}

/// One peer sends without end, and could fill all buffers in each turn. Those who send little are
/// heard all the same.
pub(crate) fn a_flood_holds_nobody_up<D: TestDriver>() {
    let size = Size {
        buffers: 2,
        buffer_bytes: 128 * 1024,
        ..Size::default()
    };
    let mut rig = Rig::<D>::sized(size);
    let flooder = rig.open();
    let mut others: Vec<Connection> = (0..3).map(|_| rig.open()).collect();
    let mut peer = flooder.peer;
    let writer = thread::spawn(move || while peer.write_all(&[1; 65_536]).is_ok() {});
    for round in 0..20_u8 {
        for other in &mut others {
            other.peer.write_all(&[round; 100]).unwrap();
        }
        let mut missing: HashMap<Token, usize> =
            others.iter().map(|other| (other.token, 100)).collect();
        let mut turns = 0;
        while missing.values().any(|&bytes| bytes > 0) {
            // Long enough to fill the window again; being too short can only hide a failure.
            thread::sleep(Duration::from_millis(1));
            rig.turn(Wait::Until(rig.driver.now() + Duration::from_millis(100)));
            for completion in rig.drain() {
                if let Completion::Received { token, buffer } = &completion
                    && let Some(bytes) = missing.get_mut(token)
                {
                    *bytes -= buffer.len();
                }
            }
            turns += 1;
            assert!(turns < 100, "round {round}: {missing:?}");
        }
    }
    rig.close(flooder.socket, flooder.token);
    writer.join().unwrap();
}

/// Many send much at the same time, in writes of many sizes, into buffers that they share. Each
/// byte is reported for the connection that it came on.
pub(crate) fn keeps_streams_apart<D: TestDriver>() {
    const STREAMS: usize = 20;
    const BYTES: usize = 1 << 20;
    let size = Size {
        buffers: 2,
        buffer_bytes: 512 * 1024,
        ..Size::default()
    };
    let mut rig = Rig::<D>::sized(size);
    let sent: Vec<Vec<u8>> = (0..STREAMS)
        .map(|stream| pattern(BYTES + stream).split_off(stream))
        .collect();
    let mut positions = HashMap::new();
    let mut writers = Vec::new();
    for (stream, sent) in sent.iter().enumerate() {
        let connection = rig.open();
        positions.insert(connection.token, (stream, 0));
        let (mut peer, sent) = (connection.peer, sent.clone());
        writers.push(thread::spawn(move || {
            let part_bytes = 777 * (stream + 1) * (stream + 1);
            sent.chunks(part_bytes)
                .try_for_each(|part| peer.write_all(part))
                .map(|()| peer)
        }));
    }
    while positions.values().any(|&(_, position)| position < BYTES) {
        rig.turn(Wait::Until(rig.driver.now() + Duration::from_millis(100)));
        for completion in rig.drain() {
            let Completion::Received { token, buffer } = completion else {
                panic!("{completion:?}");
            };
            let (stream, position) = positions.get_mut(&token).unwrap();
            let end = *position + buffer.len();
            assert!(*buffer == sent[*stream][*position..end], "stream {stream}");
            *position = end;
        }
    }
    for writer in writers {
        writer.join().unwrap().unwrap();
    }
}

/// What buffers held is forgotten between two turns, and nothing else.
pub(crate) fn serves_on_after_memory_was_given_back<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    for round in 0..20 {
        let sent = pattern(1000 + 3000 * round);
        connection.peer.write_all(&sent).unwrap();
        let mut received = Vec::new();
        while received.len() < sent.len() {
            rig.turn(Wait::Until(rig.driver.now() + Duration::from_millis(100)));
            // While some of it is still lent, and once more when nothing is.
            rig.driver.give_back();
            for completion in rig.drain() {
                match completion {
                    Completion::Received { buffer, .. } => received.extend_from_slice(&buffer),
                    other => panic!("{other:?}"),
                }
            }
            rig.driver.give_back();
        }
        assert!(received == sent, "round {round}");
    }
}
