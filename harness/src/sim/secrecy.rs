//! Connections that are encrypted. The clients' ends are rustls's own, the servers' are those of
//! the engine. What is random in it is hidden from the trace, which only knows how long it is; and
//! that is the same each time, as signatures of Ed25519 are all of one length.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use allspark_engine::TlsAcceptor;
use allspark_engine::io::sim::EndpointId;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::client::Resumption;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

use super::plan::SimScenario;
use super::purpose::Purpose;

const NAME: &str = "allspark.test";

/// One of so many worlds is encrypted.
const ONE_IN: u64 = 4;

/// What clients know of their encrypted connections.
pub(super) struct Secrecy {
    acceptor: TlsAcceptor,
    config: Arc<ClientConfig>,
    ends: BTreeMap<u32, ClientConnection>,
}

impl Secrecy {
    /// What the seed chooses.
    pub(super) fn draw(scenario: SimScenario, seed: u64) -> Option<Self> {
        let is_secret =
            scenario == SimScenario::Faults && Purpose::Secrecy.dice(seed).once_in(ONE_IN);
        is_secret.then(Self::new)
    }

    fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("ring makes keys");
        let parameters = CertificateParams::new([NAME.to_owned()]).expect("it is a name");
        let cert = parameters.self_signed(&key).expect("the key signs");
        let cert = cert.der().clone();
        let provider = Arc::new(default_provider());
        let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("ring speaks them")
            .with_no_client_auth()
            .with_single_cert(vec![cert.clone()], secret)
            .expect("the key is that of the certificate");
        let mut roots = RootCertStore::empty();
        roots.add(cert).expect("it is a certificate");
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Self {
            acceptor: TlsAcceptor::new(server),
            config: Arc::new(config),
            ends: BTreeMap::new(),
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// A client connects. Returns its first bytes.
    pub(super) fn begin(&mut self, end: EndpointId) -> Vec<u8> {
        let mut client = self.client();
        let hello = pending(&mut client);
        self.ends.insert(end.0, client);
        hello
    }

    /// The first bytes of a client that never says another word.
    pub(super) fn hello(&self) -> Vec<u8> {
        pending(&mut self.client())
    }

    fn client(&self) -> ClientConnection {
        let name = ServerName::try_from(NAME).expect("it is a name");
        let client = ClientConnection::new(Arc::clone(&self.config), name);
        let mut client = client.expect("the configuration is complete");
        client.set_buffer_limit(None);
        client
    }

    /// Bytes come for a client. Returns what is in them, and what it has to answer.
    pub(super) fn open(&mut self, end: EndpointId, mut bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut plain = Vec::new();
        let Some(client) = self.ends.get_mut(&end.0) else {
            return (plain, Vec::new());
        };
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).expect("there is something");
            client
                .process_new_packets()
                .expect("the server keeps to TLS, and nobody changes what it sends");
            // It would block when there is nothing more.
            let _ = client.reader().read_to_end(&mut plain);
        }
        let answer = pending(client);
        (plain, answer)
    }

    /// A client writes. Returns what is to be sent; nothing before hands are shaken.
    pub(super) fn seal(&mut self, end: EndpointId, bytes: &[u8]) -> Vec<u8> {
        let Some(client) = self.ends.get_mut(&end.0) else {
            return Vec::new();
        };
        client.writer().write_all(bytes).expect("it has no limit");
        pending(client)
    }

    /// A client does not need its end any more.
    pub(super) fn forget(&mut self, end: EndpointId) {
        self.ends.remove(&end.0);
    }
}

fn pending(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).expect("memory takes all");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_seeds_are_encrypted_and_no_other_scenario() {
        let secret =
            |scenario| (1..=40).filter(move |seed| Secrecy::draw(scenario, *seed).is_some());
        let count = secret(SimScenario::Faults).count();
        assert!((3..25).contains(&count), "{count}");
        assert_eq!(secret(SimScenario::Rooms).count(), 0);
    }
}
