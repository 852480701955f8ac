//! Clients over TLS: whom they believe to be the server, and what they remember of it to shake
//! hands faster the next time.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::SignatureScheme;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, NamedGroup, RootCertStore};
use serde::Serialize;

/// Tickets of one server that are kept: a server sends two per handshake, and each is used once.
const TICKETS_MAX: usize = 4096;

/// Who may be the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// Whoever has a certificate of an authority that this machine knows.
    Known,
    /// Whoever has a certificate of an authority in this file.
    Authority(PathBuf),
    /// Anybody, whatever the certificate says.
    Anybody,
}

/// What clients over TLS need to know.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// Only if sessions are to be resumed.
    tickets: Option<Arc<Tickets>>,
}

/// What the handshakes of a load showed.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct TlsReport {
    /// Whether clients remember the server.
    pub(crate) resumes: bool,
    /// Handshakes that began with what an earlier one had left.
    pub(crate) resumed: u64,
}

impl Trust {
    /// For a server of this name or address, without a port.
    pub(crate) fn new(host: &str, whom: &Whom, resumes: bool) -> Result<Self, String> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| format!("{host:?} is no name of a server: {error}"))?;
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let mut config = match whom {
            Whom::Anybody => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anybody(algorithms)))
                .with_no_client_auth(),
            Whom::Authority(path) => builder
                .with_root_certificates(authorities_in(path)?)
                .with_no_client_auth(),
            Whom::Known => builder
                .with_root_certificates(known_authorities())
                .with_no_client_auth(),
        };
        let tickets = resumes.then(|| Arc::new(Tickets::default()));
        config.resumption = match &tickets {
            Some(tickets) => {
                let store = Arc::clone(tickets);
                Resumption::store(store)
            }
            None => Resumption::disabled(),
        };
        Ok(Self {
            config: Arc::new(config),
            name,
            tickets,
        })
    }

    pub(crate) fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    pub(crate) fn name(&self) -> ServerName<'static> {
        self.name.clone()
    }

    pub(crate) fn report(&self) -> TlsReport {
        let tickets = self.tickets.as_ref();
        let resumed = tickets.map_or(0, |tickets| tickets.used.load(Ordering::Relaxed));
        TlsReport {
            resumes: tickets.is_some(),
            resumed,
        }
    }
}

/// It is made once for each load.
impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.config, &other.config)
    }
}

impl Eq for Trust {}

fn authorities_in(path: &Path) -> Result<RootCertStore, String> {
    let complain = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| complain(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| complain(&error))?;
        roots.add(certificate).map_err(|error| complain(&error))?;
    }
    match roots.is_empty() {
        true => Err(complain(&"there is no certificate")),
        false => Ok(roots),
    }
}

/// What can't be read, and what webpki does not understand, is left out: a handshake that needs it
/// fails and says so.
fn known_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

/// Believes everybody who can sign with the key of the certificate that is shown.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// What all clients together remember of the one server that there is. rustls's own store keeps
/// eight tickets of a server, which are used up when many clients come at once.
#[derive(Debug, Default)]
struct Tickets {
    tls13: Mutex<VecDeque<Tls13ClientSessionValue>>,
    tls12: Mutex<Option<Tls12ClientSessionValue>>,
    group: Mutex<Option<NamedGroup>>,
    used: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        *lock(&self.group) = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        *lock(&self.group)
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        *lock(&self.tls12) = Some(value);
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let session = lock(&self.tls12).clone();
        self.used
            .fetch_add(u64::from(session.is_some()), Ordering::Relaxed);
        session
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        *lock(&self.tls12) = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut tickets = lock(&self.tls13);
        if tickets.len() == TICKETS_MAX {
            tickets.pop_front();
        }
        tickets.push_back(value);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        let ticket = lock(&self.tls13).pop_back();
        self.used
            .fetch_add(u64::from(ticket.is_some()), Ordering::Relaxed);
        ticket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_name_or_an_address() {
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let trust = Trust::new(host, &Whom::Anybody, true).unwrap();
            assert_eq!(trust.report().resumed, 0);
            assert!(trust.report().resumes);
        }
        assert!(Trust::new("a b", &Whom::Anybody, true).is_err());
        let nowhere = Whom::Authority(PathBuf::from("/no/such/file"));
        let why = Trust::new("localhost", &nowhere, false).unwrap_err();
        assert!(why.starts_with("/no/such/file: "), "{why}");
    }
}
