//! A server that encrypts, and the ends of clients that trust it, which are rustls's own.

use std::sync::{Arc, LazyLock};

use allspark_engine::TlsAcceptor;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

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
            acceptor: TlsAcceptor::new(server_config(&key, cert.der().clone())),
            client: Arc::new(client_config(cert.der().clone())),
        }
    }
}

fn server_config(key: &KeyPair, cert: CertificateDer<'static>) -> ServerConfig {
    let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks them")
        .with_no_client_auth()
        .with_single_cert(vec![cert], secret)
        .expect("the key is that of the certificate")
}

fn client_config(cert: CertificateDer<'static>) -> ClientConfig {
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

/// The end of a client, which may be given as much to say as anybody likes.
pub(crate) fn client() -> ClientConnection {
    let name = ServerName::try_from(NAME).expect("it is a name");
    let client = ClientConnection::new(Arc::clone(&IDENTITY.client), name);
    let mut client = client.expect("the configuration is complete");
    client.set_buffer_limit(None);
    client
}

/// What it has to send.
pub(crate) fn pending(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).expect("memory takes all");
    }
    bytes
}
