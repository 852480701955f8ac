//! One shard, turned by hand, and clients that are bytes.

use std::time::Duration;

use allspark_engine::Attach;
use allspark_engine::io::Wait;
use allspark_engine::io::sim::{EndpointId, SimDriver, SimNet};
use allspark_engine::sim::single_shard;
use allspark_engine::{Handle, Options, Shard};
use allspark_protocol::primus::PingInterval;
use allspark_protocol::transformer::{Kind, Transformer};
use allspark_protocol::websocket::encode;
use allspark_transformers::websockets::WebSockets;

pub(crate) const LATENCY: Duration = Duration::from_millis(1);

/// Bytes of a network that takes everything.
pub(crate) const WIDE: usize = 1 << 30;

/// Clients of a crowd that come at a time.
const GROUP: usize = 512;

pub(crate) struct Stage<T: Transformer> {
    pub(crate) net: SimNet,
    pub(crate) shard: Shard<SimDriver, T>,
    pub(crate) primus: Handle,
}

pub(crate) struct Client {
    net: SimNet,
    pub(crate) endpoint: EndpointId,
    pub(crate) heard: Vec<u8>,
}

impl<T: Transformer> Stage<T> {
    pub(crate) fn new(options: Options, transformer: T, attach: impl FnOnce(&Attach)) -> Self {
        let net = SimNet::default();
        let (mut shard, primus) = single_shard(SimDriver::new(&net), options, transformer, attach);
        shard.turn(Wait::No).unwrap();
        Self { net, shard, primus }
    }

    /// Clients that have all said this.
    fn group(&mut self, count: usize, words: &[u8]) -> Vec<Client> {
        let clients: Vec<Client> = (0..count).map(|_| self.dial()).collect();
        clients.iter().for_each(|client| client.say(words));
        self.turns(4);
        clients
    }

    /// A client that has said nothing and was not accepted yet.
    pub(crate) fn dial(&mut self) -> Client {
        let endpoint = self.net.connect(0, LATENCY).expect("the shard listens");
        Client {
            net: self.net.clone(),
            endpoint,
            heard: Vec::new(),
        }
    }

    /// So many WebSockets.
    pub(crate) fn crowd(&mut self, count: usize) -> Vec<Client> {
        let handshake = handshake("");
        let mut clients = Vec::with_capacity(count);
        while clients.len() < count {
            let group = GROUP.min(count - clients.len());
            clients.extend(self.group(group, handshake.as_bytes()));
        }
        for client in &mut clients {
            client.read();
            assert!(client.heard.starts_with(b"HTTP/1.1 101 "));
            client.heard.clear();
        }
        clients
    }

    /// A client that has said this.
    pub(crate) fn connect(&mut self, words: &[u8]) -> Client {
        let client = self.dial();
        client.say(words);
        self.turns(4);
        client
    }

    /// A WebSocket, whose handshake asks for these extensions.
    pub(crate) fn upgrade(&mut self, extensions: &str) -> Client {
        let mut client = self.connect(handshake(extensions).as_bytes());
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

/// What a WebSocket that asks for these extensions says first.
pub(crate) fn handshake(extensions: &str) -> String {
    format!(
        "GET /primus HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n{extensions}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// One shard for WebSockets that are never pinged.
pub(crate) fn quiet(attach: impl FnOnce(&Attach)) -> Stage<WebSockets> {
    let options = Options {
        ping_interval: PingInterval::OFF,
        ..Options::default()
    };
    Stage::new(options, WebSockets::uncompressed(1 << 20), attach)
}

/// A client's frame of a text message.
pub(crate) fn frame(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    encode::message(Kind::Text, text.as_bytes(), Some([1, 2, 3, 4]), &mut out);
    out
}

impl Client {
    pub(crate) fn say(&self, bytes: &[u8]) {
        assert_eq!(self.net.send(self.endpoint, bytes), Some(bytes.len()));
    }

    /// Says as much of it as fits on the way. Returns the rest.
    pub(crate) fn say_some<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let sent = self.net.send(self.endpoint, bytes);
        &bytes[sent.expect("the connection is open")..]
    }

    /// Reads what has arrived. Returns how many bytes.
    pub(crate) fn read(&mut self) -> usize {
        let bytes = self.net.receive(self.endpoint, usize::MAX);
        let bytes = bytes.unwrap_or_default();
        self.heard.extend_from_slice(&bytes);
        bytes.len()
    }

    /// Reads what has arrived. Returns whether these words are in what was heard so far.
    pub(crate) fn has_heard(&mut self, words: &str) -> bool {
        self.read();
        let words = words.as_bytes();
        self.heard.windows(words.len()).any(|bytes| bytes == words)
    }

    /// Closes the connection without a word.
    pub(crate) fn leave(&self) {
        self.net.close(self.endpoint);
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
