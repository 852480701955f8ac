//! A server in virtual time, and connections whose bytes a test writes and reads by hand.

use std::sync::Arc;
use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_engine::{Attach, Handle, Options, RouteRequest, Routes, Stats};
use allspark_protocol::http::Response;
use allspark_transformers::{AnyTransformer, CommonOptions, TransformerKind};

use crate::identity::acceptor;

/// Bytes of the answer to `GET /large`.
pub(crate) const LARGE_BYTES: usize = 3_900_000;

/// Bytes of a body that `POST /upload` takes.
const UPLOAD_BYTES_MAX: usize = 20 * 1024 * 1024;

/// What is under way to the server at most, beside what it took.
pub(crate) const WINDOW_BYTES: usize = 64 * 1024;

pub(crate) struct ByHand {
    pub(crate) net: SimNet,
    pub(crate) server: SimServer<AnyTransformer>,
}

impl ByHand {
    /// A server of this transport, which answers `GET /large` and `GET /medium` at length,
    /// `GET /short` with more than is under way at a time, `POST /upload` once it has the body, and
    /// everything else that is not for Primus with a word.
    pub(crate) fn new(kind: TransformerKind, shards: u16) -> Self {
        let mut routes = Routes::new();
        let upload = |_: &RouteRequest<'_>| Response::text(200, "hello").into();
        routes
            .add_with_body("POST", "/upload", UPLOAD_BYTES_MAX, upload)
            .expect("it is the only one");
        let options = Options {
            routes: Arc::new(routes),
            fallback: Some(Arc::new(|head| match head.path() {
                "/short" => Response::text(200, &"x".repeat(2 * WINDOW_BYTES)),
                "/medium" => Response::text(200, &"x".repeat(1 << 20)),
                "/large" => Response::text(200, &"x".repeat(LARGE_BYTES)),
                _ => Response::text(200, "hello"),
            })),
            ..Options::default()
        };
        Self::serving(kind, shards, options, |_| {})
    }

    /// A server of this transport with an application.
    pub(crate) fn serving(
        kind: TransformerKind,
        shards: u16,
        options: Options,
        attach: impl FnOnce(&Attach),
    ) -> Self {
        let net = SimNet::default();
        let transformer = AnyTransformer::new(kind, &CommonOptions::default(), &[]).unwrap();
        let mut server = SimServer::new(&net, options, &transformer, shards, 7, attach);
        server.settle();
        Self { net, server }
    }

    /// The same server, whose connections are encrypted.
    pub(crate) fn with_tls(mut self) -> Self {
        self.server = self.server.with_tls(&[Some(acceptor())]);
        self
    }

    pub(crate) fn handle(&self) -> Handle {
        self.server.handle()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.handle().stats()
    }

    /// A connection to a shard.
    pub(crate) fn connect(&mut self, shard: usize) -> EndpointId {
        let end = self.net.connect(shard, Duration::ZERO);
        self.run_for(Duration::ZERO);
        end.expect("the server listens")
    }

    /// Sends as much as the server takes, now. Returns how much that was.
    pub(crate) fn send(&mut self, end: EndpointId, bytes: &[u8]) -> usize {
        let count = self.net.send(end, bytes).unwrap_or(0);
        self.run_for(Duration::ZERO);
        count
    }

    /// Sends everything, which must not take time.
    pub(crate) fn send_all(&mut self, end: EndpointId, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let count = self.send(end, bytes);
            assert!(count > 0, "the server takes no more");
            bytes = &bytes[count..];
        }
    }

    /// Reads what has arrived, up to so many bytes; `None` at the end.
    pub(crate) fn read(&mut self, end: EndpointId, max: usize) -> Option<String> {
        let bytes = self.net.receive(end, max);
        self.run_for(Duration::ZERO);
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    /// Reads everything that comes without time passing, and whether it was the end.
    pub(crate) fn read_all(&mut self, end: EndpointId) -> (String, bool) {
        let mut text = String::new();
        loop {
            match self.read(end, usize::MAX) {
                None => return (text, true),
                Some(part) if part.is_empty() => return (text, false),
                Some(part) => text.push_str(&part),
            }
        }
    }

    /// Lets virtual time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.net.now() + duration;
        loop {
            self.server.settle();
            while self.net.next_client_notice().is_some() {}
            let next = [self.net.next_event(), self.server.next_deadline()];
            match next.into_iter().flatten().min() {
                Some(next) if next <= end => self.net.advance_to(next),
                _ => break,
            }
        }
        self.net.advance_to(end);
        self.server.settle();
    }

    pub(crate) fn seconds(&mut self, seconds: u64) {
        self.run_for(Duration::from_secs(seconds));
    }
}
