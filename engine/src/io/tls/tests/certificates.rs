//! Configurations of both ends.

use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ED25519};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{CipherSuite, ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// The name of the server.
pub(super) const NAME: &str = "allspark.test";

/// What both ends need. Signatures of its kind are all of the same length.
pub(super) struct Identity {
    pub(super) server: ServerConfig,
    pub(super) client: ClientConfig,
}

pub(super) fn server_name() -> ServerName<'static> {
    ServerName::try_from(NAME).unwrap()
}

/// Both ends for one cipher suite, or for all.
pub(super) fn identity(suite: Option<CipherSuite>) -> Identity {
    let mut provider = ring::default_provider();
    if let Some(suite) = suite {
        provider
            .cipher_suites
            .retain(|known| known.suite() == suite);
    }
    let provider = Arc::new(provider);
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let parameters = rcgen::CertificateParams::new([NAME.to_owned()]).unwrap();
    let cert = parameters.self_signed(&key).unwrap();
    let secret = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions_of(suite))
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], secret)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions_of(suite))
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Identity { server, client }
}

/// The versions that a suite is for.
fn versions_of(suite: Option<CipherSuite>) -> &'static [&'static SupportedProtocolVersion] {
    static NEW: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    static OLD: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS12];
    let name = suite.and_then(|suite| suite.as_str());
    match name.map(|name| name.starts_with("TLS13")) {
        None => rustls::ALL_VERSIONS,
        Some(true) => &NEW,
        Some(false) => &OLD,
    }
}

/// Every suite that an Ed25519 certificate can be used with: for TLS 1.2 the server needs one whose
/// signatures are of the elliptic kind.
pub(super) const SUITES: [CipherSuite; 6] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];
