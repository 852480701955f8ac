use std::net::TcpStream;

use allspark_engine::io::{Completion, Op};

use crate::rig::{Rig, Size, TestDriver};

pub(crate) fn names_the_peer<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    // `accept` waits for exactly the address that the peer has.
    let (first, _) = rig.accept();
    let (second, _) = rig.accept();
    assert_ne!(first.local_addr().unwrap(), second.local_addr().unwrap());
}

pub(crate) fn names_a_peer_of_ipv6<D: TestDriver>() {
    let address = "[::1]:0".parse().unwrap();
    if std::net::TcpListener::bind(address).is_err() {
        return; // This machine has no IPv6.
    }
    let mut rig = Rig::<D>::at(address, Size::default());
    let (peer, _) = rig.accept();
    assert!(peer.local_addr().unwrap().is_ipv6());
}

pub(crate) fn accepts_a_storm<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let peers: Vec<_> = (0..500)
        .map(|_| TcpStream::connect(rig.address).unwrap())
        .collect();
    let mut sockets: Vec<_> = peers
        .iter()
        .map(|peer| rig.accepted(peer.local_addr().unwrap()).0)
        .collect();
    sockets.sort_unstable();
    sockets.dedup();
    assert_eq!(sockets.len(), peers.len(), "each has a socket of its own");
}

pub(crate) fn stops_accepting<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let mut connection = rig.open();
    rig.driver.push(Op::StopAccept);
    rig.settle();
    assert!(TcpStream::connect(rig.address).is_err());
    std::io::Write::write_all(&mut connection.peer, b"still here").unwrap();
    assert_eq!(rig.receive(connection.token, 10), b"still here");
    let others = rig.drain();
    assert!(
        !others
            .iter()
            .any(|other| matches!(other, Completion::AcceptFailed { .. })),
        "stopping is not a failure: {others:?}"
    );
}
