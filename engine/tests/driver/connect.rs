use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;

use allspark_engine::io::{Completion, Op, Socket, Token};
use allspark_engine::memory::Slice;

use crate::rig::{Rig, TestDriver};

pub(crate) fn reaches_a_listener<D: TestDriver>() {
    reach::<D>(&TcpListener::bind("127.0.0.1:0").unwrap());
}

pub(crate) fn reaches_a_listener_of_ipv6<D: TestDriver>() {
    // Not every machine has IPv6.
    if let Ok(listener) = TcpListener::bind("[::1]:0") {
        reach::<D>(&listener);
    }
}

fn reach<D: TestDriver>(listener: &TcpListener) {
    let mut rig = Rig::<D>::new();
    let token = rig.token();
    let address = listener.local_addr().unwrap();
    rig.driver.push(Op::Connect { address, token });
    let socket = connected(&mut rig, token).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    rig.driver.push(Op::Receive { socket, token });
    let bytes = Slice::copy_of(b"ping");
    rig.driver.push(Op::Send { socket, bytes });
    rig.settle();
    let mut received = [0; 4];
    peer.read_exact(&mut received).unwrap();
    assert_eq!(&received, b"ping");
    peer.write_all(b"pong").unwrap();
    assert_eq!(rig.receive(token, 4), b"pong");
    rig.close(socket, token);
}

pub(crate) fn reports_a_refusal<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    // Bound but not listening: nobody else can listen there meanwhile.
    let refusing =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any = "127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap();
    refusing.bind(&any.into()).unwrap();
    let address = refusing.local_addr().unwrap().as_socket().unwrap();
    let token = rig.token();
    rig.driver.push(Op::Connect { address, token });
    let error = connected(&mut rig, token).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    rig.settle();
    assert!(rig.drain().is_empty(), "nothing else is said about it");
}

pub(crate) fn opens_many<D: TestDriver>() {
    let mut rig = Rig::<D>::new();
    let tokens: Vec<Token> = (0..200).map(|_| rig.token()).collect();
    let address = rig.address;
    for &token in &tokens {
        rig.driver.push(Op::Connect { address, token });
    }
    let mut sockets = HashMap::new();
    for &token in &tokens {
        sockets.insert(token, connected(&mut rig, token).unwrap());
    }
    for (token, socket) in sockets {
        rig.close(socket, token);
    }
}

fn connected<D: TestDriver>(rig: &mut Rig<D>, token: Token) -> std::io::Result<Socket> {
    rig.next("Connected", |completion| match completion {
        Completion::Connected { token: t, result } if t == token => Ok(result),
        other => Err(other),
    })
}
