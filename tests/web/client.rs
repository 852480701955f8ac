//! A server in this process, and clients that are bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use allspark::{Destroy, Primus, Routes, Server};

use crate::upstream::PATIENCE;

/// A server with these routes.
pub(crate) struct Site {
    server: Option<Server>,
    address: SocketAddr,
}

impl Site {
    pub(crate) fn new(routes: Routes) -> Self {
        let primus = Primus::builder().shards(1).routes(routes).build().unwrap();
        let server = primus.start("127.0.0.1:0").unwrap();
        let address = server.addresses()[0];
        Self {
            server: Some(server),
            address,
        }
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client {
            stream,
            heard: Vec::new(),
        }
    }

    /// What a client hears that says this and nothing more. The connection has to end.
    pub(crate) fn ask(&self, words: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.say(words);
        client.all()
    }

    /// The same for a plain request with these headers, each with its line end.
    pub(crate) fn get(&self, path: &str, headers: &str) -> String {
        self.ask(format!(
            "GET {path} HTTP/1.1\r\nHost: site\r\n{headers}Connection: close\r\n\r\n"
        ))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.handle().destroy(Destroy::default());
            drop(server.join());
        }
    }
}

pub(crate) struct Client {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Client {
    pub(crate) fn say(&mut self, words: impl AsRef<[u8]>) {
        self.stream.write_all(words.as_ref()).unwrap();
    }

    /// Says nothing more.
    pub(crate) fn end(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Everything up to the end of the connection.
    pub(crate) fn all(&mut self) -> String {
        while self.read_more() {}
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// What was heard, up to and with these words.
    pub(crate) fn until(&mut self, words: &str) -> String {
        loop {
            let words = words.as_bytes();
            let found = self.heard.windows(words.len()).position(|w| w == words);
            if let Some(found) = found {
                let rest = self.heard.split_off(found + words.len());
                let heard = std::mem::replace(&mut self.heard, rest);
                return String::from_utf8_lossy(&heard).into_owned();
            }
            if !self.read_more() {
                let heard = String::from_utf8_lossy(&self.heard);
                panic!("the connection ends after {heard:?}");
            }
        }
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.heard.len() < count {
            assert!(self.read_more(), "{} of {count} bytes", self.heard.len());
        }
        let rest = self.heard.split_off(count);
        std::mem::replace(&mut self.heard, rest)
    }

    fn read_more(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(bytes) => {
                self.heard.extend_from_slice(&buffer[..bytes]);
                true
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }
}
