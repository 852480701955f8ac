//! One shard, turned by hand, and clients that are bytes.

use std::time::Duration;

use allspark_engine::Attach;
use allspark_engine::io::Wait;
use allspark_engine::io::sim::{EndpointId, SimDriver, SimNet};
use allspark_engine::sim::single_shard;
use allspark_engine::{Handle, Options, Shard};
use allspark_protocol::transformer::Transformer;

pub(crate) const LATENCY: Duration = Duration::from_millis(1);

/// Bytes of a network that takes everything.
pub(crate) const WIDE: usize = 1 << 30;

pub(crate) struct Stage<T: Transformer> {
    pub(crate) net: SimNet,
    pub(crate) shard: Shard<SimDriver, T>,
    pub(crate) primus: Handle,
}

pub(crate) struct Client {
    net: SimNet,
    endpoint: EndpointId,
    pub(crate) heard: Vec<u8>,
}

impl<T: Transformer> Stage<T> {
    pub(crate) fn new(options: Options, transformer: T, attach: impl FnOnce(&Attach)) -> Self {
        let net = SimNet::default();
        let (mut shard, primus) = single_shard(SimDriver::new(&net), options, transformer, attach);
        shard.turn(Wait::No).unwrap();
        Self { net, shard, primus }
    }

    /// A client that has said this.
    pub(crate) fn connect(&mut self, words: &[u8]) -> Client {
        let endpoint = self.net.connect(0, LATENCY).expect("the shard listens");
        let client = Client {
            net: self.net.clone(),
            endpoint,
            heard: Vec::new(),
        };
        client.say(words);
        self.turns(4);
        client
    }

    /// A WebSocket, whose handshake asks for these extensions.
    pub(crate) fn upgrade(&mut self, extensions: &str) -> Client {
        let handshake = format!(
            "GET /primus HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{extensions}\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let mut client = self.connect(handshake.as_bytes());
        client.read();
        assert!(client.heard.starts_with(b"HTTP/1.1 101 "));
        client.heard.clear();
        client
    }

    /// What a turn sends leaves with the next one.
    pub(crate) fn turn(&mut self) {
        self.shard.turn(Wait::No).unwrap();
        self.net.advance_to(self.net.now() + LATENCY);
    }

    pub(crate) fn turns(&mut self, count: usize) {
        (0..count).for_each(|_| self.turn());
    }
}

impl Client {
    pub(crate) fn say(&self, bytes: &[u8]) {
        assert_eq!(self.net.send(self.endpoint, bytes), Some(bytes.len()));
    }

    /// Reads what has arrived. Returns how many bytes.
    pub(crate) fn read(&mut self) -> usize {
        let bytes = self.net.receive(self.endpoint, usize::MAX);
        let bytes = bytes.unwrap_or_default();
        self.heard.extend_from_slice(&bytes);
        bytes.len()
    }

    /// Says nothing more.
    pub(crate) fn end(&self) {
        self.net.shutdown(self.endpoint);
    }

    /// From now on so many bytes may be under way or unread.
    pub(crate) fn set_window(&self, bytes: usize) {
        self.net.set_window(self.endpoint, bytes);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.net.peer(self.endpoint).is_some()
    }
}
