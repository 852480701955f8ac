//! A network whose connections are encrypted: the clients' ends are rustls's own, the servers'
//! those of the engine.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use allspark_engine::{Handle, TlsAcceptor};
use allspark_protocol::Instant;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use crate::net::Net;
use crate::pipes::{Cable, Incoming};

const NAME: &str = "allspark.test";

/// One key for all servers: it is nothing that a case could change.
static IDENTITY: LazyLock<Identity> = LazyLock::new(Identity::new);

struct Identity {
    acceptor: TlsAcceptor,
    client: Arc<ClientConfig>,
}

impl Identity {
    fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("ring makes keys");
        let parameters = CertificateParams::new([NAME.to_owned()]).expect("it is a name");
        let cert = parameters.self_signed(&key).expect("the key signs");
        Self {
            acceptor: TlsAcceptor::new(server(&key, cert.der().clone())),
            client: Arc::new(client(cert.der().clone())),
        }
    }
}

fn server(key: &KeyPair, cert: CertificateDer<'static>) -> ServerConfig {
    let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks them")
        .with_no_client_auth()
        .with_single_cert(vec![cert], secret)
        .expect("the key is that of the certificate")
}

fn client(cert: CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(cert).expect("it is a certificate");
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks them")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// What a server encrypts with.
pub(crate) fn acceptor() -> TlsAcceptor {
    IDENTITY.acceptor.clone()
}

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

fn pending(tls: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes).expect("memory takes all");
    }
    bytes
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
        let name = ServerName::try_from(NAME).expect("it is a name");
        let tls = ClientConnection::new(Arc::clone(&IDENTITY.client), name);
        let mut tls = tls.expect("the configuration is complete");
        tls.set_buffer_limit(None);
        let is_closing = false;
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
