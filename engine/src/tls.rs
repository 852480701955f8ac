//! What a listener with TLS needs: the configuration of rustls, which can be replaced while the
//! server runs.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

/// Accepts TLS. Clones share the configuration: one that is replaced is so for all of them, and for
/// all handshakes that begin after it. Connections that are there go on.
#[derive(Clone)]
pub struct TlsAcceptor(Arc<ArcSwap<ServerConfig>>);

impl TlsAcceptor {
    /// An acceptor with this configuration.
    pub fn new(config: ServerConfig) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(prepared(config))))
    }

    /// Takes another configuration from now on.
    pub fn replace(&self, config: ServerConfig) {
        self.0.store(Arc::new(prepared(config)));
    }

    /// The configuration of the next handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.0.load_full()
    }
}

/// Records are encrypted by the driver, not by rustls, so it has to give the keys away. What comes
/// before the end of a handshake may come from anybody who has seen it before, so it is refused.
fn prepared(mut config: ServerConfig) -> ServerConfig {
    config.enable_secret_extraction = true;
    config.max_early_data_size = 0;
    config.send_half_rtt_data = false;
    config.max_fragment_size = None;
    config
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").finish_non_exhaustive()
    }
}
