//! What a listener with TLS needs: the configuration of rustls, which can be replaced while the
//! server runs.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;

use super::secrets::{Ear, Tap};

/// Accepts TLS. Clones share the configuration: one that is replaced is so for all of them, and for
/// all handshakes that begin after it. Connections that are there go on.
#[derive(Clone)]
pub struct TlsAcceptor(Arc<ArcSwap<Terms>>);

/// What one handshake goes by.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) config: Arc<ServerConfig>,
    judge: Option<Arc<dyn ClientCertVerifier>>,
}

impl TlsAcceptor {
    /// An acceptor with this configuration.
    pub fn new(config: ServerConfig) -> Self {
        Self::judging(config, None)
    }

    /// The same for a configuration that lets certificates of clients pass although they are not
    /// valid: `judge` finds out whether they are
    /// ([`ClientCertificate::is_valid`](crate::io::ClientCertificate::is_valid)).
    pub fn judging(config: ServerConfig, judge: Option<Arc<dyn ClientCertVerifier>>) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Terms::new(config, judge))))
    }

    /// Takes another configuration from now on.
    pub fn replace(&self, config: ServerConfig) {
        self.replace_judging(config, None);
    }

    /// Takes another configuration and another judge from now on.
    pub fn replace_judging(
        &self,
        config: ServerConfig,
        judge: Option<Arc<dyn ClientCertVerifier>>,
    ) {
        self.0.store(Arc::new(Terms::new(config, judge)));
    }

    /// The configuration of the next handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.load().config)
    }

    pub(super) fn terms(&self) -> Arc<Terms> {
        self.0.load_full()
    }
}

impl Terms {
    /// Records are encrypted by the driver, not by rustls, so it has to give the keys away. What
    /// comes before the end of a handshake may come from anybody who has seen it before, so it is
    /// refused.
    fn new(mut config: ServerConfig, judge: Option<Arc<dyn ClientCertVerifier>>) -> Self {
        config.enable_secret_extraction = true;
        config.max_early_data_size = 0;
        config.send_half_rtt_data = false;
        config.max_fragment_size = None;
        config.key_log = Tap::into(config.key_log);
        config.cert_resolver = Ear::into(config.cert_resolver);
        let config = Arc::new(config);
        Self { config, judge }
    }

    /// Whether a certificate that was let pass is valid.
    pub(super) fn judge(&self, chain: &[CertificateDer<'_>]) -> bool {
        let (Some(judge), [leaf, between @ ..]) = (&self.judge, chain) else {
            return true;
        };
        let judged = judge.verify_client_cert(leaf, between, UnixTime::now());
        judged.is_ok()
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").finish_non_exhaustive()
    }
}
