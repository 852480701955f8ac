//! The decorator of a client's driver: here both ends are the engine's own.

use rustls::ClientConfig;

use super::super::channel::kind;
use super::super::session::Flags;
use super::certificates::{Identity, NAME, SUITES, identity, server_name};
use super::stage::{Host, token};
use super::talking::text;
use crate::io::sim::{EndpointId, SimDriver, SimNet};
use crate::io::{Driver, Op, Secure, Tls, TlsAcceptor, TlsVersion, Wait};

const TURNS_MAX: usize = 20_000;

/// A driver that accepts, one that has connected to it, and what would be their shards.
struct Pair {
    net: SimNet,
    server: Tls<SimDriver>,
    client: Tls<SimDriver>,
    host: Host,
    guest: Host,
}

impl Pair {
    fn new() -> Self {
        Self::with(identity(None))
    }

    fn with(Identity { server, client }: Identity) -> Self {
        Self::of(Some(TlsAcceptor::new(server)), client)
    }

    fn of(acceptor: Option<TlsAcceptor>, config: ClientConfig) -> Self {
        let net = SimNet::default();
        let mut server = Tls::server(SimDriver::new(&net), vec![acceptor]);
        server.push(Op::Accept);
        server.turn(Wait::No, &mut Vec::new()).unwrap();
        let mut client = Tls::client(SimDriver::new(&net), config, server_name());
        // The port is the number of the server's driver.
        let (address, token) = (([10, 0, 0, 1], 0).into(), token(7));
        client.push(Op::Connect { address, token });
        let mut pair = Self {
            net,
            server,
            client,
            host: Host::default(),
            guest: Host::default(),
        };
        pair.until(|pair| pair.host.socket.is_some() && pair.guest.socket.is_some());
        pair
    }

    fn shaken(mut self) -> Self {
        self.until(|pair| pair.host.secure.is_some() && pair.guest.secure.is_some());
        self
    }

    /// The end of the client on the network.
    fn end(&self) -> EndpointId {
        let key = self.client.connections.next_from(0).unwrap();
        EndpointId(self.client.connections.get(key).unwrap().socket.0)
    }

    fn step(&mut self) {
        self.host.turn(&mut self.server);
        self.guest.turn(&mut self.client);
        if let Some(next) = self.net.next_event() {
            self.net.advance_to(next);
        }
    }

    fn until(&mut self, mut is_so: impl FnMut(&Self) -> bool) {
        for _ in 0..TURNS_MAX {
            if is_so(self) {
                return;
            }
            self.step();
        }
        let (host, guest) = (&self.host.ended, &self.guest.ended);
        panic!("it never came: the server {host:?}, the client {guest:?}");
    }

    /// Both close, and nothing is left.
    fn close(mut self) {
        self.guest.close(&mut self.client);
        self.host.close(&mut self.server);
        assert_eq!(self.net.open_endpoints(), 0);
    }
}

/// Why an end was given up.
fn fault(host: &Host) -> Option<String> {
    host.ended.clone().and_then(Result::err)
}

#[test]
fn both_ends_understand_each_other_whatever_the_suite() {
    for suite in SUITES {
        let mut pair = Pair::with(identity(Some(suite))).shaken();
        let said = text(100_000);
        pair.guest.queue.extend(&said);
        pair.host.queue.extend(&said);
        let len = said.len();
        pair.until(|pair| {
            [&pair.host, &pair.guest]
                .iter()
                .all(|end| end.received.len() == len)
        });
        assert!(pair.host.received == said && pair.guest.received == said);
        let (host, guest) = (pair.host.secure.take(), pair.guest.secure.take());
        let (host, guest) = (host.unwrap(), guest.unwrap());
        assert_eq!((host.version, host.cipher), (guest.version, guest.cipher));
        assert_eq!(host.server_name.as_deref(), Some(NAME));
        pair.close();
    }
}

/// What a client wants to say before hands are shaken is not for the network yet.
#[test]
fn what_is_said_early_comes_back_and_is_said_later() {
    let mut pair = Pair::new();
    assert!(pair.guest.secure.is_none());
    pair.guest.queue.extend(b"early");
    pair.until(|pair| pair.host.received == b"early");
    pair.close();
}

#[test]
fn it_does_not_matter_how_bytes_come_and_go() {
    for (segment, window) in [(1, 64 * 1024), (7, 100), (1_000, 1_000), (5_000, 17_000)] {
        let pair = Pair::new();
        let end = pair.end();
        pair.net.set_segment(end, segment);
        pair.net.set_window(end, window);
        let mut pair = pair.shaken();
        let said = text(40_000);
        pair.guest.queue.extend(&said);
        pair.host.queue.extend(&said);
        let len = said.len();
        pair.until(|pair| pair.host.received.len() == len && pair.guest.received.len() == len);
        assert!(pair.host.received == said && pair.guest.received == said);
        pair.close();
    }
}

#[test]
fn either_end_changes_its_keys() {
    for suite in &SUITES[..3] {
        let mut pair = Pair::with(identity(Some(*suite))).shaken();
        for round in 1..5 {
            for driver in [&mut pair.client, &mut pair.server] {
                let key = driver.connections.next_from(0).unwrap();
                let session = driver.session_mut(key).unwrap();
                session.flags.set(Flags::UPDATE_ASKED);
            }
            pair.guest.queue.extend(b"ping");
            pair.host.queue.extend(b"pong");
            let len = 4 * round;
            pair.until(|pair| pair.host.received.len() == len && pair.guest.received.len() == len);
        }
        assert_eq!(pair.host.received, b"ping".repeat(4), "{suite:?}");
        assert_eq!(pair.guest.received, b"pong".repeat(4), "{suite:?}");
        pair.close();
    }
}

#[test]
fn an_end_is_told() {
    let mut pair = Pair::new().shaken();
    let socket = pair.guest.socket.unwrap();
    pair.guest.queue.extend(b"last");
    pair.step();
    pair.client.push(Op::Shutdown { socket });
    pair.until(|pair| pair.host.ended.is_some());
    assert_eq!(pair.host.ended, Some(Ok(())));
    assert_eq!(pair.host.received, b"last");
    // The other direction is still open.
    pair.host.queue.extend(b"answer");
    pair.until(|pair| pair.guest.received == b"answer");
    pair.close();
}

#[test]
fn a_certificate_that_nobody_knows_is_refused_and_the_server_hears_of_it() {
    let (ours, other) = (identity(None), identity(None));
    let mut pair = Pair::of(Some(TlsAcceptor::new(ours.server)), other.client);
    pair.until(|pair| pair.guest.ended.is_some() && pair.host.ended.is_some());
    let why = fault(&pair.guest).unwrap();
    assert!(why.contains("invalid peer certificate"), "{why}");
    assert!(fault(&pair.host).is_some());
    assert!(pair.guest.secure.is_none() && pair.host.secure.is_none());
    pair.close();
}

#[test]
fn a_server_that_speaks_no_tls_is_given_up() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[22, 3, 3, 0, 4, 2, 0, 0, 0],
    ] {
        let mut pair = Pair::of(None, identity(None).client);
        pair.host.secure = Some(Secure {
            version: TlsVersion::Other,
            cipher: "".into(),
            server_name: None,
            client: None,
        });
        pair.host.queue.extend(answer);
        pair.until(|pair| pair.guest.ended.is_some());
        assert!(fault(&pair.guest).is_some(), "{answer:?}");
        pair.close();
    }
}

/// The first word of a server that wants to negotiate again.
#[test]
fn a_server_does_not_negotiate_again_either() {
    const HELLO_REQUEST: [u8; 4] = [0; 4];
    for suite in SUITES {
        let mut pair = Pair::with(identity(Some(suite))).shaken();
        let key = pair.server.connections.next_from(0).unwrap();
        pair.server.seal_own(key, kind::HANDSHAKE, &HELLO_REQUEST);
        pair.server.queue_send(key);
        pair.until(|pair| pair.guest.ended.is_some() && pair.host.ended.is_some());
        let is_new = suite.as_str().unwrap().starts_with("TLS13");
        let (why, told) = match is_new {
            true => ("a message comes that may not come here", 10),
            false => ("the peer wants to negotiate again", 100),
        };
        assert_eq!(fault(&pair.guest).as_deref(), Some(why));
        let heard = format!("the peer says alert {told}");
        assert_eq!(fault(&pair.host), Some(heard));
        pair.close();
    }
}

#[test]
fn a_client_that_goes_in_the_middle_of_its_handshake_leaves_nothing() {
    for steps in 0..8 {
        let mut pair = Pair::new();
        for _ in 0..steps {
            pair.step();
        }
        pair.close();
    }
}
