//! The client's end of one connection.

use allspark_engine::io::sim::{EndpointId, SimNet};
use allspark_protocol::transformer::Link;

use super::clients::Client;

/// A connection of somebody who is not a client half.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Raw(pub(super) usize);

/// To whom the client's end of a connection belongs.
#[derive(Debug)]
pub(super) enum Far {
    Client(Client, Link),
    /// A test, and what it received and has not looked at.
    Raw(Vec<u8>),
    /// Nobody: the client has closed it.
    Gone,
}

/// One TCP connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) far: Far,
    endpoint: EndpointId,
    unsent: Vec<u8>,
    /// What becomes of it once everything is sent.
    then: Then,
    /// It broke, and its owner has yet to learn of it.
    is_cut: bool,
    /// The end of what the server sends has come.
    is_over: bool,
    /// Nobody reads.
    pub(super) is_stalled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Stay,
    Shutdown,
    Close,
    /// That is done.
    Nothing,
}

/// What came of an attempt to read.
#[derive(Debug)]
pub(super) enum Came {
    Nothing,
    Bytes(Vec<u8>),
    End,
}

impl Connection {
    pub(super) fn new(far: Far, endpoint: EndpointId) -> Self {
        Self {
            far,
            endpoint,
            unsent: Vec::new(),
            then: Then::Stay,
            is_cut: false,
            is_over: false,
            is_stalled: false,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.then == Then::Stay {
            self.unsent.extend_from_slice(bytes);
        }
    }

    /// Ends what is sent, after everything that was written.
    pub(super) fn shutdown(&mut self) {
        if self.then == Then::Stay {
            self.then = Then::Shutdown;
        }
    }

    /// Closes the client's end after everything that was written. What comes is read by nobody.
    pub(super) fn close(&mut self) {
        self.far = Far::Gone;
        if !self.is_over {
            self.then = Then::Close;
        }
    }

    /// Breaks it: what is under way is lost.
    pub(super) fn cut(&mut self, net: &SimNet) {
        self.unsent.clear();
        self.is_cut = true;
        if !self.is_over {
            net.reset(self.endpoint);
        }
    }

    /// Whether the server has closed it, and everything before that has been read.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Sends a piece. Returns whether there was something to do.
    pub(super) fn send(&mut self, net: &SimNet, count: usize) -> bool {
        if self.is_over {
            return false;
        }
        if self.unsent.is_empty() {
            let then = match self.then {
                Then::Shutdown | Then::Close => std::mem::replace(&mut self.then, Then::Nothing),
                Then::Stay | Then::Nothing => return false,
            };
            match then {
                Then::Close => self.end(net),
                _ => net.shutdown(self.endpoint),
            }
            return true;
        }
        let count = count.min(self.unsent.len());
        // Who sends to a closed connection learns of it when he reads.
        let sent = net.send(self.endpoint, &self.unsent[..count]);
        let sent = sent.unwrap_or(self.unsent.len());
        self.unsent.drain(..sent);
        sent > 0
    }

    /// Reads a piece. Who learns that the other end has closed closes, too.
    pub(super) fn read(&mut self, net: &SimNet, count: usize) -> Came {
        if self.is_over {
            return Came::Nothing;
        }
        // What had arrived before it broke is lost, too.
        let received = net.receive(self.endpoint, count).filter(|_| !self.is_cut);
        match received {
            Some(bytes) if bytes.is_empty() => Came::Nothing,
            Some(bytes) => Came::Bytes(bytes),
            None => {
                self.end(net);
                Came::End
            }
        }
    }

    fn end(&mut self, net: &SimNet) {
        net.close(self.endpoint);
        self.unsent.clear();
        self.is_over = true;
    }
}
