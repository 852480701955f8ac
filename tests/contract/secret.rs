//! A network whose connections are encrypted: the clients' ends are rustls's own, the servers'
//! those of the engine.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::time::Duration;

use allspark_engine::Handle;
use allspark_protocol::Instant;
use rustls::ClientConnection;

use crate::identity::{client, pending};
use crate::net::Net;
use crate::pipes::{Cable, Incoming};

/// An encrypted network.
pub(crate) struct Secret<N> {
    net: N,
    ends: BTreeMap<usize, End>,
}

/// A client's end of a connection.
struct End {
    tls: ClientConnection,
    /// To be closed once hands are shaken: what was written before is not sent yet.
    is_closing: bool,
}

impl<N: Net> Secret<N> {
    pub(crate) fn new(net: N) -> Self {
        let ends = BTreeMap::new();
        Self { net, ends }
    }

    /// Sends what the end of a cable has to say.
    fn flush(&mut self, cable: Cable) {
        let Some(end) = self.ends.get_mut(&cable.0) else {
            return;
        };
        let bytes = pending(&mut end.tls);
        if !bytes.is_empty() {
            self.net.write(cable, &bytes);
        }
        if end.is_closing && !end.tls.is_handshaking() {
            end.tls.send_close_notify();
            let last = pending(&mut end.tls);
            self.net.write(cable, &last);
            self.ends.remove(&cable.0);
            self.net.close(cable);
        }
    }

    /// What was in the bytes that came.
    fn open(&mut self, cable: Cable, mut bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        let Some(end) = self.ends.get_mut(&cable.0) else {
            return plain;
        };
        while !bytes.is_empty() {
            end.tls.read_tls(&mut bytes).expect("there is something");
            let processed = end.tls.process_new_packets();
            processed.expect("the server keeps to TLS");
            // It would block when there is nothing more.
            let _ = end.tls.reader().read_to_end(&mut plain);
        }
        if end.is_closing {
            plain.clear();
        }
        self.flush(cable);
        plain
    }
}

impl<N: Net> Net for Secret<N> {
    const PATIENCE: Duration = N::PATIENCE;

    fn now(&self) -> Instant {
        self.net.now()
    }

    fn server(&self) -> Handle {
        self.net.server()
    }

    fn connect(&mut self) -> Cable {
        let cable = self.net.connect();
        let (tls, is_closing) = (client(), false);
        self.ends.insert(cable.0, End { tls, is_closing });
        self.flush(cable);
        cable
    }

    fn write(&mut self, cable: Cable, bytes: &[u8]) {
        if let Some(end) = self.ends.get_mut(&cable.0) {
            end.tls.writer().write_all(bytes).expect("it has no limit");
        }
        self.flush(cable);
    }

    fn close(&mut self, cable: Cable) {
        if let Some(end) = self.ends.get_mut(&cable.0) {
            end.is_closing = true;
        }
        self.flush(cable);
    }

    fn cut(&mut self, cable: Cable) {
        self.ends.remove(&cable.0);
        self.net.cut(cable);
    }

    fn stall(&mut self, cable: Cable, stalled: bool) {
        self.net.stall(cable, stalled);
    }

    fn turn(&mut self, deadline: Option<Instant>) -> Vec<Incoming> {
        let mut incoming = Vec::new();
        for what in self.net.turn(deadline) {
            match what {
                Incoming::Bytes(cable, bytes) => {
                    let plain = self.open(cable, &bytes);
                    if !plain.is_empty() {
                        incoming.push(Incoming::Bytes(cable, plain));
                    }
                }
                Incoming::Lost(cable) => {
                    self.ends.remove(&cable.0);
                    incoming.push(Incoming::Lost(cable));
                }
            }
        }
        incoming
    }

    fn finish(&mut self) {
        self.net.finish();
    }
}
