//! A connection goes from one driver to another, and its peer does not notice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use allspark_engine::io::{Completion, Detached, Op, Socket, Token, Wait};
use allspark_engine::memory::Slice;

use crate::receive::reset;
use crate::rig::{Connection, PATIENCE, Rig, Size, TestDriver, pattern};

/// How often a connection changes its driver in the tests of endurance.
const HAND_OVERS: usize = 1000;

pub(crate) fn gives_away_an_idle_connection<D: TestDriver>() {
    let (mut giver, mut taker) = (Rig::<D>::new(), Rig::<D>::new());
    let mut connection = giver.open();
    connection.peer.write_all(b"one").unwrap();
    assert_eq!(giver.receive(connection.token, 3), b"one");
    let token = giver.token();
    let detached = giver.release(connection.socket, token).unwrap();
    giver.settle();
    assert!(giver.drain().is_empty(), "it is the last word");

    let socket = taker.adopt(detached).unwrap();
    let token = taker.token();
    taker.driver.push(Op::Receive { socket, token });
    serve(&mut taker, &mut connection.peer, socket, token);
    taker.close(socket, token);
    assert_ended(&mut connection.peer);
    giver.settle();
    assert!(giver.drain().is_empty());
    assert_eq!((giver.driver.stale(), taker.driver.stale()), (0, 0));
}

/// What came in before anybody received, and while nobody did, is for the adopter.
pub(crate) fn gives_away_what_was_not_received<D: TestDriver>() {
    let (mut giver, mut taker) = (Rig::<D>::new(), Rig::<D>::new());
    let (mut peer, socket) = giver.accept();
    peer.write_all(b"early, ").unwrap();
    let token = giver.token();
    let detached = giver.release(socket, token).unwrap();
    peer.write_all(b"under way, ").unwrap();
    let socket = taker.adopt(detached).unwrap();
    taker.settle();
    peer.write_all(b"late").unwrap();
    taker.driver.push(Op::Receive { socket, token });
    assert_eq!(taker.receive(token, 22), b"early, under way, late");
    assert!(giver.drain().is_empty());
}

/// Bytes come without a pause; each arrives once and in order, whoever has the connection.
pub(crate) fn loses_no_byte_on_the_way<D: TestDriver>() {
    let size = Size {
        buffers: 8,
        buffer_bytes: 512,
        ..Size::default()
    };
    let mut rigs = [Rig::<D>::sized(size), Rig::<D>::sized(size)];
    let (peer, mut socket) = rigs[0].accept();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let stop = Arc::clone(&stop);
        move || write_until(peer, &stop)
    });
    let mut flow = Flow::default();
    for round in 0..HAND_OVERS {
        let rig = &mut rigs[round % 2];
        let token = rig.token();
        rig.driver.push(Op::Receive { socket, token });
        // Leave at once, or in the midst of the first bytes, or after some more.
        for _ in 0..round % 4 {
            rig.turn(Wait::No);
            flow.drain(rig, token);
        }
        // Now and then bytes must have come, whoever is scheduled when.
        let before = flow.received;
        while round % 8 == 7 && flow.received == before {
            let until = rig.driver.now() + PATIENCE;
            rig.turn(Wait::Until(until));
            flow.drain(rig, token);
        }
        let leave = rig.token();
        rig.driver.push(Op::Release {
            socket,
            token: leave,
        });
        let detached = rig.released(leave).unwrap();
        flow.drain(rig, token);
        rig.turn(Wait::No);
        assert_eq!(rig.pending(), 0, "it is the last word");
        socket = rigs[(round + 1) % 2].adopt(detached).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let token = rigs[0].token();
    rigs[0].driver.push(Op::Receive { socket, token });
    while !flow.ended {
        rigs[0].settle();
        flow.drain(&mut rigs[0], token);
    }
    assert_eq!(flow.received, writer.join().unwrap());
    assert_eq!((rigs[0].driver.stale(), rigs[1].driver.stale()), (0, 0));
}

/// What one connection brought.
#[derive(Default)]
struct Flow {
    received: usize,
    ended: bool,
}

impl Flow {
    fn drain<D: TestDriver>(&mut self, rig: &mut Rig<D>, token: Token) {
        for completion in rig.drain() {
            match completion {
                Completion::Received { token: t, buffer } if t == token => {
                    for &byte in &*buffer {
                        assert_eq!(byte, nth(self.received), "at {}", self.received);
                        self.received += 1;
                    }
                }
                Completion::ReceiveEnded { token: t, result } if t == token => {
                    result.unwrap();
                    self.ended = true;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The byte at `index` of what [`write_until`] writes: no two parts of 64 KiB are the same.
fn nth(index: usize) -> u8 {
    (index ^ (index >> 8) ^ (index >> 16)) as u8
}

/// Writes without a pause, and returns how many bytes it wrote.
fn write_until(mut peer: TcpStream, stop: &AtomicBool) -> usize {
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) {
        let part: Vec<u8> = (written..written + 700).map(nth).collect();
        peer.write_all(&part).unwrap();
        written += part.len();
    }
    written
}

/// Two threads echo, and pass each connection on after each message.
pub(crate) fn goes_between_threads<D: TestDriver>() {
    const PEERS: usize = 10;
    let (to_second, from_first) = channel();
    let (to_first, from_second) = channel();
    let (tell_address, address) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    let threads = [(to_second, from_second), (to_first, from_first)].map(|(next, previous)| {
        let (tell_address, stop) = (tell_address.clone(), Arc::clone(&stop));
        thread::spawn(move || {
            let rig = Rig::<D>::new();
            tell_address.send(rig.address).unwrap();
            echo_and_pass_on(rig, &next, &previous, &stop);
        })
    });
    let address = address.recv().unwrap();
    let mut peers: Vec<TcpStream> = (0..PEERS)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    for round in 0..HAND_OVERS / PEERS {
        for (index, peer) in peers.iter_mut().enumerate() {
            let message = [round as u8, index as u8, 7];
            peer.set_read_timeout(Some(PATIENCE)).unwrap();
            peer.write_all(&message).unwrap();
            let mut echo = [0; 3];
            peer.read_exact(&mut echo).unwrap();
            assert_eq!(echo, message);
        }
    }
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        thread.join().unwrap();
    }
    for peer in &mut peers {
        assert_gone(peer);
    }
}

fn echo_and_pass_on<D: TestDriver>(
    mut rig: Rig<D>,
    next: &Sender<Detached>,
    previous: &Receiver<Detached>,
    stop: &AtomicBool,
) {
    let mut sockets = std::collections::HashMap::new();
    while !stop.load(Ordering::Relaxed) {
        for socket in previous.try_iter() {
            let token = rig.token();
            rig.driver.push(Op::Adopt { socket, token });
        }
        let until = rig.driver.now() + Duration::from_micros(200);
        rig.turn(Wait::Until(until));
        for completion in rig.drain() {
            match completion {
                Completion::Accepted { socket, .. } => {
                    let token = rig.token();
                    sockets.insert(token, socket);
                    rig.driver.push(Op::Receive { socket, token });
                }
                Completion::Adopted { token, result } => {
                    let socket = result.unwrap();
                    sockets.insert(token, socket);
                    rig.driver.push(Op::Receive { socket, token });
                }
                Completion::Received { token, buffer } => {
                    let socket = sockets.remove(&token).expect("one message at a time");
                    let bytes = Slice::copy_of(&buffer);
                    rig.driver.push(Op::Send { socket, bytes });
                    rig.driver.push(Op::Release { socket, token });
                }
                Completion::Released { result, .. } => {
                    // The other thread may have stopped already.
                    let _ = next.send(result.unwrap());
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(rig.driver.stale(), 0);
}

pub(crate) fn sends_before_it_leaves<D: TestDriver>() {
    let (mut giver, mut taker) = (Rig::<D>::new(), Rig::<D>::new());
    let mut connection = giver.open();
    let (socket, token) = (connection.socket, connection.token);
    let bytes = Slice::copy_of(b"from the first, ");
    giver.driver.push(Op::Send { socket, bytes });
    let detached = giver.release(socket, token).unwrap();
    let socket = taker.adopt(detached).unwrap();
    taker.driver.push(Op::Receive { socket, token });
    let bytes = Slice::copy_of(b"from the second");
    taker.driver.push(Op::Send { socket, bytes });
    taker.settle();
    let mut received = [0; 31];
    connection.peer.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"from the first, from the second");
}

/// A wait for room ends without a word with the release; the adopter may begin its own.
pub(crate) fn leaves_a_wait_for_room_behind<D: TestDriver>() {
    let (mut giver, mut taker) = (Rig::<D>::new(), Rig::<D>::new());
    let connection = giver.open();
    let (socket, token) = (connection.socket, connection.token);
    let bytes = Slice::copy_of(&pattern(32 << 20));
    giver.driver.push(Op::Send { socket, bytes });
    giver.settle();
    let reported = giver.drain();
    let [Completion::SendStalled { rest, .. }] = &reported[..] else {
        panic!("nobody reads 32 MiB: {reported:?}");
    };
    giver.driver.push(Op::AwaitWritable { socket });
    giver.settle();
    let detached = giver.release(socket, token).unwrap();
    let socket = taker.adopt(detached).unwrap();
    taker.driver.push(Op::Receive { socket, token });
    taker.driver.push(Op::AwaitWritable { socket });
    taker.settle();
    assert!(taker.drain().is_empty(), "there is no room yet");

    let mut peer = connection.peer;
    let taken = (32 << 20) - rest.len();
    let mut received = vec![0; taken];
    peer.read_exact(&mut received).unwrap();
    assert!(received == pattern(taken));
    taker.next("Writable", |completion| match completion {
        Completion::Writable { token: t } if t == token => Ok(()),
        other => Err(other),
    });
    giver.settle();
    assert!(giver.drain().is_empty());
    assert_eq!((giver.driver.stale(), taker.driver.stale()), (0, 0));
}

pub(crate) fn ignores_what_follows_a_release<D: TestDriver>() {
    let (mut giver, mut taker) = (Rig::<D>::new(), Rig::<D>::new());
    let mut connection = giver.open();
    let (socket, token) = (connection.socket, connection.token);
    giver.settle();
    giver.driver.push(Op::Release { socket, token });
    giver.driver.push(Op::AwaitWritable { socket });
    giver.driver.push(Op::Receive { socket, token });
    giver.driver.push(Op::StopReceive { socket });
    let bytes = Slice::copy_of(b"too late");
    giver.driver.push(Op::Send { socket, bytes });
    giver.driver.push(Op::Shutdown { socket });
    giver.driver.push(Op::Close { socket, token });
    giver.driver.push(Op::Release { socket, token });
    let detached = giver.released(token).unwrap();
    giver.driver.push(Op::Close { socket, token });
    giver.settle();
    assert!(giver.drain().is_empty(), "Closed is not said in addition");
    let socket = taker.adopt(detached).unwrap();
    taker.driver.push(Op::Receive { socket, token });
    serve(&mut taker, &mut connection.peer, socket, token);
}

pub(crate) fn the_peer_closes_meanwhile<D: TestDriver>() {
    the_peer_goes_meanwhile::<D>(drop);
}

pub(crate) fn the_peer_resets_meanwhile<D: TestDriver>() {
    the_peer_goes_meanwhile::<D>(reset);
}

/// The peer says something and goes, at each moment of a hand-over.
fn the_peer_goes_meanwhile<D: TestDriver>(go: fn(TcpStream)) {
    let (mut giver, mut taker) = (Rig::<D>::new(), Rig::<D>::new());
    for moment in 0..40 {
        let connection = giver.open();
        let (socket, token) = (connection.socket, connection.token);
        let mut peer = Some(connection.peer);
        let mut go_at = |now: usize| {
            if moment % 5 == now {
                go(peer.take().expect("goes once"));
            }
        };
        giver.settle();
        let leave = giver.token();
        giver.driver.push(Op::Release {
            socket,
            token: leave,
        });
        go_at(0);
        giver.turn(Wait::No);
        go_at(1);
        let released = giver.released(leave);
        go_at(2);
        if let Ok(detached) = released {
            go_at(3);
            let socket = taker.adopt(detached).unwrap();
            go_at(4);
            taker.driver.push(Op::Receive { socket, token });
            // That it ends is what matters; how, the kernel may have forgotten.
            let _ = taker.receive_end(token);
            taker.close(socket, token);
        } else {
            assert!(moment % 5 < 2, "only what broke before can't be given away");
        }
        giver.settle();
        assert!(giver.drain().is_empty(), "Closed is not said in addition");
        assert!(taker.drain().is_empty());
    }
    assert_eq!((giver.driver.stale(), taker.driver.stale()), (0, 0));
}

/// A peer that has said everything still hears the answer, from whoever has the connection.
pub(crate) fn the_end_is_told_to_both<D: TestDriver>() {
    let (mut giver, mut taker) = (Rig::<D>::new(), Rig::<D>::new());
    let mut connection = giver.open();
    let (socket, token) = (connection.socket, connection.token);
    connection.peer.write_all(b"question").unwrap();
    connection.peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(giver.receive(token, 8), b"question");
    giver.receive_end(token).unwrap();
    let detached = giver.release(socket, token).unwrap();
    let socket = taker.adopt(detached).unwrap();
    taker.driver.push(Op::Receive { socket, token });
    taker.receive_end(token).unwrap();
    let bytes = Slice::copy_of(b"answer");
    taker.driver.push(Op::Send { socket, bytes });
    taker.close(socket, token);
    let mut answer = String::new();
    connection.peer.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer");
}

pub(crate) fn closes_what_is_dropped<D: TestDriver>() {
    let mut giver = Rig::<D>::new();
    let mut connection = giver.open();
    let detached = giver.release(connection.socket, connection.token).unwrap();
    drop(detached);
    assert_ended(&mut connection.peer);
    // Not even a driver that is dropped in the midst of it leaves something behind.
    for turns in 0..3 {
        let mut giver = Rig::<D>::new();
        let mut connection = giver.open();
        giver.settle();
        let (socket, token) = (connection.socket, connection.token);
        giver.driver.push(Op::Release { socket, token });
        for _ in 0..turns {
            giver.turn(Wait::No);
        }
        drop(giver);
        assert_gone(&mut connection.peer);
    }
}

pub(crate) fn gives_away_many_at_once<D: TestDriver>() {
    let size = Size {
        sockets_per_ring: 100,
        buffers: 16,
        ..Size::default()
    };
    let (mut giver, mut taker) = (Rig::<D>::sized(size), Rig::<D>::sized(size));
    let mut connections: Vec<Connection> = (0..500).map(|_| giver.open()).collect();
    giver.settle();
    for connection in &mut connections {
        connection.peer.write_all(b"x").unwrap();
        let (socket, token) = (connection.socket, connection.token);
        giver.driver.push(Op::Release { socket, token });
    }
    for connection in &mut connections {
        let detached = giver.released(connection.token).unwrap();
        let token = connection.token;
        let early = giver.reported(|completion| match completion {
            Completion::Received { token: t, buffer } if t == token => Ok(buffer.to_vec()),
            other => Err(other),
        });
        let socket = taker.adopt(detached).unwrap();
        taker.driver.push(Op::Receive { socket, token });
        let received = early.unwrap_or_else(|| taker.receive(token, 1));
        assert_eq!(received, b"x");
        connection.socket = socket;
    }
    assert!(giver.drain().is_empty());
    for connection in &mut connections {
        let (socket, token) = (connection.socket, connection.token);
        serve(&mut taker, &mut connection.peer, socket, token);
        taker.close(socket, token);
        assert_ended(&mut connection.peer);
    }
}

/// A message each way.
fn serve<D: TestDriver>(rig: &mut Rig<D>, peer: &mut TcpStream, socket: Socket, token: Token) {
    peer.write_all(b"question").unwrap();
    assert_eq!(rig.receive(token, 8), b"question");
    let bytes = Slice::copy_of(b"answer");
    rig.driver.push(Op::Send { socket, bytes });
    rig.turn(Wait::No);
    let mut answer = [0; 6];
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"answer");
}

/// Nobody holds the other end any more, and it was closed in good order. Waits for that.
pub(crate) fn assert_ended(peer: &mut TcpStream) {
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert!(received.is_empty());
}

/// Nobody holds the other end any more, in whatever way it was closed.
fn assert_gone(peer: &mut TcpStream) {
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    if let Err(error) = peer.read_to_end(&mut Vec::new()) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}
