//! TLS as a client speaks it unless its application says otherwise.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::error::OptionError;

/// TLS 1.2 and 1.3, with the root certificates of the system.
pub(super) fn default_config() -> Result<Arc<ClientConfig>, OptionError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system may hold certificates that rustls does not understand; nobody is trusted for them.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let reason = found.errors.first().map(ToString::to_string);
        let nothing = || "there are none where this system keeps them".to_owned();
        return Err(OptionError::Roots(reason.unwrap_or_else(nothing)));
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider knows both versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A random number, new for each client.
pub(super) fn seed() -> Result<u64, OptionError> {
    let mut seed = [0; 8];
    let filled = provider().secure_random.fill(&mut seed);
    filled.map_err(|_| OptionError::Random)?;
    Ok(u64::from_ne_bytes(seed))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
