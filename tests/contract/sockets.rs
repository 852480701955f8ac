//! Real sockets: a server on the loopback, and clients on the engine's own epoll driver.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use allspark_engine::io::DriverChoice;
use allspark_engine::{Destroy, Handle, Place, Primus, Server, TlsAcceptor};
use allspark_protocol::Instant;
use allspark_protocol::options::Bounded;
use allspark_transformers::contract::Setup;

use crate::app::{Log, options};
use crate::net::Net;
use crate::pipes::{Cable, Incoming, Pipes};
use crate::subjects::Subject;

/// More than one, so that requests reach shards that do not have their sessions.
const SHARDS: usize = 2;

/// How long a turn lasts at most: what the application writes down wakes nobody here.
const TURN_MAX: Duration = Duration::from_millis(2);

pub(crate) struct Sockets {
    pipes: Pipes,
    handle: Handle,
    /// Until it was ended.
    server: Option<Server>,
}

impl Sockets {
    /// With an acceptor connections are encrypted.
    pub(crate) fn new(
        subject: &Subject,
        setup: &Setup,
        choice: DriverChoice,
        tls: Option<TlsAcceptor>,
        log: &Log,
    ) -> Self {
        let primus = Primus::new(
            options(subject.parser, setup),
            subject.transformer(setup),
            Some(Bounded::of(SHARDS as u64)),
            choice,
        );
        let (opened, ended) = (log.clone(), log.clone());
        primus.on_connection(move |spark| opened.connected(spark));
        primus.on_disconnection(move |spark| ended.disconnected(spark));
        let mut place = Place::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        if let Some(tls) = tls {
            place = place.tls(tls);
        }
        let server = primus.start_on([place]).expect("the server starts");
        Self {
            pipes: Pipes::new(server.address()),
            handle: server.handle(),
            server: Some(server),
        }
    }
}

impl Net for Sockets {
    const PATIENCE: Duration = Duration::from_secs(60);

    fn now(&self) -> Instant {
        self.pipes.now()
    }

    fn server(&self) -> Handle {
        self.handle.clone()
    }

    fn connect(&mut self) -> Cable {
        self.pipes.connect()
    }

    fn write(&mut self, cable: Cable, bytes: &[u8]) {
        self.pipes.write(cable, bytes);
    }

    fn close(&mut self, cable: Cable) {
        self.pipes.close(cable);
    }

    fn cut(&mut self, cable: Cable) {
        self.pipes.cut(cable);
    }

    fn stall(&mut self, cable: Cable, stalled: bool) {
        self.pipes.stall(cable, stalled);
    }

    fn turn(&mut self, deadline: Option<Instant>) -> Vec<Incoming> {
        let soon = self.now() + TURN_MAX;
        self.pipes
            .turn(deadline.map_or(soon, |deadline| deadline.min(soon)))
    }

    fn finish(&mut self) {
        if let Some(server) = self.server.take() {
            self.handle.destroy(Destroy::default());
            server.join().unwrap();
        }
        let panicked = self.handle.stats().handlers_panicked;
        assert_eq!(panicked, 0, "a handler panicked");
    }
}

impl Drop for Sockets {
    /// A case that failed leaves its server; the shards end by themselves.
    fn drop(&mut self) {
        if self.server.is_some() {
            self.handle.destroy(Destroy::default());
        }
    }
}
