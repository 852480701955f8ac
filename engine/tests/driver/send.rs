use std::collections::VecDeque;
use std::io::{Read, Write};
use std::rc::Rc;
use std::thread;

use allspark_engine::io::{Completion, Op, Wait};
use allspark_engine::memory::{Block, FrameClass, Slice};

use crate::receive::reset;
use crate::rig::{Connection, PATIENCE, Rig, Size, TestDriver, pattern};

pub(crate) fn delivers_in_order<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connections: Vec<Connection> = (0..300).map(|_| rig.open()).collect();
    for round in 0..3u8 {
        for (index, connection) in connections.iter().enumerate() {
            let socket = connection.socket;
            let bytes = Slice::copy_of(&[round, index as u8, (index >> 8) as u8]);
            rig.driver.push(Op::Send { socket, bytes });
        }
        rig.turn(Wait::No);
    }
    for (index, connection) in connections.iter_mut().enumerate() {
        let mut received = [0; 9];
        connection.peer.read_exact(&mut received).unwrap();
        let (low, high) = (index as u8, (index >> 8) as u8);
        assert_eq!(received, [0, low, high, 1, low, high, 2, low, high]);
    }
    assert!(rig.drain().is_empty(), "what was taken is not reported");
}

/// A message larger than what the kernel takes arrives complete, in parts.
pub(crate) fn reports_what_was_not_taken<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    let sent = pattern(32 << 20);
    let bytes = Slice::copy_of(&sent);
    rig.driver.push(Op::Send { socket, bytes });
    rig.turn(Wait::No);
    let mut rest = stalled(&mut rig).expect("nobody reads 32 MiB");
    assert!(rest.len() < sent.len(), "a part was taken");
    rig.driver.push(Op::Send {
        socket,
        bytes: rest.clone(),
    });
    rig.turn(Wait::No);
    let still = stalled(&mut rig).expect("still nobody reads");
    assert!(still.len() <= rest.len());
    rest = still;

    let reader = thread::spawn(move || {
        let mut received = vec![0; 32 << 20];
        connection.peer.read_exact(&mut received).unwrap();
        connection.peer.write_all(b"done").unwrap();
        (received, connection.peer)
    });
    loop {
        rig.driver.push(Op::AwaitWritable { socket });
        rig.next("Writable", |completion| match completion {
            Completion::Writable { token: t } if t == token => Ok(()),
            other => Err(other),
        });
        rig.driver.push(Op::Send {
            socket,
            bytes: rest.clone(),
        });
        rig.turn(Wait::No);
        match stalled(&mut rig) {
            Some(less) => rest = less,
            None => break,
        }
    }
    assert_eq!(rig.receive(token, 4), b"done");
    assert!(reader.join().unwrap().0 == sent);
}

/// Several slices are one send: what the kernel does not take of them comes back from the end, so
/// that who puts each rest in front of what waits has them in order again.
pub(crate) fn sends_many_slices_in_order<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    let sent = pattern(32 << 20);
    let lengths = [1, 70_000, 3, 1 << 20, 5].into_iter().cycle();
    let mut waiting: VecDeque<Slice> = VecDeque::new();
    let mut begin = 0;
    for length in lengths {
        let end = sent.len().min(begin + length);
        waiting.push_back(Slice::copy_of(&sent[begin..end]));
        begin = end;
        if end == sent.len() {
            break;
        }
    }
    let reader = thread::spawn(move || {
        let mut received = vec![0; 32 << 20];
        connection.peer.read_exact(&mut received).unwrap();
        (received, connection.peer)
    });
    while !waiting.is_empty() {
        let slices = waiting.drain(..).collect();
        rig.driver.push(Op::SendMany { socket, slices });
        rig.turn(Wait::No);
        for completion in rig.drain() {
            let Completion::SendStalled { token: t, rest } = completion else {
                panic!("{completion:?}");
            };
            assert_eq!(t, token);
            waiting.push_front(rest);
        }
        if !waiting.is_empty() {
            rig.driver.push(Op::AwaitWritable { socket });
            rig.next("Writable", |completion| match completion {
                Completion::Writable { .. } => Ok(()),
                other => Err(other),
            });
        }
    }
    assert!(reader.join().unwrap().0 == sent);
}

fn stalled<D: TestDriver>(rig: &mut Rig<D>) -> Option<Slice> {
    rig.reported(|completion| match completion {
        Completion::SendStalled { rest, .. } => Ok(rest),
        other => Err(other),
    })
}

/// More sends than fit into one submission, all of which stall, all of which share their bytes:
/// each is reported by the turn that submitted it, and then nobody needs the bytes any more.
pub(crate) fn stalls_in_the_same_turn<D: TestDriver>() {
    let mut rig = Rig::<D>::sized(Size {
        send_buffer_bytes: Some(4096),
        ..Size::default()
    });
    let connections: Vec<Connection> = (0..300).map(|_| rig.open()).collect();
    rig.settle();
    let mut block = Block::default();
    block.writer().extend_from_slice(&pattern(8 << 20));
    block.end_frame(FrameClass::Message).unwrap();
    let block = Rc::new(block);
    for connection in &connections {
        let socket = connection.socket;
        let bytes = Slice::new(&block, 0..block.len());
        rig.driver.push(Op::Send { socket, bytes });
    }
    rig.turn(Wait::No);
    let reported = rig.drain();
    assert_eq!(reported.len(), connections.len());
    for (completion, connection) in reported.iter().zip(&connections) {
        let Completion::SendStalled { token, rest } = completion else {
            panic!("{completion:?}");
        };
        assert_eq!(*token, connection.token);
        assert!(!rest.is_empty());
    }
    drop(reported);
    assert_eq!(Rc::strong_count(&block), 1, "the driver keeps nothing");
}

pub(crate) fn fails_when_the_peer_is_gone<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    rig.settle();
    reset(connection.peer);
    rig.receive_end(token).unwrap_err();
    let bytes = Slice::copy_of(b"anybody there?");
    rig.driver.push(Op::Send { socket, bytes });
    rig.turn(Wait::No);
    let reported = rig.drain();
    assert!(
        matches!(&reported[..], [Completion::SendFailed { token: t, .. }] if *t == token),
        "{reported:?}"
    );
    rig.close(socket, token);
}

/// How much the peer does not have yet: a part of what the kernel took, less when the peer reads,
/// and nothing when it has read everything.
pub(crate) fn tells_what_the_peer_does_not_have<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    let (socket, token) = (connection.socket, connection.token);
    assert_eq!(unsent(&mut rig, &connection), Some(0));
    let sent = pattern(32 << 20);
    let bytes = Slice::copy_of(&sent);
    rig.driver.push(Op::Send { socket, bytes });
    rig.turn(Wait::No);
    let rest = stalled(&mut rig).expect("nobody reads 32 MiB");
    let taken = sent.len() - rest.len();
    let Some(before) = unsent(&mut rig, &connection) else {
        // A kernel that can't say.
        return rig.close(socket, token);
    };
    assert!((1..=taken).contains(&(before as usize)), "{before}");

    let mut received = vec![0; taken];
    connection.peer.read_exact(&mut received).unwrap();
    assert!(received == sent[..taken]);
    // What is read was acknowledged, but our side may not have heard of it.
    let start = std::time::Instant::now();
    while unsent(&mut rig, &connection) != Some(0) {
        assert!(start.elapsed() < PATIENCE);
    }
    rig.close(socket, token);
    rig.driver.push(Op::AskUnsent { socket });
    rig.settle();
    assert!(rig.drain().is_empty(), "a closed socket is asked in vain");
}

/// The answer comes in the turn of the question.
fn unsent<D: TestDriver>(rig: &mut Rig<D>, connection: &Connection) -> Option<u32> {
    let socket = connection.socket;
    rig.driver.push(Op::AskUnsent { socket });
    rig.turn(Wait::No);
    let (token, bytes) = rig
        .reported(|completion| match completion {
            Completion::Unsent { token, bytes } => Ok((token, bytes)),
            other => Err(other),
        })
        .expect("an answer");
    assert_eq!(token, connection.token);
    bytes
}
