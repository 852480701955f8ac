//! A server in virtual time that is asked by requests.

use std::time::Duration;

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_engine::sim::SimServer;
use allspark_transformers::AnyTransformer;

/// A server and the network to it.
pub(crate) struct OneServer {
    pub(crate) net: SimNet,
    pub(crate) server: SimServer<AnyTransformer>,
}

impl OneServer {
    pub(crate) fn new(net: SimNet, mut server: SimServer<AnyTransformer>) -> Self {
        server.settle();
        Self { net, server }
    }

    /// Sends bytes on a connection of its own through a listener, and returns what has come back
    /// after a second and whether the server has closed it.
    pub(crate) fn ask(&mut self, listener: u8, bytes: &str) -> (String, bool) {
        let end = self.net.connect_to(0, listener, Duration::ZERO);
        let end = end.expect("the server listens");
        self.net.send(end, bytes.as_bytes());
        self.pass(Duration::from_secs(1));
        let answer = self.read(end);
        self.net.close(end);
        self.pass(Duration::from_secs(1));
        answer
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.net.now() + time;
        loop {
            self.server.settle();
            while self.net.next_client_notice().is_some() {}
            let events = [self.net.next_event(), self.server.next_deadline()];
            match events.into_iter().flatten().min() {
                Some(next) if next <= end => self.net.advance_to(next),
                _ => return self.net.advance_to(end),
            }
        }
    }

    pub(crate) fn read(&self, end: EndpointId) -> (String, bool) {
        let mut answer = Vec::new();
        let is_closed = loop {
            match self.net.receive(end, 4096) {
                None => break true,
                Some(bytes) if bytes.is_empty() => break false,
                Some(bytes) => answer.extend_from_slice(&bytes),
            }
        };
        (String::from_utf8_lossy(&answer).into_owned(), is_closed)
    }
}
