//! TLS of those who ask other servers: the URL of authorization, the collector of traces, the
//! application behind hooks.

use std::sync::Arc;

use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// With the certificates that the system trusts, and ring, as everywhere in AllSpark.
///
/// # Errors
/// There are none.
pub(crate) fn tls() -> Result<TlsConfig, String> {
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err("there are no certificates on this system to trust".to_owned());
    }
    let certificates = found.certs.iter();
    let certificates = certificates.map(|der| Certificate::from_der(der).to_owned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::Specific(Arc::new(certificates.collect())))
        .build())
}
