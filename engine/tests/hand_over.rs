//! What hand-overs between drivers do with the descriptors of the process. It is a process of its
//! own, and one test, because it counts all of them and at last lowers their limit.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use allspark_engine::io::{
    Completion, Detached, Driver, Epoll, EpollOptions, Op, Socket, Token, Uring, UringOptions,
    Wait, bind,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const ROUNDS: usize = 100;

const TOKEN: Token = Token::new(1, 2, 3);

#[test]
fn leaves_no_descriptor_behind() {
    // What the first use of anything opens for good is not counted.
    hand_over_in_all_ways(&mut epolls());
    hand_over_in_all_ways(&mut urings());
    let before = descriptors();
    hand_over_in_all_ways(&mut epolls());
    assert_eq!(descriptors(), before, "epoll");
    hand_over_in_all_ways(&mut urings());
    assert_eq!(descriptors(), before, "uring");
    a_direct_descriptor_costs_the_process_nothing();
    assert_eq!(descriptors(), before);
    a_release_without_descriptors_fails();
    assert_eq!(descriptors(), before);
}

/// A driver and the address at which it listens.
struct Listening<D> {
    driver: D,
    address: SocketAddr,
}

fn epolls() -> [Listening<Epoll>; 2] {
    [(); 2].map(|()| {
        let listener = bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let options = EpollOptions {
            listeners: vec![listener.into()],
            ..EpollOptions::default()
        };
        let driver = Epoll::new(options).unwrap();
        Listening { driver, address }
    })
}

fn urings() -> [Listening<Uring>; 2] {
    [(); 2].map(|()| {
        let listener = bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
        let address = listener.local_addr().unwrap();
        let options = UringOptions {
            listeners: vec![listener.into()],
            ..UringOptions::default()
        };
        let driver = Uring::new(options).unwrap();
        Listening { driver, address }
    })
}

/// Adopted and closed, dropped on the way, left by its peer, and given back.
fn hand_over_in_all_ways<D: Driver>(drivers: &mut [Listening<D>; 2]) {
    let [giver, taker] = drivers;
    for round in 0..ROUNDS {
        let (peer, socket) = giver.accept();
        if round % 4 == 0 {
            drop(peer);
        }
        let detached = giver.release(socket).unwrap();
        if round % 4 == 1 {
            continue;
        }
        let mut socket = taker.adopt(detached).unwrap();
        if round % 4 == 2 {
            let detached = taker.release(socket).unwrap();
            socket = giver.adopt(detached).unwrap();
            giver.close(socket);
        } else {
            taker.close(socket);
        }
    }
}

/// Between two hand-overs a connection is in no table of the process.
fn a_direct_descriptor_costs_the_process_nothing() {
    let [mut giver, mut taker] = urings();
    let before = descriptors();
    let (peer, socket) = giver.accept();
    let detached = giver.release(socket).unwrap();
    assert_eq!(descriptors(), before + 2, "the peer's and the one between");
    let socket = taker.adopt(detached).unwrap();
    assert_eq!(descriptors(), before + 1, "the peer's");
    taker.close(socket);
    drop(peer);
}

/// The kernel can't make a descriptor: the connection is closed and the driver goes on.
fn a_release_without_descriptors_fails() {
    let [mut giver, _taker] = urings();
    let (peer, socket) = giver.accept();
    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(0),
        ..limit
    };
    setrlimit(Resource::Nofile, none).unwrap();
    let released = giver.release(socket);
    setrlimit(Resource::Nofile, limit).unwrap();
    assert_eq!(released.unwrap_err().raw_os_error(), Some(libc::EMFILE));
    std::io::Read::read_to_end(&mut &peer, &mut Vec::new()).unwrap();

    let (_peer, socket) = giver.accept();
    giver.release(socket).unwrap();
}

impl<D: Driver> Listening<D> {
    /// A connection on which the driver receives, and the peer's end of it.
    fn accept(&mut self) -> (TcpStream, Socket) {
        self.driver.push(Op::Accept);
        let peer = TcpStream::connect(self.address).unwrap();
        let socket = self.next(|completion| match completion {
            Completion::Accepted { socket, .. } => Some(socket),
            _ => None,
        });
        let token = TOKEN;
        self.driver.push(Op::Receive { socket, token });
        self.driver.turn(Wait::No, &mut Vec::new()).unwrap();
        (peer, socket)
    }

    fn release(&mut self, socket: Socket) -> std::io::Result<Detached> {
        let token = TOKEN;
        self.driver.push(Op::Release { socket, token });
        self.next(|completion| match completion {
            Completion::Released { result, .. } => Some(result),
            _ => None,
        })
    }

    fn adopt(&mut self, socket: Detached) -> std::io::Result<Socket> {
        let token = TOKEN;
        self.driver.push(Op::Adopt { socket, token });
        let socket = self.next(|completion| match completion {
            Completion::Adopted { result, .. } => Some(result),
            _ => None,
        })?;
        self.driver.push(Op::Receive { socket, token });
        Ok(socket)
    }

    fn close(&mut self, socket: Socket) {
        let token = TOKEN;
        self.driver.push(Op::Close { socket, token });
        self.next(|completion| matches!(completion, Completion::Closed { .. }).then_some(()));
    }

    /// Turns until `select` takes something; all else is of no interest here.
    fn next<T>(&mut self, mut select: impl FnMut(Completion) -> Option<T>) -> T {
        let patience = self.driver.now() + Duration::from_secs(60);
        loop {
            let mut completions = Vec::new();
            self.driver
                .turn(Wait::Until(patience), &mut completions)
                .unwrap();
            if let Some(selected) = completions.into_iter().find_map(&mut select) {
                return selected;
            }
            assert!(self.driver.now() < patience);
        }
    }
}

fn descriptors() -> usize {
    // Listing them takes one more, each time.
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
