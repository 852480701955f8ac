//! Certificates of clients: who has to show one, and which ones count.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::authorities::Authorities;
use super::error::TlsError;
use super::options::TlsOptions;

/// Who looks at the certificates of clients.
#[derive(Default)]
pub(super) struct Clients {
    /// Who lets them in; nobody if they are not asked for one.
    pub(super) verifier: Option<Arc<dyn ClientCertVerifier>>,
    /// Who says whether one is valid, if others are let in, too.
    pub(super) judge: Option<Arc<dyn ClientCertVerifier>>,
}

impl Clients {
    /// # Errors
    /// There are no authorities to judge by, or a list of theirs can't be used.
    pub(super) fn new(
        options: &TlsOptions,
        authorities: &Authorities,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        if !options.request_cert {
            return match options.crl.is_empty() {
                true => Ok(Self::default()),
                false => Err(TlsError::of(
                    "tls-crl",
                    "no client is asked for a certificate: \
                     tls-request-cert is missing",
                )),
            };
        }
        if authorities.certificates.is_empty() && options.reject_unauthorized {
            return Err(TlsError::of(
                "tls-request-cert",
                "whose certificates count is not said: name authorities in tls-ca, or write \
                 tls-reject-unauthorized=false",
            ));
        }
        let judge = judge(authorities, provider)?;
        if options.reject_unauthorized {
            return Ok(Self {
                verifier: Some(judge),
                judge: None,
            });
        }
        Ok(Self {
            verifier: Some(Arc::new(Lenient::new(&*judge, provider))),
            judge: Some(judge),
        })
    }
}

/// Who judges by authorities.
fn judge(
    authorities: &Authorities,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    if authorities.certificates.is_empty() {
        return Ok(Arc::new(Nobody(provider.signature_verification_algorithms)));
    }
    let roots = Arc::new(authorities.roots());
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
    let builder = builder.with_crls(authorities.crls.iter().cloned());
    let judge = builder.enforce_revocation_expiration().build();
    judge.map_err(|_| TlsError::of("tls-crl", "a list of revoked certificates can't be used"))
}

/// Lets everybody pass, with a certificate or without, whoever has issued it, as Node does with
/// `rejectUnauthorized: false`. That a client has the key of the certificate that it shows is seen
/// to nevertheless.
#[derive(Debug)]
pub(super) struct Lenient {
    /// Names of the authorities that clients are told.
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Lenient {
    pub(super) fn new(judge: &dyn ClientCertVerifier, provider: &CryptoProvider) -> Self {
        Self {
            hints: judge.root_hint_subjects().to_vec(),
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ClientCertVerifier for Lenient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Judges by no authority: no certificate is valid.
#[derive(Debug)]
pub(super) struct Nobody(pub(super) WebPkiSupportedAlgorithms);

impl ClientCertVerifier for Nobody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
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
