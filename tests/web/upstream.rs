//! Upstreams that do what a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

/// How long anything may take in a test that does not fail.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A connection of a proxy.
pub(crate) trait Stream: Read + Write + Send {
    fn end(&self);
    fn other(&self) -> Box<dyn Stream>;
}

impl Stream for TcpStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }

    fn other(&self) -> Box<dyn Stream> {
        Box::new(self.try_clone().unwrap())
    }
}

impl Stream for UnixStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }

    fn other(&self) -> Box<dyn Stream> {
        Box::new(self.try_clone().unwrap())
    }
}

/// One connection of a proxy, as an upstream sees it.
pub(crate) struct Peer {
    reader: BufReader<Box<dyn Stream>>,
    stream: Box<dyn Stream>,
}

impl Peer {
    fn new(stream: Box<dyn Stream>) -> Self {
        Self {
            reader: BufReader::new(stream.other()),
            stream,
        }
    }

    /// The next head, with its empty line; empty at the end of the connection.
    pub(crate) fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match self.reader.read_line(&mut head) {
                Ok(0) | Err(_) => return String::new(),
                Ok(_) => {}
            }
        }
        head
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// A chunked body, or what came of it.
    pub(crate) fn chunks(&mut self) -> Result<Vec<u8>, Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).unwrap_or(0) == 0 {
                return Err(body);
            }
            let length = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut part = vec![0; length + 2];
            if self.reader.read_exact(&mut part).is_err() {
                return Err(body);
            }
            if length == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&part[..length]);
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = self.reader.read_to_end(&mut rest);
        rest
    }

    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Says as much as is taken.
    pub(crate) fn say_all(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub(crate) fn end(&self) {
        self.stream.end();
    }
}

/// An upstream, whose connections a function serves, each on a thread of its own.
pub(crate) struct Upstream {
    /// What a proxy is told.
    pub(crate) name: String,
    /// What its function says.
    pub(crate) said: Receiver<String>,
}

/// How often `said` is waited for.
impl Upstream {
    pub(crate) fn tcp(serve: impl Fn(&mut Peer, &dyn Fn(String)) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let accept = move || {
            let (stream, _) = listener.accept().ok()?;
            stream.set_nodelay(true).unwrap();
            Some(Box::new(stream) as Box<dyn Stream>)
        };
        Self::start(format!("http://{address}"), accept, serve)
    }

    /// One in the abstract namespace.
    pub(crate) fn unix(
        name: &str,
        serve: impl Fn(&mut Peer, &dyn Fn(String)) + Clone + Send + 'static,
    ) -> Self {
        let name = format!("{name}-{}", std::process::id());
        let address = UnixAddress::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let accept = move || Some(Box::new(listener.accept().ok()?.0) as Box<dyn Stream>);
        Self::start(format!("unix:@{name}"), accept, serve)
    }

    fn start(
        name: String,
        accept: impl Fn() -> Option<Box<dyn Stream>> + Send + 'static,
        serve: impl Fn(&mut Peer, &dyn Fn(String)) + Clone + Send + 'static,
    ) -> Self {
        let (sender, said) = channel();
        thread::spawn(move || {
            while let Some(stream) = accept() {
                let (serve, sender) = (serve.clone(), sender.clone());
                thread::spawn(move || {
                    let mut peer = Peer::new(stream);
                    serve(&mut peer, &|text| drop(sender.send(text)));
                    peer.end();
                });
            }
        });
        Self { name, said }
    }

    pub(crate) fn heard(&self) -> String {
        self.said.recv_timeout(PATIENCE).expect("it says something")
    }
}
