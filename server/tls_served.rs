//! TLS that is configured, of a server.

use std::sync::Arc;

use allspark_engine::{Layer, Place};

use crate::error::Error;
use crate::primus::Primus;
use crate::tls::{Hsts, Tls};

/// The layer that tells browsers to come by https.
const HSTS: &str = "hsts";

impl Primus {
    /// The server with the TLS that its options describe, if they do.
    pub(crate) fn with_tls(mut self) -> Result<Self, Error> {
        let options = &self.options.tls;
        let wrong = |error: crate::tls::TlsError| Error::of(error.option())(error);
        if !options.is_on() {
            options.check().map_err(wrong)?;
            return Ok(self);
        }
        if let Some(hsts) = options.hsts.clone() {
            self.layers()
                .insert_before("forwarded", tell_browsers(hsts));
        }
        let tls = Tls::start(options.clone()).map_err(wrong)?;
        self.tls = Some(Arc::new(tls));
        Ok(self)
    }

    /// These places, which speak the TLS that was configured unless they say otherwise.
    pub(crate) fn encrypted(&self, places: Vec<Place>) -> Vec<Place> {
        places
            .into_iter()
            .map(|place| match &self.tls {
                Some(tls) => place.tls_by_default(tls.acceptor()),
                None => place,
            })
            .collect()
    }

    /// TLS as it was configured, if it was: its [`acceptor`](Tls::acceptor) is for listeners, and
    /// it is [reloaded](Tls::reload) by it.
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }
}

/// Over an encrypted connection only: otherwise browsers do not believe it (RFC 6797, 8.1).
fn tell_browsers(hsts: Hsts) -> Layer {
    Layer::new(HSTS, move |request| {
        if request.is_secure() {
            request.set_header("Strict-Transport-Security", hsts.header());
        }
    })
}
