//! A client that speaks as much HTTP as these tests need.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a test waits for something that must happen. Never reached by a test that passes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// A client that has a spark.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let mut client = Self::new(address);
        assert_eq!(client.ask("/primus/open"), 101);
        client
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Sends a request and reads the answer. Returns its status.
    pub(crate) fn ask(&mut self, path: &str) -> u16 {
        let head = self.ask_for_head(path);
        head[9..12].parse().unwrap()
    }

    /// The same; returns its head.
    pub(crate) fn ask_for_head(&mut self, path: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        let head = self.head();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse().unwrap())
        });
        self.0
            .read_exact(&mut vec![0; length.unwrap_or(0)])
            .unwrap();
        head
    }

    /// Reads up to the end of a head.
    pub(crate) fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads so many bytes.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Everything until the server closes, or the connection breaks.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let mut part = [0; 1024];
        loop {
            match self.0.read(&mut part) {
                Ok(0) => return rest,
                Ok(count) => rest.extend(&part[..count]),
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                    return rest;
                }
            }
        }
    }
}
