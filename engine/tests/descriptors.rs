//! What the epoll driver does when the process has no descriptor left. It is a process of its own,
//! because the limit that it lowers concerns everything in the process.

use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use allspark_engine::io::{Completion, Driver, Epoll, EpollOptions, Op, Token, Wait, bind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

#[test]
fn pauses_until_descriptors_are_free() {
    let listener = bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0);
    let address = listener.local_addr().unwrap();
    let options = EpollOptions {
        listeners: vec![listener.into()],
        ..EpollOptions::default()
    };
    let mut driver = Epoll::new(options).unwrap();
    driver.push(Op::Accept);
    let peers: Vec<Socket> = (0..3)
        .map(|_| Socket::new(Domain::IPV4, Type::STREAM, None).unwrap())
        .collect();
    let mut spare = use_up_descriptors();
    for peer in &peers {
        peer.connect(&address.into()).unwrap();
    }

    let (reported, turns) = run(&mut driver, 350);
    assert!(
        matches!(&reported[..], [Completion::AcceptFailed { .. }]),
        "one failure is reported once: {reported:?}"
    );
    assert!(turns < 50, "{turns} turns in 350 ms: it spins");

    drop(spare.pop());
    let (reported, _) = run(&mut driver, 350);
    let (socket, first) = accepted(&reported);
    let token = Token::new(1, 0, 0);
    driver.push(Op::Close { socket, token });
    // At once, which is long before the pause is over unless the machine stands still.
    let (reported, _) = run(&mut driver, 0);
    assert!(matches!(reported[0], Completion::Closed { .. }));
    let (_, second) = accepted(&reported);
    assert_ne!(first, second);
}

/// Lowers the limit so that no further descriptor can be had. Each of those that are returned
/// makes room for one.
fn use_up_descriptors() -> Vec<File> {
    let highest = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<RawFd>().ok())
        .max()
        .unwrap();
    let mut spare = Vec::new();
    while spare
        .last()
        .is_none_or(|file: &File| file.as_raw_fd() <= highest)
    {
        spare.push(File::open("/dev/null").unwrap());
    }
    let current = spare.last().map(|file| file.as_raw_fd() as u64 + 1);
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current, ..limit }).unwrap();
    spare
}

/// Turns for so long, and a few times in any case: the thread may be late.
fn run(driver: &mut Epoll, ms: u64) -> (Vec<Completion>, u32) {
    const TURNS_MIN: u32 = 5;
    let mut completions = Vec::new();
    let mut turns = 0;
    let until = driver.now() + Duration::from_millis(ms);
    while turns < TURNS_MIN || driver.now() < until {
        driver.turn(Wait::Until(until), &mut completions).unwrap();
        turns += 1;
    }
    (completions, turns)
}

fn accepted(reported: &[Completion]) -> (allspark_engine::io::Socket, SocketAddr) {
    let mut sockets = reported.iter().filter_map(|completion| match completion {
        Completion::Accepted { socket, peer, .. } => Some((*socket, *peer)),
        _ => None,
    });
    let first = sockets.next().expect("one was accepted");
    assert!(sockets.next().is_none(), "there was room for one only");
    first
}
