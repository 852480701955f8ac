//! Connections that begin with a header, with none, and with half of one.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;

use super::*;
use crate::io::UNIX_PEER;
use crate::memory::BufferPool;

/// A driver that does what the test says.
struct Puppet {
    pool: Rc<BufferPool>,
    turns: VecDeque<Vec<Completion>>,
    pushed: Vec<String>,
}

impl Driver for Puppet {
    fn kind(&self) -> DriverKind {
        DriverKind::Sim
    }

    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn unix_ms(&self) -> u64 {
        0
    }

    fn push(&mut self, op: Op) {
        self.pushed.push(format!("{op:?}"));
    }

    fn turn(&mut self, _wait: Wait, completions: &mut Vec<Completion>) -> io::Result<()> {
        completions.extend(self.turns.pop_front().into_iter().flatten());
        Ok(())
    }

    fn waker(&self) -> Waker {
        Waker::idle()
    }
}

const TOKEN: Token = Token::new(1, 2, 3);
const PROXY: &str = "10.0.0.1:9";
const LINE: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n";

struct Rig {
    driver: Proxied<Puppet>,
    /// What the shard got, and in how many pieces it came.
    bytes: Vec<u8>,
    peer: Option<SocketAddr>,
    fault: Option<ProxyFault>,
    held: u32,
}

impl Rig {
    fn new(wanted: ProxyProtocol, peer: SocketAddr) -> Self {
        let puppet = Puppet {
            pool: BufferPool::new(4, 8192),
            turns: VecDeque::new(),
            pushed: Vec::new(),
        };
        let mut rig = Self {
            driver: Proxied::new(puppet, vec![ProxyProtocol::Off, wanted]),
            bytes: Vec::new(),
            peer: None,
            fault: None,
            held: 0,
        };
        rig.turn([Completion::Accepted {
            socket: Socket(5),
            peer,
            listener: 1,
        }]);
        rig.driver.push(Op::Receive {
            socket: Socket(5),
            token: TOKEN,
        });
        rig
    }

    fn turn(&mut self, reported: impl IntoIterator<Item = Completion>) {
        let turns = &mut self.driver.inner.turns;
        turns.push_back(reported.into_iter().collect());
        let mut completions = Vec::new();
        self.driver.turn(Wait::No, &mut completions).unwrap();
        for completion in completions {
            match completion {
                Completion::Introduced { token, about } => {
                    assert_eq!((token, self.bytes.len(), self.peer), (TOKEN, 0, None));
                    self.peer = about.peer;
                }
                Completion::Received { token, buffer } => {
                    assert!(token == TOKEN && self.fault.is_none() && !buffer.is_empty());
                    self.bytes.extend_from_slice(&buffer);
                }
                Completion::ReceiveEnded { result, .. } => {
                    let fault = ProxyFault::of(&result.unwrap_err()).copied();
                    assert!(self.fault.replace(fault.unwrap()).is_none(), "once");
                }
                Completion::Held { bytes, .. } => self.held = bytes,
                Completion::Accepted { .. } | Completion::Closed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        let buffer = self.driver.inner.pool.lend_copy(bytes).unwrap();
        let token = TOKEN;
        self.turn([Completion::Received { token, buffer }]);
    }

    fn close(mut self) {
        self.turn([Completion::Closed { token: TOKEN }]);
        assert_eq!(self.driver.unintroduced(), 0);
        assert_eq!(self.driver.inner.pool.free_count(), 4);
    }
}

fn proxies() -> TrustedProxies {
    "10.0.0.0/8, unix".parse().unwrap()
}

fn required() -> ProxyProtocol {
    ProxyProtocol::Required(proxies())
}

fn optional() -> ProxyProtocol {
    ProxyProtocol::Optional(proxies())
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

#[test]
fn a_header_is_taken_off_wherever_it_is_split() {
    let all = [LINE, b"GET / HTTP/1.1\r\n\r\n"].concat();
    for wanted in [required(), optional()] {
        for first in 0..all.len() {
            for second in [first + 1, all.len()] {
                let mut rig = Rig::new(wanted.clone(), at(PROXY));
                for part in [&all[..first], &all[first..second], &all[second..]] {
                    if !part.is_empty() {
                        rig.receive(part);
                    }
                }
                assert_eq!(rig.bytes, b"GET / HTTP/1.1\r\n\r\n");
                assert_eq!(rig.peer, Some(at("192.0.2.1:4711")));
                assert_eq!(rig.driver.unintroduced(), 0);
                rig.close();
            }
        }
    }
}

#[test]
fn byte_by_byte_no_more_is_kept_than_a_header() {
    let mut rig = Rig::new(required(), UNIX_PEER);
    let mut block = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x0f\xf0".to_vec();
    block.resize(16 + 0xff0, 0);
    for byte in &block[..block.len() - 1] {
        rig.receive(&[*byte]);
    }
    assert_eq!((rig.held, rig.fault), (4095, None));
    // Zeros are extras of no length, and nobody comes from 0.0.0.0.
    rig.receive(&[0, b'x', b'y']);
    assert_eq!((rig.held, rig.fault, rig.peer), (0, None, None));
    assert_eq!(rig.bytes, b"xy");
    rig.close();
}

#[test]
fn who_is_no_proxy_gets_nothing_through_where_a_header_is_required() {
    let mut rig = Rig::new(required(), at("192.0.2.9:1"));
    rig.turn([]);
    assert_eq!(rig.fault, Some(ProxyFault::Stranger));
    let pushed = &rig.driver.inner.pushed;
    assert!(
        pushed.is_empty(),
        "it is not even received from: {pushed:?}"
    );
    rig.close();
    let mut rig = Rig::new(required(), at(PROXY));
    rig.receive(b"GET / HTTP/1.1\r\n\r\n");
    rig.receive(LINE);
    rig.turn([Completion::ReceiveEnded {
        token: TOKEN,
        result: Ok(()),
    }]);
    assert_eq!((rig.fault, rig.bytes.len()), (Some(ProxyFault::Missing), 0));
    rig.close();
}

#[test]
fn where_it_is_optional_anything_else_goes_on_as_it_came() {
    for (peer, bytes) in [
        (PROXY, &b"GET / HTTP/1.1\r\n\r\n"[..]),
        (PROXY, b"PROXX / HTTP/1.1\r\n\r\n"),
        (PROXY, b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        ("192.0.2.9:1", LINE),
    ] {
        for split in 1..bytes.len() {
            let mut rig = Rig::new(optional(), at(peer));
            rig.receive(&bytes[..split]);
            rig.receive(&bytes[split..]);
            assert_eq!((&*rig.bytes, rig.peer, rig.fault), (bytes, None, None));
            rig.close();
        }
    }
    let mut rig = Rig::new(optional(), at(PROXY));
    rig.receive(b"PROXY TCP4 x");
    rig.receive(b"\r\n");
    assert!(matches!(rig.fault, Some(ProxyFault::Header(_))));
    rig.close();
}

#[test]
fn other_listeners_are_left_alone() {
    let mut rig = Rig::new(ProxyProtocol::Off, at(PROXY));
    rig.receive(LINE);
    assert_eq!((&*rig.bytes, rig.peer), (LINE, None));
    rig.close();
    // Closed before anybody receives from it.
    let mut rig = Rig::new(required(), at(PROXY));
    rig.turn([Completion::Accepted {
        socket: Socket(6),
        peer: at(PROXY),
        listener: 1,
    }]);
    assert_eq!(rig.driver.unintroduced(), 2);
    rig.driver.push(Op::Close {
        socket: Socket(6),
        token: TOKEN,
    });
    assert_eq!(rig.driver.unintroduced(), 1);
    rig.close();
}
